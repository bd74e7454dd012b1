//! `get`: the lease that is there, or a new one, or a new port for one whose
//! port a stranger has.

use std::{fs, io, num::NonZeroU32};

use portlease_proto::{Change, GetRequest, Identify, Lease, Port, Ttl};

use super::{
    Error, Inner, Manager,
    draft::{Draft, Placed},
    identify::{Findings, Interrupt, Occupancy},
    kept::{bad_owner, bad_run},
    place::Move,
    settle, view,
};
use crate::{
    clock::Now,
    registry::{Home, LeaseKey, Owner, Record, Term},
    sockets::ClaimError,
};

/// The answer to a `get`.
#[derive(Debug, Clone, PartialEq)]
pub struct Granted {
    /// The lease.
    pub lease: Lease,
    /// Whether it is new.
    pub created: bool,
}

/// A request whose root and owner were looked up.
#[derive(Clone)]
pub(super) struct Wanted<'a> {
    pub(super) key: LeaseKey,
    pub(super) request: &'a GetRequest,
    pub(super) root: Option<String>,
    /// The root and what the name was made from, if the project is named after it.
    pub(super) home: Option<(Home, Identify)>,
    pub(super) owner: Option<Owner>,
    pub(super) run: Option<Owner>,
    /// What the owner is called.
    pub(super) owner_command: Option<Box<str>>,
    /// How long the lease is to live on after its owner.
    pub(super) after: Option<Ttl>,
    pub(super) now: Now,
}

impl Manager {
    /// Gets a lease. May walk all processes.
    ///
    /// # Errors
    /// Any [`Error`]; then nothing has changed.
    pub fn get(&self, key: &LeaseKey, request: &GetRequest) -> Result<Granted, Error> {
        let wanted = self.wanted_by_name(key, request)?;
        self.thoroughly(|findings| self.attempt_get(&wanted, findings))
    }

    /// Gets a lease, or none (and nothing has changed) if that would take a
    /// walk of all processes: ask [`Manager::get`] then.
    ///
    /// # Errors
    /// As [`Manager::get`].
    pub fn try_get(&self, key: &LeaseKey, request: &GetRequest) -> Result<Option<Granted>, Error> {
        match self.attempt_get(&self.wanted_by_name(key, request)?, &Findings::new()) {
            Ok(granted) => Ok(Some(granted)),
            Err(Interrupt::Identify(_)) => Ok(None),
            Err(Interrupt::Failed(error)) => Err(error),
        }
    }

    fn wanted_by_name<'a>(&self, key: &LeaseKey, request: &'a GetRequest) -> Result<Wanted<'a>, Error> {
        if key.project.is_anonymous() {
            return Err(Error::Anonymous);
        }
        self.wanted(key.clone(), request, request.root.as_deref(), request.run_pid)
    }

    pub(super) fn wanted<'a>(
        &self,
        key: LeaseKey,
        request: &'a GetRequest,
        root: Option<&str>,
        run_pid: Option<NonZeroU32>,
    ) -> Result<Wanted<'a>, Error> {
        let root = root.map(resolve_root).transpose()?;
        let owner = request.owner_pid.map(|pid| self.owner(pid.get())).transpose()?;
        let run = run_pid.map(|pid| self.run(pid.get())).transpose()?;
        let home = root.as_deref().zip(request.identify).map(settle::home_by).transpose()?;
        let owner_command =
            owner.and_then(|owner| self.edges.processes.command(owner.pid)).map(String::into_boxed_str);
        let now = self.edges.clock.now();
        Ok(Wanted { key, request, root, home, owner, run, owner_command, after: None, now })
    }

    fn owner(&self, pid: u32) -> Result<Owner, Error> {
        self.edges.owners.find(pid).map_err(|error| bad_owner(pid, error))
    }

    fn run(&self, pid: u32) -> Result<Owner, Error> {
        self.edges.owners.find(pid).map_err(|error| bad_run(pid, error))
    }

    fn attempt_get(&self, wanted: &Wanted<'_>, findings: &Findings) -> Result<Granted, Interrupt> {
        let granted = self.all_or_nothing(wanted.now, |inner, draft| {
            let settled = inner.settled(draft, std::slice::from_ref(wanted));
            let settled = settled.as_deref().and_then(<[_]>::first);
            self.fill(inner, draft, settled.unwrap_or(wanted), findings)
        })?;
        // One lease was drafted.
        granted.into_iter().next().ok_or_else(|| Error::no_such_lease(&wanted.key).into())
    }

    /// Drafts what one request asks for.
    pub(super) fn fill(
        &self,
        inner: &mut Inner,
        draft: &mut Draft,
        wanted: &Wanted<'_>,
        findings: &Findings,
    ) -> Result<(), Interrupt> {
        match inner.registry.find(&wanted.key).cloned() {
            None => self.place(inner, draft, wanted, Move::New, findings),
            Some(record) if wanted.request.reset => {
                self.place(inner, draft, wanted, Move::Asked(&record), findings)
            }
            Some(record) => self.keep(inner, draft, wanted, &record, findings),
        }
    }

    /// The lease is there: a look-up, unless a stranger is on its port.
    pub(super) fn keep(
        &self,
        inner: &mut Inner,
        draft: &mut Draft,
        wanted: &Wanted<'_>,
        record: &Record,
        findings: &Findings,
    ) -> Result<(), Interrupt> {
        // Who is there is judged by the root that the lease is about to have:
        // else the answer to the same request would be another one next time.
        let noted = noted(record, wanted);
        let occupancy = inner.occupancy(&self.edges, &noted, findings)?;
        let claim = inner.kept.claim(&self.edges, record.port).map(|_| ());
        if let Some(how) = contradiction(record, wanted) {
            let lease = Box::new(view::lease(record, inner.sight(record, occupancy), wanted.now));
            return Err(Error::Differs { lease, how }.into());
        }
        // An exact port is that one or none.
        let stay = wanted.request.strict || wanted.request.port.is_some();
        match (occupancy, claim) {
            (Occupancy::Stranger(holder), _) => {
                let because = format!("taken by {holder}");
                if stay {
                    return Err(Error::InUse { port: record.port, holder: Box::new(holder) }.into());
                }
                self.place(inner, draft, wanted, Move::Away(record, because), findings)
            }
            (Occupancy::Idle, Err(ClaimError::Taken)) => {
                if stay {
                    return Err(Error::Claimed { port: record.port }.into());
                }
                let because = "taken by another portlease daemon on this machine".to_owned();
                self.place(inner, draft, wanted, Move::Away(record, because), findings)
            }
            (Occupancy::Idle, Err(ClaimError::TooManyFiles)) => Err(Error::TooManyFiles.into()),
            (Occupancy::Idle, Err(error @ ClaimError::Call(_))) => Err(Error::Claim(error).into()),
            // A running app keeps its port whatever became of the claim.
            (occupancy @ Occupancy::Own(_), _) | (occupancy @ Occupancy::Idle, Ok(())) => {
                let explain = wanted.request.explain.then(Default::default);
                let before = Some(record.clone());
                draft.add(Placed { before, record: noted, occupancy, changed: None, explain });
                Ok(())
            }
        }
    }
}

