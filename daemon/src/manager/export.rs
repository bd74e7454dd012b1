//! Leases to a file and back.

use std::path::Path;

use portlease_proto::{Export, ExportedLease, GetRequest, Imported, Outcome};

use super::{
    Error, Inner, Manager,
    draft::{Draft, Placed},
    get::Wanted,
    identify::{Findings, Interrupt, Occupancy},
    place::{self, Move},
    settle,
};
use crate::{
    clock::Now,
    registry::{Change, LeaseKey, Record},
};

impl Manager {
    /// The leases that can be made anew elsewhere.
    pub fn export(&self) -> Export {
        let mut inner = self.lock();
        inner.sweep(&self.edges, self.edges.clock.now());
        let stays = |record: &&Record| !record.key.project.is_anonymous() && record.life.owner.is_none();
        let exported = |record: &Record| {
            let home = inner.registry.home(&record.key.project);
            ExportedLease {
                project: record.key.project.clone(),
                service: record.key.service.clone(),
                port: record.port,
                protocol: record.protocol,
                root: record.root.clone(),
                identified: home.is_some_and(|home| Some(&home.root) == record.root.as_ref()),
                labels: record.labels.clone(),
                hold: record.hold,
                ttl_s: record.life.term.map(|term| term.ttl),
            }
        };
        let leases = inner.registry.all().filter(stays).map(exported).collect();
        Export { version: Export::VERSION, leases }
    }

    /// Makes the leases of a file that are not there, all or none; what is
    /// there stays as it is. May walk all processes.
    ///
    /// # Errors
    /// Any [`Error`]; then nothing has changed.
    pub fn import(&self, export: &Export) -> Result<Vec<Imported>, Error> {
        let now = self.edges.clock.now();
        let requests: Vec<GetRequest> = export.leases.iter().map(request).collect();
        let wanted: Vec<Wanted<'_>> =
            export.leases.iter().zip(&requests).map(|(lease, request)| wanted(lease, request, now)).collect();
        self.thoroughly(|findings| self.attempt_import(export, &wanted, findings))
    }

    fn attempt_import(
        &self,
        export: &Export,
        wanted: &[Wanted<'_>],
        findings: &Findings,
    ) -> Result<Vec<Imported>, Interrupt> {
        let Some(first) = wanted.first() else { return Ok(Vec::new()) };
        let mut report: Vec<Option<Imported>> = wanted.iter().map(|_| None).collect();
        let granted = self.all_or_nothing(first.now, |inner, draft| {
            let mut others: Vec<(usize, String)> = Vec::new();
            // Whoever gets its port comes first: another one must not happen upon it.
            for (place, wanted) in wanted.iter().enumerate() {
                if let Some(record) = inner.registry.find(&wanted.key) {
                    report[place] = Some(kept(record, &export.leases[place]));
                } else if let Some(because) = self.put_back(inner, draft, wanted, findings)? {
                    others.push((place, because));
                }
            }
            for (place, because) in others {
                let anywhere = GetRequest { port: None, force: false, ..wanted[place].request.clone() };
                let anywhere = Wanted { request: &anywhere, ..wanted[place].clone() };
                self.place(inner, draft, &anywhere, Move::New, findings)?;
                let ExportedLease { project, service, port, .. } = export.leases[place].clone();
                report[place] = Some(Imported {
                    project,
                    service,
                    port,
                    outcome: Outcome::Moved,
                    because: Some(because),
                });
            }
            inner.settle_again(draft, export);
            Ok(())
        })?;
        let told = report.into_iter().zip(&export.leases).map(|(told, lease)| {
            let is_it = |granted: &&super::Granted| {
                granted.lease.project == lease.project && granted.lease.service == lease.service
            };
            let port = granted.iter().find(is_it).map(|granted| granted.lease.port);
            let told = told.unwrap_or_else(|| Imported {
                project: lease.project.clone(),
                service: lease.service.clone(),
                port: lease.port,
                outcome: Outcome::Granted,
                because: None,
            });
            Imported { port: port.unwrap_or(told.port), ..told }
        });
        Ok(told.collect())
    }

    /// Drafts the lease on the port that it had; why that cannot be, else.
    fn put_back(
        &self,
        inner: &mut Inner,
        draft: &mut Draft,
        wanted: &Wanted<'_>,
        findings: &Findings,
    ) -> Result<Option<String>, Interrupt> {
        let Some(port) = wanted.request.port else { return Ok(None) };
        let record = place::record(wanted, None, port);
        // After a loss of the registry, its app may be on the port already. Who
        // that is, only the root can tell: nobody knows who came first.
        if wanted.root.is_some() && inner.registry.at(port).is_none() && draft.at(port).is_none() {
            let occupancy = inner.occupancy(&self.edges, &record, findings)?;
            if matches!(occupancy, Occupancy::Own(_)) && inner.kept.claim(&self.edges, port).is_ok() {
                draft.claimed(port);
                self.check_room(inner, draft, wanted, 1)?;
                draft.add(Placed { before: None, record, occupancy, changed: None, explain: None });
                return Ok(None);
            }
        }
        match self.place(inner, draft, wanted, Move::New, findings) {
            Ok(()) => Ok(None),
            Err(Interrupt::Failed(error)) if error.is_about_a_port() => Ok(Some(error.to_string())),
            Err(interrupt) => Err(interrupt),
        }
    }
}

impl Inner {
    /// Notes whose the directories are that are here, and that nobody has yet.
    fn settle_again(&self, draft: &mut Draft, export: &Export) {
        let mut before = None;
        for lease in export.leases.iter().filter(|lease| lease.identified) {
            let (project, root) = (&lease.project, lease.root.as_deref());
            if before.replace(project) == Some(project) || self.registry.home(project).is_some() {
                continue;
            }
            if let Some(home) =
                root.filter(|root| Path::new(root).is_dir()).and_then(|root| settle::home(root).ok())
            {
                draft.note(Change::Settle(project.clone(), home), None);
            }
        }
    }
}

/// The port was granted once, so it is no matter that it is not given now.
fn request(lease: &ExportedLease) -> GetRequest {
    GetRequest {
        port: Some(lease.port),
        force: true,
        protocol: Some(lease.protocol),
        labels: Some(lease.labels.clone()),
        hold: Some(lease.hold),
        ttl_s: lease.ttl_s,
        ..GetRequest::default()
    }
}

/// The root is taken as it is: it may not be here yet.
fn wanted<'a>(lease: &ExportedLease, request: &'a GetRequest, now: Now) -> Wanted<'a> {
    let key = LeaseKey { project: lease.project.clone(), service: lease.service.clone() };
    Wanted {
        key,
        request,
        root: lease.root.clone(),
        home: None,
        owner: None,
        run: None,
        owner_command: None,
        after: None,
        now,
    }
}

fn kept(record: &Record, lease: &ExportedLease) -> Imported {
    let because = (record.port != lease.port).then(|| format!("it has port {} here", record.port));
    Imported {
        project: lease.project.clone(),
        service: lease.service.clone(),
        port: record.port,
        outcome: Outcome::Kept,
        because,
    }
}
