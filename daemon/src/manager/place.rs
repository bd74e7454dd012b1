//! Placing a lease on a port: each candidate is looked up in the tables,
//! claimed among the daemons of the machine, and put to the kernel.

use portlease_proto::{Explanation, GetRequest, Holder, Port};

use super::{
    Error, Inner, Manager,
    crowd::Crowd,
    draft::{Draft, Placed},
    get::{Wanted, change},
    identify::{Findings, Interrupt, Occupancy, first_holder, only_leftovers},
    skip::Skip,
};
use crate::{
    allocator::{self, Candidate, Exclusions, Obstacle, Wish},
    registry::{Life, Record, Term},
    sockets::{ClaimError, HoldError, Leftovers, SocketRow, SocketState, Verdict},
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
pub(super) enum Outcome {
    Fits,
    /// It is the lease's own port and stays so.
    Stays(Occupancy),
    Skip(Skip),
}

impl Manager {
    /// Finds a port and drafts the lease with it.
    pub(super) fn place(
        &self,
        inner: &mut Inner,
        draft: &mut Draft,
        wanted: &Wanted<'_>,
        why: Move<'_>,
        findings: &Findings,
    ) -> Result<(), Interrupt> {
        if why.record().is_none() {
            self.check_room(inner, draft, wanted, 1)?;
        }
        let request = &request(wanted, &why);
        let exclusions = inner.current_exclusions(&self.edges, wanted.now);
        let mut explanation = Explanation::default();
        let settings = self.settings();
        let candidates = allocator::candidates(&wanted.key, request, &settings.pool);
        let own = why.record().map(|record| record.port);
        let mut crowd = Crowd::new(&inner.crowd, request.protocol.unwrap_or_default(), wanted.now);
        inner.considered = 0;
        for candidate in candidates {
            inner.considered += 1;
            if candidate.wish == Wish::Pool && explanation.start.is_none() {
                explanation.start = Some(candidate.port);
            }
            // In a pool that is nearly full, most of the walk.
            let passed = candidate.wish == Wish::Pool && !request.explain && own != Some(candidate.port);
            if passed && (inner.registry.is_leased(candidate.port) || crowd.is_on(candidate.port)) {
                continue;
            }
            let consider = Consider { wanted, request, why: &why, exclusions: &exclusions, findings };
            match self.consider(inner, draft, &consider, candidate)? {
                Outcome::Fits => {
                    draft.add(placed(wanted, &why, candidate.port, Occupancy::Idle, explanation));
                    return Ok(());
                }
                Outcome::Stays(occupancy) => {
                    draft.add(placed(wanted, &why, candidate.port, occupancy, explanation));
                    return Ok(());
                }
                Outcome::Skip(skip) if candidate.wish == Wish::Exact => {
                    return Err(skip.into_error(candidate.port, inner, &self.edges, findings)?.into());
                }
                Outcome::Skip(skip) if request.explain => {
                    explanation.skip(candidate.port, skip.reason(), skip.detail());
                }
                Outcome::Skip(Skip::InUse(_)) => crowd.meet(&self.edges, &mut inner.crowd),

                Outcome::Skip(_) => {}
            }
        }
        Err(self.exhausted(request, 1, explanation).into())
    }

    pub(super) fn exhausted(&self, request: &GetRequest, count: usize, explanation: Explanation) -> Error {
        let ranges =
            request.range.map_or_else(|| self.settings().pool.ranges().to_vec(), |range| vec![range]);
        let explain = request.explain.then(|| Box::new(explanation));
        Error::Exhausted { count, ranges, explain }
    }

    /// Whether a project may have so many leases more.
    pub(super) fn check_room(
        &self,
        inner: &Inner,
        draft: &Draft,
        wanted: &Wanted<'_>,
        more: usize,
    ) -> Result<(), Error> {
        let (project, settings) = (&wanted.key.project, self.settings());
        let then = inner.registry.count(project) + draft.new_leases() + more;
        if project.is_anonymous() {
            let share = 100 - usize::from(settings.kept_percent.min(100));
            let most = settings.pool.len() * share / 100;
            return if then > most { Err(Error::TooManyAnonymous { most }) } else { Ok(()) };
        }
        let most = settings.leases_per_project;
        if then > most { Err(Error::TooManyLeases { project: project.clone(), most }) } else { Ok(()) }
    }

    /// What a candidate comes to. One that fits is claimed, and held if that is
    /// asked for, on account of the draft.
    pub(super) fn consider(
        &self,
        inner: &mut Inner,
        draft: &mut Draft,
        consider: &Consider<'_>,
        candidate: Candidate,
    ) -> Result<Outcome, Interrupt> {
        let port = candidate.port;
        if let Some(record) = consider.why.record().filter(|record| record.port == port) {
            return self.consider_own(inner, consider, record);
        }
        let Consider { wanted, request, exclusions, .. } = consider;
        let obstacle =
            allocator::obstacle(port, &wanted.key, request, exclusions, &inner.registry, wanted.now);
        let drafted = || draft.at(port).cloned().map(Obstacle::Leased);
        if let Some(obstacle) = obstacle.or_else(drafted) {
            return Ok(Outcome::Skip(Skip::Tables(obstacle)));
        }
        if let Some(taken) = self.claim(inner, port)? {
            return Ok(taken);
        }
        let outcome = self.ask_kernel(inner, consider, candidate).and_then(|outcome| match outcome {
            Outcome::Fits if is_held(consider) => Ok(self.hold(inner, port)?),
            outcome => Ok(outcome),
        });
        match outcome {
            Ok(Outcome::Fits) => draft.claimed(port),
            _ => inner.kept.let_go(port),
        }
        outcome
    }

    fn hold(&self, inner: &mut Inner, port: Port) -> Result<Outcome, Error> {
        match inner.kept.hold(&self.edges, port) {
            Ok(()) => Ok(Outcome::Fits),
            Err(HoldError::InUse) => Ok(Outcome::Skip(Skip::InUse(Holder::default()))),
            Err(HoldError::TooManyFiles) => Err(Error::TooManyFiles),
            Err(source @ HoldError::Call(_)) => Err(Error::Hold { port, source }),
        }
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
        let occupancy = inner.occupancy(&self.edges, &asked, consider.findings)?;
        if let Occupancy::Stranger(holder) = occupancy {
            return Ok(Outcome::Skip(Skip::InUse(holder)));
        }
        if let Some(taken) = self.claim(inner, port)? {
            return Ok(taken);
        }
        Ok(Outcome::Stays(occupancy))
    }

    /// Claims a port; what comes of it instead when another daemon has it.
    fn claim(&self, inner: &mut Inner, port: Port) -> Result<Option<Outcome>, Error> {
        match inner.kept.claim(&self.edges, port) {
            Ok(_) => Ok(None),
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
        // The anonymous leases are not of one project.
        let was_ours = !wanted.key.project.is_anonymous()
            && inner.registry.cooling(port, wanted.now) == Some(&wanted.key.project);
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
        // Without an answer the probe's word holds: a socket is there.
        if worth_it && sockets.on_port(port).is_ok_and(|rows| rows.iter().all(is_left)) {
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
}

/// The lease on the port that was found.
pub(super) fn placed(
    wanted: &Wanted<'_>,
    why: &Move<'_>,
    port: Port,
    occupancy: Occupancy,
    explanation: Explanation,
) -> Placed {
    let before = why.record();
    let because = match why {
        Move::Away(_, because) => because.clone(),
        Move::Asked(_) | Move::New => "asked to choose anew".to_owned(),
    };
    Placed {
        record: record(wanted, before, port),
        occupancy,
        changed: before.and_then(|before| change(before.port, port, because)),
        explain: wanted.request.explain.then_some(explanation),
        before: before.cloned(),
    }
}

/// Whether the lease that is considered is to have a hold.
fn is_held(consider: &Consider<'_>) -> bool {
    let before = consider.why.record();
    let run = consider.wanted.run.or(before.and_then(|record| record.run));
    // What a run started is about to bind it.
    run.is_none() && consider.request.hold.unwrap_or(before.is_some_and(|record| record.hold))
}

/// A lease that moves keeps its protocol unless told otherwise.
pub(super) fn request(wanted: &Wanted<'_>, why: &Move<'_>) -> GetRequest {
    let mut request = wanted.request.clone();
    if let Some(record) = why.record() {
        request.protocol = request.protocol.or(Some(record.protocol));
    }
    request
}

/// What stays the same from candidate to candidate.
pub(super) struct Consider<'a> {
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) request: &'a GetRequest,
    pub(super) why: &'a Move<'a>,
    pub(super) exclusions: &'a Exclusions,
    pub(super) findings: &'a Findings,
}

/// The lease as it is to be saved.
pub(super) fn record(wanted: &Wanted<'_>, before: Option<&Record>, port: Port) -> Record {
    let request = wanted.request;
    let wall = wanted.now.wall;
    let mut record = before.cloned().unwrap_or_else(|| Record {
        id: if wanted.key.project.is_anonymous() { wanted.key.service.to_string() } else { new_id() },
        key: wanted.key.clone(),
        port,
        protocol: request.protocol.unwrap_or_default(),
        root: None,
        labels: Default::default(),
        hold: false,
        life: Life::default(),
        run: None,
        owner_command: None,
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
    if let Some(hold) = request.hold {
        record.hold = hold;
    }
    if let Some(ttl) = request.ttl_s {
        record.life.term = Some(Term::begin(ttl, wanted.now));
    }
    if wanted.owner.is_some() {
        record.life.owner = wanted.owner;
        record.life.after = wanted.after;
        record.owner_command.clone_from(&wanted.owner_command);
    }
    record.run = wanted.run.or(record.run);
    if record.port != port {
        record.port = port;
        record.renewed_at = wall;
    }
    record
}

/// What no other lease has, nor had.
pub(super) fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
