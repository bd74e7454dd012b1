//! The order that people expect of names with numbers: `web-2` before `web-10`.

use std::cmp::Ordering;

/// Compares two names, and the numbers in them by value. Names that differ are
/// never equal: `web-02` comes before `web-2`.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while !left.is_empty() && !right.is_empty() {
        let (one, other) = (take(&mut left), take(&mut right));
        let order = match (is_number(one), is_number(other)) {
            (true, true) => by_value(one, other),
            _ => one.cmp(other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// The number or the text that a name begins with.
fn take<'a>(name: &mut &'a str) -> &'a str {
    let number = is_number(name);
    let end = name.find(|c: char| c.is_ascii_digit() != number).unwrap_or(name.len());
    let (first, rest) = name.split_at(end);
    *name = rest;
    first
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// Digits may be more than fit into any integer.
fn by_value(a: &str, b: &str) -> Ordering {
    let [a, b] = [a, b].map(|digits| digits.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_by_their_value() {
        let sorted = ["2", "10", "api", "web", "web-02", "web-2", "web-2a", "web-10", "web-10-9", "web-b"];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(names, sorted);
        let long = "9".repeat(60);
        assert_eq!(compare(&long, &format!("1{}", "0".repeat(60))), Ordering::Less);
        assert_eq!(compare("web", "web"), Ordering::Equal);
    }
}
