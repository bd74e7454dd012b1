//! Placing a lease on a port: each candidate is looked up in the tables,
//! claimed among the daemons of the machine, and put to the kernel.

use portlease_proto::{Explanation, GetRequest, Holder, Port};

use super::{
    Error, Inner, Manager,
    get::{Granted, Wanted, change},
    identify::{Findings, Interrupt, Occupancy, first_holder, only_leftovers},
    skip::Skip,
    view,
};
use crate::{
    allocator::{self, Candidate, Exclusions, Wish},
    registry::{Change, Record},
    sockets::{ClaimError, Leftovers, SocketRow, SocketState, Verdict},
};

/// How many holders of skipped ports an explanation names; each may cost a walk
/// of all processes.
const NAMED: usize = 8;

/// Why a lease is placed.
pub(super) enum Move<'a> {
    /// It is new.
    New,
    /// The request says so (`reset`).
    Asked(&'a Record),
    /// It cannot stay where it is, and why.
    Away(&'a Record, String),
}

impl Move<'_> {
    fn record(&self) -> Option<&Record> {
        match self {
            Move::New => None,
            Move::Asked(record) | Move::Away(record, _) => Some(record),
        }
    }
}

/// What a candidate comes to.
enum Outcome {
    Fits,
    /// It is the lease's own port and stays so.
    Stays(Occupancy),
    Skip(Skip),
}

impl Manager {
    /// Finds a port, saves the lease with it, and only then answers.
    pub(super) fn place(
        &self,
        inner: &mut Inner,
        wanted: &Wanted<'_>,
        why: Move<'_>,
        findings: &Findings,
    ) -> Result<Granted, Interrupt> {
        let project = &wanted.key.project;
        let most = self.settings.leases_per_project;
        if why.record().is_none() && inner.registry.of_project(project).count() >= most {
            return Err(Error::TooManyLeases { project: project.clone(), most }.into());
        }
        let request = &request(wanted, &why);
        let exclusions = inner.current_exclusions(&self.edges, wanted.now);
        let mut explanation = Explanation::default();
        let candidates = allocator::candidates(wanted.key, request, &self.settings.pool);
        for candidate in candidates {
            if candidate.wish == Wish::Pool && explanation.start.is_none() {
                explanation.start = Some(candidate.port);
            }
            let consider = Consider { wanted, request, why: &why, exclusions: &exclusions, findings };
            match self.consider(inner, &consider, candidate)? {
                Outcome::Fits => {
                    return self.settle(inner, wanted, why, candidate.port, Occupancy::Idle, explanation);
                }
                Outcome::Stays(occupancy) => {
                    return self.settle(inner, wanted, why, candidate.port, occupancy, explanation);
                }
                Outcome::Skip(skip) if candidate.wish == Wish::Exact => {
                    return Err(skip.into_error(candidate.port, inner, &self.edges, findings)?.into());
                }
                Outcome::Skip(skip) if request.explain => {
                    explanation.skip(candidate.port, skip.reason(), skip.detail());
                }
                Outcome::Skip(_) => {}
            }
        }
        let ranges = request.range.map_or_else(|| self.settings.pool.ranges().to_vec(), |range| vec![range]);
        let explain = request.explain.then(|| Box::new(explanation));
        Err(Error::Exhausted { ranges, explain }.into())
    }

    fn consider(
        &self,
        inner: &mut Inner,
        consider: &Consider<'_>,
        candidate: Candidate,
    ) -> Result<Outcome, Interrupt> {
        let port = candidate.port;
        if let Some(record) = consider.why.record().filter(|record| record.port == port) {
            return self.consider_own(inner, consider, record);
        }
        let Consider { wanted, request, exclusions, .. } = consider;
        let obstacle =
            allocator::obstacle(port, wanted.key, request, exclusions, &inner.registry, wanted.now);
        if let Some(obstacle) = obstacle {
            return Ok(Outcome::Skip(Skip::Tables(obstacle)));
        }
        if let Some(taken) = self.claim(inner, port)? {
            return Ok(taken);
        }
        let outcome = self.ask_kernel(inner, consider, candidate);
        if !matches!(outcome, Ok(Outcome::Fits)) {
            inner.claims.remove(&port);
        }
        outcome
    }

    /// The port that the lease has already: it stays unless a stranger is on it.
    fn consider_own(
        &self,
        inner: &mut Inner,
        consider: &Consider<'_>,
        record: &Record,
    ) -> Result<Outcome, Interrupt> {
        let port = record.port;
        if let Move::Away(_, because) = consider.why {
            return Ok(Outcome::Skip(Skip::Left(because.clone())));
        }
        // It may be asked to cover more than it did, or to have another root.
        let asked = self::record(consider.wanted, Some(record), port);
        Ok(match inner.occupancy(&self.edges, &asked, consider.findings)? {
            Occupancy::Stranger(holder) => Outcome::Skip(Skip::InUse(holder)),
            occupancy => self.claim(inner, port)?.unwrap_or(Outcome::Stays(occupancy)),
        })
    }

