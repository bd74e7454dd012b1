//! Contiguous leases: a block of ports that follow one another.

use portlease_proto::{Explanation, Port, ProjectName};

use super::{
    Error, Inner, Manager,
    draft::Draft,
    get::Wanted,
    identify::{Findings, Interrupt, Occupancy},
    place::{Consider, Move, Outcome, placed, request},
};
use crate::{
    allocator::{self, Candidate, Wish},
    registry::Record,
};

impl Manager {
    /// Drafts a block in the order of `wanted`.
    pub(super) fn fill_block(
        &self,
        inner: &mut Inner,
        draft: &mut Draft,
        wanted: &[Wanted<'_>],
        findings: &Findings,
    ) -> Result<(), Interrupt> {
        let Some(first) = wanted.first() else { return Ok(()) };
        let there: Vec<Option<Record>> =
            wanted.iter().map(|wanted| inner.registry.find(&wanted.key).cloned()).collect();
        self.check_room(inner, draft, first, there.iter().filter(|record| record.is_none()).count())?;
        let anew = wanted.iter().any(|wanted| wanted.request.reset);
        if anew {
            self.check_idle(inner, &there, findings)?;
        }
        if anew || there.iter().all(Option::is_none) {
            let whys = there.iter().map(|record| record.as_ref().map_or(Move::New, Move::Asked)).collect();
            return self.place_block(inner, draft, wanted, whys, findings);
        }
        let base = base(&first.key.project, &there)?;
        if let Some(because) = self.must_leave(inner, wanted, &there, findings)? {
            let away = |record| Move::Away(record, because.clone());
            let whys = there.iter().map(|record| record.as_ref().map_or(Move::New, away)).collect();
            return self.place_block(inner, draft, wanted, whys, findings);
        }
        for ((wanted, record), port) in wanted.iter().zip(&there).zip(from(base)) {
            match record {
                Some(record) => self.keep(inner, draft, wanted, record, findings)?,
                None => self.complete(inner, draft, wanted, port, findings)?,
            }
        }
        Ok(())
    }

    /// Why a block that is there must go elsewhere: a stranger is on one of its
    /// ports. Not while an app of its own runs on another one.
    fn must_leave(
        &self,
        inner: &mut Inner,
        wanted: &[Wanted<'_>],
        there: &[Option<Record>],
        findings: &Findings,
    ) -> Result<Option<String>, Interrupt> {
        let (mut stranger, mut running) = (None, false);
        for record in there.iter().flatten() {
            match inner.occupancy(&self.edges, record, findings)? {
                Occupancy::Stranger(holder) => stranger = stranger.or(Some((record.port, holder))),
                Occupancy::Own(_) => running = true,
                Occupancy::Idle => {}
            }
        }
        let Some((port, holder)) = stranger else { return Ok(None) };
        if running || wanted.iter().any(|wanted| wanted.request.strict) {
            return Err(Error::InUse { port, holder: Box::new(holder) }.into());
        }
        Ok(Some(format!("{port} is taken by {holder}")))
    }

    /// A block moves as one, so not from under an app of its own.
    fn check_idle(
        &self,
        inner: &mut Inner,
        there: &[Option<Record>],
        findings: &Findings,
    ) -> Result<(), Interrupt> {
        for record in there.iter().flatten() {
            if let Occupancy::Own(holder) = inner.occupancy(&self.edges, record, findings)? {
                let (key, port) = (record.key.clone(), record.port);
                return Err(Error::Running { key, port, holder: Box::new(holder) }.into());
            }
        }
        Ok(())
    }

    /// Adds what a block lacks, at its one place.
    fn complete(
        &self,
        inner: &mut Inner,
        draft: &mut Draft,
        wanted: &Wanted<'_>,
        port: Option<Port>,
        findings: &Findings,
    ) -> Result<(), Interrupt> {
        let project = &wanted.key.project;
        let end = || Error::NotContiguous {
            project: project.clone(),
            how: "65535 is the last port".to_owned(),
            by: None,
        };
        let port = port.ok_or_else(end)?;
        let exclusions = inner.current_exclusions(&self.edges, wanted.now);
        let (why, request) = (Move::New, request(wanted, &Move::New));
        let consider = Consider { wanted, request: &request, why: &why, exclusions: &exclusions, findings };
        match self.consider(inner, draft, &consider, Candidate { port, wish: Wish::Exact })? {
            Outcome::Fits => {
                draft.add(placed(wanted, &why, port, Occupancy::Idle, Explanation::default()));
                Ok(())
            }
            Outcome::Stays(_) => Ok(()),
            Outcome::Skip(skip) => {
                let by = skip.into_error(port, inner, &self.edges, findings)?;
                let how = format!("{} would need {port}, and {by}", wanted.key);
                Err(Error::NotContiguous { project: project.clone(), how, by: Some(Box::new(by)) }.into())
            }
        }
    }

    /// Finds a place for the whole block.
    fn place_block(
        &self,
        inner: &mut Inner,
        draft: &mut Draft,
        wanted: &[Wanted<'_>],
        whys: Vec<Move<'_>>,
        findings: &Findings,
    ) -> Result<(), Interrupt> {
        let Some(first) = wanted.first() else { return Ok(()) };
        let exclusions = inner.current_exclusions(&self.edges, first.now);
        let mut explanation = Explanation::default();
        let mut blocked: Option<Port> = None;
        let settings = self.settings();
        let bases: Vec<Candidate> =
            allocator::candidates(&first.key, first.request, &settings.pool).collect();
        for Candidate { port: base, wish } in bases {
            if wish == Wish::Pool {
                explanation.start = explanation.start.or(Some(base));
            }
            let ports: Vec<Port> = from(base).take(wanted.len()).map_while(|port| port).collect();
            let in_pool = |port: &Port| match first.request.range {
                Some(range) => range.contains(*port),
                None => wish == Wish::Preferred || settings.pool.contains(*port),
            };
            let fits = ports.len() == wanted.len() && ports.iter().all(in_pool);
            // What blocked the last place blocks this one, too.
            if !fits || blocked.is_some_and(|port| ports.contains(&port)) {
                continue;
            }
            let (mark, mut found) = (draft.claims(), Vec::new());
            for ((wanted, why), port) in wanted.iter().zip(&whys).zip(ports) {
                let request = request(wanted, why);
                let consider = Consider { wanted, request: &request, why, exclusions: &exclusions, findings };
                match self.consider(inner, draft, &consider, Candidate { port, wish })? {
                    Outcome::Fits => found.push((port, Occupancy::Idle)),
                    Outcome::Stays(occupancy) => found.push((port, occupancy)),
                    Outcome::Skip(skip) => {
                        let mut detail = skip.detail();
                        // A port that somebody named is told of by its number.
                        let named = if wish == Wish::Preferred { base } else { port };
                        if named != port {
                            detail = format!("a block from it would need {port}: {detail}");
                        }
                        explanation.skip(named, skip.reason(), detail);
                        blocked = Some(port);
                        break;
                    }
                }
            }
            if found.len() == wanted.len() {
                for ((wanted, why), (port, occupancy)) in wanted.iter().zip(&whys).zip(found) {
                    draft.add(placed(wanted, why, port, occupancy, explanation.clone()));
                }
                return Ok(());
            }
            draft.give_back(inner, mark);
        }
        Err(self.exhausted(first.request, wanted.len(), explanation).into())
    }
}

/// A port and those after it; none past the last.
fn from(base: Port) -> impl Iterator<Item = Option<Port>> {
    (0..=u16::MAX).map(move |step| base.get().checked_add(step).and_then(Port::new))
}

/// Where the block begins that the leases that are there belong to.
fn base(project: &ProjectName, there: &[Option<Record>]) -> Result<Port, Error> {
    let apart = |how: String| Error::NotContiguous { project: project.clone(), how, by: None };
    let mut base: Option<(Port, &Record)> = None;
    for (place, record) in there.iter().enumerate() {
        let Some(record) = record else { continue };
        let step = u16::try_from(place).unwrap_or(u16::MAX);
        let begins = record.port.get().checked_sub(step).and_then(Port::new);
        let begins = begins.ok_or_else(|| apart(format!("{} has {}", record.key, record.port)))?;
        match base {
            None => base = Some((begins, record)),
            Some((other, _)) if other == begins => {}
            Some((_, earlier)) => {
                return Err(apart(format!(
                    "{} has {} and {} has {}",
                    earlier.key, earlier.port, record.key, record.port
                )));
            }
        }
    }
    base.map(|(port, _)| port).ok_or_else(|| apart("none of them is there".to_owned()))
}