/// The lease with labels, a hold or a root that the request brings and it has
/// not, and with a term that has at least half of its time left.
fn noted(record: &Record, wanted: &Wanted<'_>) -> Record {
    let mut noted = record.clone();
    // A root that was looked up is where the project is now.
    if noted.root.is_none() || wanted.home.is_some() {
        noted.root.clone_from(&wanted.root);
    }
    noted.run = wanted.run.or(record.run);
    noted.hold = wanted.request.hold.unwrap_or(noted.hold);
    if let Some(labels) = &wanted.request.labels {
        noted.labels.clone_from(labels);
    }
    if let (Some(ttl), Some(term)) = (wanted.request.ttl_s, noted.life.term)
        && term.left(wanted.now) < ttl.duration() / 2
    {
        noted.life.term = Some(Term::begin(ttl, wanted.now));
        noted.renewed_at = wanted.now.wall;
    }
    noted
}

/// What the request wants otherwise than the lease has it.
fn contradiction(record: &Record, wanted: &Wanted<'_>) -> Option<String> {
    let request = wanted.request;
    if let Some(port) = request.port.filter(|port| *port != record.port) {
        return Some(format!("port {port} was asked for"));
    }
    if let Some(range) = request.range.filter(|range| !range.contains(record.port)) {
        return Some(format!("a port in {range} was asked for"));
    }
    if let Some(protocol) = request.protocol.filter(|protocol| *protocol != record.protocol) {
        return Some(format!("its protocol is {}, not {protocol}", record.protocol));
    }
    if let Some(ttl) = request.ttl_s.filter(|ttl| record.life.term.is_none_or(|term| term.ttl != *ttl)) {
        return Some(match record.life.term {
            Some(term) => format!("its TTL is {}, not {ttl}", term.ttl),
            None => "it stays until it is released".to_owned(),
        });
    }
    if let Some(owner) = wanted.owner.filter(|owner| record.life.owner != Some(*owner)) {
        return Some(match record.life.owner {
            Some(other) => format!("it belongs to process {}, not {}", other.pid, owner.pid),
            None => "it belongs to no process".to_owned(),
        });
    }
    match (&record.root, &wanted.root) {
        (Some(has), Some(wants)) if has != wants && wanted.home.is_none() => {
            Some(format!("its root is {has}, not {wants}"))
        }
        _ => None,
    }
}

/// The directory without symbolic links, as the kernel names it in a process's
/// working directory.
fn resolve_root(root: &str) -> Result<String, Error> {
    let bad = |source| Error::BadRoot { root: root.to_owned(), source };
    let resolved = fs::canonicalize(root).map_err(bad)?;
    if !resolved.is_dir() {
        return Err(bad(io::ErrorKind::NotADirectory.into()));
    }
    resolved.into_os_string().into_string().map_err(|_| bad(io::ErrorKind::InvalidData.into()))
}

/// A move to another port, as the answer tells it.
pub(super) fn change(from: Port, to: Port, because: String) -> Option<Change> {
    (from != to).then_some(Change { from, to, because })
}
