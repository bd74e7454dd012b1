//! The way of a packet through chains of rules, whoever wrote them.

use super::packet::Applies;

/// A chain, with what each of its rules has to do with one packet.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) table: String,
    pub(super) name: String,
    /// Where packets come into it; none if only by a jump.
    pub(super) base: Option<Base>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Base {
    pub(super) hook: Hook,
    pub(super) priority: i64,
    pub(super) policy: Verdict,
}

/// In the order in which a packet to this machine itself meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hook {
    Output,
    Postrouting,
    Prerouting,
    Input,
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) text: String,
    /// nftables' number for it.
    pub(super) handle: Option<u64>,
    pub(super) applies: Applies,
    pub(super) then: Then,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Then {
    End(Verdict),
    /// Goes on here when the other chain is over.
    Jump(String),
    Goto(String),
    Return,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Drop,
    Reject,
}

/// The rule, or without one the policy, that ends a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Culprit<'a> {
    pub(super) chain: &'a Chain,
    pub(super) rule: Option<&'a Rule>,
    pub(super) is_sure: bool,
}

/// Who ends the packet with that verdict. A rule that perhaps applies is
/// remembered, and stands if no other is found.
pub(super) fn culprit(chains: &[Chain], verdict: Verdict) -> Option<Culprit<'_>> {
    let mut walk = Walk { chains, verdict, is_sure: true, guess: None };
    let mut bases: Vec<(&Chain, Base)> =
        chains.iter().filter_map(|chain| Some((chain, chain.base?))).collect();
    bases.sort_by_key(|(chain, base)| (base.hook, base.priority, chain.table.clone()));
    for (chain, base) in bases {
        walk.is_sure = true;
        let end = match walk.through(chain, 0) {
            Flow::Lost(culprit) => return Some(culprit),
            Flow::Left => None,
            Flow::Through => walk.end(chain, None, Applies::Yes, base.policy),
        };
        if let Some(Flow::Lost(culprit)) = end {
            return Some(culprit);
        }
    }
    walk.guess
}

struct Walk<'a> {
    chains: &'a [Chain],
    verdict: Verdict,
    /// False once the packet perhaps took another way.
    is_sure: bool,
    guess: Option<Culprit<'a>>,
}

enum Flow<'a> {
    Lost(Culprit<'a>),
    /// This base chain is done with it.
    Left,
    Through,
}

impl<'a> Walk<'a> {
    fn through(&mut self, chain: &'a Chain, depth: usize) -> Flow<'a> {
        // The kernel allows 16.
        const DEEP: usize = 16;
        for rule in chain.rules.iter().filter(|rule| rule.applies != Applies::No) {
            let applies = rule.applies;
            match &rule.then {
                Then::Nothing => {}
                Then::Return if applies == Applies::Yes => return Flow::Through,
                Then::Return => self.is_sure = false,
                Then::End(verdict) => {
                    if let Some(flow) = self.end(chain, Some(rule), applies, *verdict) {
                        return flow;
                    }
                }
                Then::Jump(name) | Then::Goto(name) => {
                    let same = |other: &&Chain| other.table == chain.table && other.name == *name;
                    let Some(next) = self.chains.iter().find(same).filter(|_| depth < DEEP) else { continue };
                    let surely = applies == Applies::Yes;
                    self.is_sure &= surely;
                    match self.through(next, depth + 1) {
                        // It may as well not have gone there.
                        _ if !surely => {}
                        Flow::Through if matches!(rule.then, Then::Jump(_)) => {}
                        ended => return ended,
                    }
                }
            }
        }
        Flow::Through
    }

    /// None if it goes on.
    fn end(
        &mut self,
        chain: &'a Chain,
        rule: Option<&'a Rule>,
        applies: Applies,
        verdict: Verdict,
    ) -> Option<Flow<'a>> {
        let is_sure = self.is_sure && applies == Applies::Yes;
        if verdict == self.verdict {
            let culprit = Culprit { chain, rule, is_sure };
            if is_sure {
                return Some(Flow::Lost(culprit));
            }
            self.guess.get_or_insert(culprit);
        }
        if applies == Applies::Yes {
            return Some(Flow::Left);
        }
        // A rule that perhaps ends it in the same way makes the next no better.
        self.is_sure &= verdict == self.verdict;
        None
    }
}
