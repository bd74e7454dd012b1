//! A command line that is not understood, and what was meant by it. Pure.

use crate::commands::quoted;

/// The options of `run` that have a value of their own.
const WITH_VALUE: &str = "--project";

/// What to type instead; `words` are those after the program's name.
pub(crate) fn meant(words: &[String]) -> Option<String> {
    let (command, rest) = words.split_first()?;
    // Nobody types the two hyphens at first, and npm and its kin have options, too.
    if command != "run" || rest.iter().any(|word| word == "--") {
        return None;
    }
    let is_value = |at: usize| at.checked_sub(1).is_some_and(|before| rest[before] == WITH_VALUE);
    let at = (0..rest.len()).find(|at| !rest[*at].starts_with('-') && !is_value(*at))?;
    let (ours, theirs) = rest.split_at(at);
    let typed = |words: &[String]| words.iter().map(|word| format!(" {}", quoted(word))).collect::<String>();
    Some(format!("portlease run{} --{}", typed(ours), typed(theirs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        for (typed, expected) in [
            ("run npm run dev", Some("portlease run -- npm run dev")),
            ("run npm", Some("portlease run -- npm")),
            (
                "run --hold --project shop vite --port {port}",
                Some("portlease run --hold --project shop -- vite --port {port}"),
            ),
            ("run --project=shop ./serve", Some("portlease run --project=shop -- ./serve")),
            ("run", None),
            ("run --holds", None),
            ("run --project shop", None),
            ("run api x -- npm", None),
            ("get npm run dev", None),
            ("", None),
        ] {
            let words: Vec<String> = typed.split_whitespace().map(str::to_owned).collect();
            assert_eq!(meant(&words).as_deref(), expected, "{typed}");
        }
        let words = ["run", "sh", "-c", "echo $PORT"].map(str::to_owned);
        assert_eq!(meant(&words).unwrap(), "portlease run -- sh -c 'echo $PORT'");
    }
}
