//! How many system calls an operation may take: a table that is checked in, so
//! that what makes one dearer shows at once, and not in a noisy timing.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
};

use anyhow::{Context, Result, ensure};

use crate::{
    output,
    peers::Peers,
    syscalls::{self, Operations},
    trace::Calls,
};

type Table = BTreeMap<String, Calls>;

/// Fails when an operation takes more than the table at `path` says; `write`
/// makes the table anew.
pub(crate) fn keep(peers: &Peers, path: &Path, write: bool) -> Result<()> {
    let mut operations = syscalls::count(peers)?;
    if write {
        let table: Table = operations.into_iter().map(|(what, calls)| (what.to_owned(), calls)).collect();
        serde_json::to_writer_pretty(File::create(path)?, &table)?;
        output::note(&format!("written: {}", path.display()));
        return Ok(());
    }
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let table: Table = serde_json::from_str(&text)?;
    if is_over(&operations, &table) {
        // What a busy machine lets happen meanwhile only adds to a count, so
        // the least of two is nearer; what an operation itself takes is in both.
        operations = lesser(operations, syscalls::count(peers)?);
    }
    let judgements = judged(&operations, &table);
    for judgement in &judgements {
        output::value(judgement.text());
    }
    let over = judgements.iter().filter(|judgement| judgement.is_over()).count();
    ensure!(over == 0, "more than {} allows, of {over} operations", path.display());
    Ok(())
}

fn is_over(operations: &Operations, table: &Table) -> bool {
    judged(operations, table).iter().any(Judgement::is_over)
}

/// Of each operation the count with fewer calls.
fn lesser(first: Operations, second: Operations) -> Operations {
    let sum = |calls: &Calls| calls.values().sum::<u32>();
    first
        .into_iter()
        .zip(second)
        .map(|(one, other)| if sum(&other.1) < sum(&one.1) { other } else { one })
        .collect()
}

#[derive(Debug, PartialEq)]
enum Judgement {
    Kept(String),
    Over(String),
}

impl Judgement {
    fn is_over(&self) -> bool {
        matches!(self, Self::Over(_))
    }

    fn text(&self) -> &str {
        let (Self::Kept(text) | Self::Over(text)) = self;
        text
    }
}

fn judged(operations: &Operations, table: &Table) -> Vec<Judgement> {
    operations.iter().map(|(what, calls)| judge(what, calls, table.get(*what))).collect()
}

fn judge(what: &str, calls: &Calls, budget: Option<&Calls>) -> Judgement {
    let Some(budget) = budget else {
        return Judgement::Over(format!("{what}: has no budget; bench/budget --write gives it one"));
    };
    let (takes, most) = (calls.values().sum::<u32>(), budget.values().sum::<u32>());
    if takes <= most {
        let spare = if takes < most { "; bench/budget --write lowers it" } else { "" };
        return Judgement::Kept(format!("{what}: {takes} of {most} system calls{spare}"));
    }
    let had = |name: &String| budget.get(name).copied().unwrap_or(0);
    let grew = calls.iter().filter(|(name, count)| **count > had(name));
    let grew: Vec<String> = grew.map(|(name, count)| format!("{name} {} to {count}", had(name))).collect();
    Judgement::Over(format!("{what}: {takes} system calls, budget {most}: {}", grew.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls<const N: usize>(all: [(&str, u32); N]) -> Calls {
        all.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    #[test]
    fn the_sum_is_judged_and_what_grew_is_named() {
        let budget = calls([("read", 2), ("write", 1)]);
        let judge = |calls: &Calls| judge("get", calls, Some(&budget));
        assert_eq!(judge(&budget), Judgement::Kept("get: 3 of 3 system calls".into()));
        // One in place of another costs the same.
        assert!(matches!(judge(&calls([("read", 1), ("writev", 2)])), Judgement::Kept(_)));
        let text = "get: 2 of 3 system calls; bench/budget --write lowers it";
        assert_eq!(judge(&calls([("read", 2)])), Judgement::Kept(text.into()));
        let text = "get: 5 system calls, budget 3: fsync 0 to 1, read 2 to 3";
        let more = calls([("read", 3), ("write", 1), ("fsync", 1)]);
        assert_eq!(judge(&more), Judgement::Over(text.into()));
    }

    #[test]
    fn the_lesser_count_is_judged() {
        let (few, many) = (calls([("read", 1)]), calls([("read", 1), ("write", 1)]));
        let once = lesser(
            vec![("a", few.clone()), ("b", many.clone())],
            vec![("a", many.clone()), ("b", few.clone())],
        );
        assert_eq!(once, [("a", few.clone()), ("b", few)]);
        assert_eq!(lesser(vec![("a", many.clone())], vec![("a", many.clone())]), [("a", many)]);
    }

    #[test]
    fn an_operation_without_a_budget_fails() {
        let operations = vec![("get", calls([("read", 1)]))];
        assert!(matches!(judged(&operations, &Table::new())[..], [Judgement::Over(_)]));
    }
}
