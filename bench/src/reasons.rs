//! Of each goal that was not reached, the number and the reason. What is in the
//! way is written by hand, in `reasons.md`, under the words that the goals have.

use std::fmt::Write as _;

use crate::report::{Goal, Section, digits};

const TEXT: &str = include_str!("reasons.md");
const UNKNOWN: &str = "Nobody has found out yet.";

/// A part of the text: the words of its heading, one of which is in the goal.
struct Reason {
    words: Vec<String>,
    text: String,
}

/// The end of the page.
pub(crate) fn markdown(sections: &[Section]) -> String {
    let mut page = "\n## What stands in the way\n".to_owned();
    let mut missed: Vec<&Goal> =
        sections.iter().flat_map(|section| &section.goals).filter(|goal| !goal.is_reached()).collect();
    if missed.is_empty() {
        page.push_str("\nAll goals are reached.\n");
    }
    for reason in reasons(TEXT) {
        let (his, others) = missed.into_iter().partition(|goal| reason.is_of(goal));
        missed = others;
        write(&mut page, &his, &reason.text);
    }
    write(&mut page, &missed, UNKNOWN);
    page
}

fn write(page: &mut String, goals: &[&Goal], reason: &str) {
    if goals.is_empty() {
        return;
    }
    page.push('\n');
    for Goal { what, unit, got, .. } in goals {
        let _infallible = writeln!(page, "- {what}: **{}{unit}**", digits(got.median()));
    }
    let _infallible = write!(page, "\n{reason}\n");
}

/// The parts, in order: `### words; other words`, and what follows.
fn reasons(text: &str) -> Vec<Reason> {
    let part = |part: &str| {
        let (heading, text) = part.split_once('\n').unwrap_or((part, ""));
        let words = heading.split(';').map(|words| words.trim().to_owned()).collect();
        Reason { words, text: text.trim().to_owned() }
    };
    text.split("### ").skip(1).map(part).collect()
}

impl Reason {
    fn is_of(&self, goal: &Goal) -> bool {
        self.words.iter().any(|words| goal.what.contains(words.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::Bound, series::Series};

    fn section(goals: &[(&str, f64)]) -> Section {
        let goal = |(what, got): &(&str, f64)| Goal::new(*what, Bound::AtMost(1.0), " ×", Series(vec![*got]));
        Section { goals: goals.iter().map(goal).collect(), ..Section::default() }
    }

    #[test]
    fn a_missed_goal_has_its_number_and_its_reason() {
        let page =
            markdown(&[section(&[("get, existing lease, Unix: p50", 2.5), ("of no known kind", 3.0)])]);
        assert!(page.contains("- get, existing lease, Unix: p50: **2.50 ×**\n\n"), "{page}");
        assert!(page.ends_with(&format!("- of no known kind: **3.00 ×**\n\n{UNKNOWN}\n")), "{page}");
        assert_eq!(page.matches(UNKNOWN).count(), 1, "{page}");
    }

    #[test]
    fn what_is_reached_is_not_told() {
        let page = markdown(&[section(&[("get, existing lease", 1.0)])]);
        assert_eq!(page, "\n## What stands in the way\n\nAll goals are reached.\n");
    }
}
