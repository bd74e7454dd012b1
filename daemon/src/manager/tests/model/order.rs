//! Whether a history has an order: the search of Wing and Gong, which
//! remembers where it has been (as Lowe has it). Without that, a history of
//! eight clients can take longer than anyone waits: stateright's tester did.

use std::collections::HashSet;

use super::{Answer, Op, plain::Plain};

/// One question: what, from when to when, and what came of it.
pub(super) struct Call {
    pub(super) op: Op,
    pub(super) asked: usize,
    pub(super) answered: usize,
    pub(super) answer: Answer,
}

/// Whether the calls can be put in an order in which the plain maps answer
/// the same, and nobody who had his answer comes after one who asked later.
/// At most 64 calls.
pub(super) fn exists(plain: &Plain, mut calls: Vec<Call>) -> bool {
    assert!(calls.len() <= 64, "what is done fits into 64 bits");
    // Nearly the right order, so that little has to be taken back.
    calls.sort_by_key(|call| call.answered);
    Search { calls, dead: HashSet::new() }.goes_on(plain, 0)
}

struct Search {
    calls: Vec<Call>,
    /// What was done, and the maps then, from where there is no way on.
    dead: HashSet<(u64, String)>,
}

impl Search {
    fn goes_on(&mut self, plain: &Plain, done: u64) -> bool {
        let open: Vec<usize> = (0..self.calls.len()).filter(|call| done & (1 << call) == 0).collect();
        // Who asks after this had his answer comes later.
        let Some(first) = open.iter().map(|call| self.calls[*call].answered).min() else { return true };
        let here = (done, format!("{plain:?}"));
        if self.dead.contains(&here) {
            return false;
        }
        for call in open {
            let Call { op, asked, answer, .. } = &self.calls[call];
            if *asked > first {
                continue;
            }
            let mut next = plain.clone();
            let expected = next.ask(op);
            if (*answer == Answer::Unheard || expected == *answer) && self.goes_on(&next, done | 1 << call) {
                return true;
            }
        }
        self.dead.insert(here);
        false
    }
}
