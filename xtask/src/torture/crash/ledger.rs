//! What a client was told, and what must therefore be so after a crash. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::torture::daemon::Leases;

/// How long after its end a lease may still be listed.
const SLACK: Duration = Duration::from_secs(1);

/// A lease that was answered.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) port: u16,
    /// Between these its term ends.
    pub(crate) term: Option<(Instant, Instant)>,
}

/// What was under way when the daemon was killed: it may have happened or not,
/// but not by halves.
#[derive(Debug, Clone)]
pub(crate) enum Doubt {
    /// One lease granted, moved or renewed, perhaps for a time: asked for then,
    /// and so long.
    Get(String, Option<(Instant, Duration)>),
    /// All of these granted.
    Batch(BTreeSet<String>),
    /// All of these given back.
    Release(BTreeSet<String>),
}

/// One client's leases.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) leases: BTreeMap<String, Known>,
    pub(crate) doubt: Option<Doubt>,
}

impl Ledger {
    /// Compares with what the daemon lists, of which this client's names begin
    /// with `prefix`: asked for at `asked` and answered at `answered`. From
    /// then on the list is what is known.
    pub(crate) fn settle(
        &mut self,
        listed: &Leases,
        prefix: &str,
        asked: Instant,
        answered: Instant,
    ) -> Result<()> {
        let listed: BTreeMap<&String, &(String, u16)> =
            listed.iter().filter(|(name, _)| name.starts_with(prefix)).collect();
        self.check_whole(&listed, answered)?;
        for (name, known) in &self.leases {
            if self.in_doubt(name) {
                continue;
            }
            match listed.get(name) {
                Some((id, port)) => {
                    ensure!(
                        (id, *port) == (&known.id, known.port),
                        "A: {name} was {} on {}, and is {id} on {port}",
                        known.id,
                        known.port
                    );
                    let over = known.term.is_some_and(|(_, latest)| latest + SLACK < asked);
                    ensure!(!over, "{name} outlives its term");
                }
                None => {
                    let may_be_over = known.term.is_some_and(|(earliest, _)| earliest <= answered);
                    ensure!(may_be_over, "A: {name} on {} was answered, and is lost", known.port);
                }
            }
        }
        let ghost = listed.keys().find(|name| !self.leases.contains_key(**name) && !self.in_doubt(name));
        ensure!(ghost.is_none(), "{ghost:?} was given back or had ended, and is there again");
        self.take_over(&listed, answered);
        Ok(())
    }

    fn in_doubt(&self, name: &str) -> bool {
        match &self.doubt {
            None => false,
            Some(Doubt::Get(one, _)) => one == name,
            Some(Doubt::Batch(names) | Doubt::Release(names)) => names.contains(name),
        }
    }

    /// Promise D.
    fn check_whole(&self, listed: &BTreeMap<&String, &(String, u16)>, answered: Instant) -> Result<()> {
        let there = |names: &BTreeSet<String>| names.iter().filter(|name| listed.contains_key(name)).count();
        match &self.doubt {
            Some(Doubt::Get(name, term)) => {
                let known = self.leases.get(name);
                let lasts = |known: &Known| known.term.is_none_or(|(first, _)| first > answered);
                let stays = known.is_some_and(lasts) && term.is_none_or(|(sent, ttl)| sent + ttl > answered);
                ensure!(
                    !stays || listed.contains_key(name),
                    "A: {name} was answered, asked for again, and is lost"
                );
            }
            Some(Doubt::Batch(names)) => {
                let before = names.iter().filter(|name| self.leases.contains_key(*name)).count();
                let now = there(names);
                ensure!(
                    now == names.len() || now == before,
                    "D: {now} of the batch {names:?}, of which {before} were"
                );
            }
            Some(Doubt::Release(names)) => {
                let now = there(names);
                ensure!(now == 0 || now == names.len(), "D: {now} of {names:?} are left of a release of all");
            }
            None => {}
        }
        Ok(())
    }

    fn take_over(&mut self, listed: &BTreeMap<&String, &(String, u16)>, answered: Instant) {
        let doubt = self.doubt.take();
        let before = std::mem::take(&mut self.leases);
        for (name, (id, port)) in listed {
            let mut term = before.get(*name).and_then(|known| known.term);
            if let Some(Doubt::Get(one, Some((sent, ttl)))) = &doubt
                && one == *name
            {
                // Begun anew, for a shorter time perhaps, or not.
                let anew = (*sent + *ttl, answered + *ttl);
                term = Some(term.map_or(anew, |(first, last)| (first.min(anew.0), last.max(anew.1))));
            }
            self.leases.insert((*name).clone(), Known { id: id.clone(), port: *port, term });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn known(names: &[(&str, u16)]) -> Ledger {
        let known = |(name, port): &(&str, u16)| {
            ((*name).to_owned(), Known { id: format!("id-{name}"), port: *port, term: None })
        };
        Ledger { leases: names.iter().map(known).collect(), doubt: None }
    }

    fn listed(names: &[(&str, u16)]) -> Leases {
        names.iter().map(|(name, port)| ((*name).to_owned(), (format!("id-{name}"), *port))).collect()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn settles(mut ledger: Ledger, list: &[(&str, u16)]) -> bool {
        let now = clock::now();
        ledger.settle(&listed(list), "a", now, now).is_ok()
    }

    #[test]
    fn what_was_answered_must_be_there_as_it_was() {
        assert!(settles(known(&[("a/x", 1)]), &[("a/x", 1), ("b/y", 2)]));
        assert!(!settles(known(&[("a/x", 1)]), &[]), "lost");
        assert!(!settles(known(&[("a/x", 1)]), &[("a/x", 2)]), "moved");
        assert!(!settles(known(&[]), &[("a/x", 1)]), "there again");
    }

    #[test]
    fn what_was_under_way_is_whole_or_absent() {
        let doubt = |ledger: Ledger, doubt| Ledger { doubt: Some(doubt), ..ledger };
        let batch = || doubt(known(&[]), Doubt::Batch(set(&["a/x", "a/y"])));
        assert!(settles(batch(), &[]) && settles(batch(), &[("a/x", 1), ("a/y", 2)]));
        assert!(!settles(batch(), &[("a/x", 1)]));
        let release = || doubt(known(&[("a/x", 1), ("a/y", 2)]), Doubt::Release(set(&["a/x", "a/y"])));
        assert!(settles(release(), &[]) && settles(release(), &[("a/x", 1), ("a/y", 2)]));
        assert!(!settles(release(), &[("a/x", 1)]));
        let get = || doubt(known(&[("a/x", 1)]), Doubt::Get("a/x".to_owned(), None));
        assert!(settles(get(), &[("a/x", 5)]) && !settles(get(), &[]));
    }

    #[test]
    fn a_term_ends_in_its_time() {
        let now = clock::now();
        let with = |from: Duration, to: Duration| {
            let mut ledger = known(&[("a/x", 1)]);
            ledger.leases.get_mut("a/x").unwrap().term = Some((now + from, now + to));
            ledger
        };
        let second = Duration::from_secs(1);
        let at = now + 10 * second;
        let settle =
            |mut ledger: Ledger, list: &[(&str, u16)]| ledger.settle(&listed(list), "a", at, at).is_ok();
        assert!(!settle(with(11 * second, 12 * second), &[]), "too early");
        assert!(settle(with(9 * second, 12 * second), &[]));
        assert!(settle(with(9 * second, 12 * second), &[("a/x", 1)]));
        assert!(!settle(with(second, 2 * second), &[("a/x", 1)]), "too late");
    }
}