    /// Claims a port; what comes of it instead when another daemon has it.
    fn claim(&self, inner: &mut Inner, port: Port) -> Result<Option<Outcome>, Error> {
        match inner.claim(&self.edges, self.settings.claims, port) {
            Ok(()) => Ok(None),
            Err(ClaimError::Taken) => Ok(Some(Outcome::Skip(Skip::Claimed))),
            Err(ClaimError::TooManyFiles) => Err(Error::TooManyFiles),
            Err(error @ ClaimError::Call(_)) => Err(Error::Claim(error)),
        }
    }

    fn ask_kernel(
        &self,
        inner: &Inner,
        consider: &Consider<'_>,
        candidate: Candidate,
    ) -> Result<Outcome, Interrupt> {
        let Candidate { port, wish } = candidate;
        let Consider { wanted, request, findings, .. } = consider;
        let protocol = request.protocol.unwrap_or_default();
        let sockets = &self.edges.sockets;
        // A project's own leftovers never cost it the port that it just released.
        let was_ours = inner.registry.cooling(port, wanted.now) == Some(&wanted.key.project);
        let leftovers = if was_ours { Leftovers::Ignored } else { Leftovers::InTheWay };
        match sockets.probe(port, protocol, leftovers)? {
            Verdict::Free => return Ok(Outcome::Fits),
            Verdict::Privileged => return Ok(Outcome::Skip(Skip::Privileged)),
            Verdict::InUse => {}
        }
        // A port that somebody names is worth a closer look: where nothing is
        // but what closed connections left, most servers can bind it.
        let worth_it = was_ours
            || (wish != Wish::Pool && sockets.probe(port, protocol, Leftovers::Ignored)? == Verdict::Free);
        let is_left = |row: &SocketRow| row.state == SocketState::Leftover || !row.is_covered_by(protocol);
        if worth_it && sockets.on_port(port)?.iter().all(is_left) {
            return Ok(Outcome::Fits);
        }
        let name_it = wish == Wish::Exact || (request.explain && findings.len() < NAMED);
        Ok(Outcome::Skip(match findings.get(&port) {
            Some(occupants) if only_leftovers(occupants, protocol) => Skip::Leftovers,
            Some(occupants) => Skip::InUse(first_holder(&self.edges, occupants, protocol)),
            None if name_it => return Err(Interrupt::Identify(port)),
            None => Skip::InUse(Holder::default()),
        }))
    }

    /// Saves the lease on its port. Until that is done nothing has changed but
    /// the claim, which goes again if it cannot be done.
    fn settle(
        &self,
        inner: &mut Inner,
        wanted: &Wanted<'_>,
        why: Move<'_>,
        port: Port,
        occupancy: Occupancy,
        explanation: Explanation,
    ) -> Result<Granted, Interrupt> {
        let before = why.record();
        let record = record(wanted, before, port);
        if before != Some(&record)
            && let Err(error) = inner.commit(&[Change::Put(record.clone())])
        {
            if before.is_none_or(|before| before.port != port) {
                inner.claims.remove(&port);
            }
            return Err(Error::Store(error).into());
        }
        let mut lease = view::lease(&record, occupancy, true);
        lease.explain = wanted.request.explain.then_some(explanation);
        if let Some(before) = before {
            if before.port != port {
                inner.claims.remove(&before.port);
            }
            let because = match &why {
                Move::Away(_, because) => because.clone(),
                Move::Asked(_) | Move::New => "asked to choose anew".to_owned(),
            };
            lease.changed = change(before.port, port, because);
        }
        Ok(Granted { lease, created: before.is_none() })
    }
}

/// A lease that moves keeps its protocol unless told otherwise.
fn request(wanted: &Wanted<'_>, why: &Move<'_>) -> GetRequest {
    let mut request = wanted.request.clone();
    if let Some(record) = why.record() {
        request.protocol = request.protocol.or(Some(record.protocol));
    }
    request
}

/// What stays the same from candidate to candidate.
struct Consider<'a> {
    wanted: &'a Wanted<'a>,
    request: &'a GetRequest,
    why: &'a Move<'a>,
    exclusions: &'a Exclusions,
    findings: &'a Findings,
}

/// The lease as it is to be saved.
fn record(wanted: &Wanted<'_>, before: Option<&Record>, port: Port) -> Record {
    let request = wanted.request;
    let wall = wanted.now.wall;
    let mut record = before.cloned().unwrap_or_else(|| Record {
        id: uuid::Uuid::new_v4().simple().to_string(),
        key: wanted.key.clone(),
        port,
        protocol: request.protocol.unwrap_or_default(),
        root: None,
        labels: Default::default(),
        created_at: wall,
        renewed_at: wall,
    });
    if let Some(protocol) = request.protocol {
        record.protocol = protocol;
    }
    if wanted.root.is_some() {
        record.root.clone_from(&wanted.root);
    }
    if let Some(labels) = &request.labels {
        record.labels.clone_from(labels);
    }
    if record.port != port {
        record.port = port;
        record.renewed_at = wall;
    }
    record
}
