//! `PORTLEASE_LOG`: levels, for all of the log and for parts of it.

use portlease_proto::escape;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// The filter that `text` stands for, and what is wrong with it; then it is
/// `info` for everything.
pub(super) fn of(text: &str) -> (Targets, Option<String>) {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let mut targets = Targets::new().with_default(LevelFilter::INFO);
    for part in parts {
        targets = match directive(part) {
            Some((None, level)) => targets.with_default(level),
            Some((Some(target), level)) => targets.with_target(target, level),
            None => {
                let problem = format!(
                    "PORTLEASE_LOG is not understood, so it is info: `{}` is neither a level (error, warn, info, \
                     debug, trace, off) nor a part of portleased with one, such as portleased::http=debug",
                    escape(part)
                );
                return (Targets::new().with_default(LevelFilter::INFO), Some(problem));
            }
        };
    }
    (targets, None)
}

/// A level, a part of the program (all of it then), or both. A misspelt level
/// would pass for a part, and nothing would be logged: so our own parts begin
/// with our own name, and those of others need a level.
fn directive(part: &str) -> Option<(Option<&str>, LevelFilter)> {
    let is_target =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
    match part.split_once('=') {
        Some((target, level)) => {
            let target = Some(target.trim()).filter(|target| !target.is_empty() && is_target(target))?;
            Some((Some(target), level.trim().parse().ok()?))
        }
        None if part == "portleased" || (part.starts_with("portleased::") && is_target(part)) => {
            Some((Some(part), LevelFilter::TRACE))
        }
        None => Some((None, part.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn what_is_let_through() {
        const HTTP: &str = "portleased::http::serve";
        for (text, level, here, elsewhere) in [
            ("", Level::INFO, true, true),
            ("", Level::DEBUG, false, false),
            ("debug", Level::DEBUG, true, true),
            ("DEBUG", Level::TRACE, false, false),
            ("off", Level::ERROR, false, false),
            ("warn, portleased::http=debug", Level::DEBUG, true, false),
            ("warn,portleased::http=debug", Level::INFO, true, false),
            ("portleased::http", Level::TRACE, true, false),
            ("portleased::http=debug", Level::INFO, true, true),
            ("hyper=trace,", Level::DEBUG, false, false),
        ] {
            let (filter, problem) = of(text);
            assert_eq!(problem, None, "{text}");
            let enabled =
                (filter.would_enable(HTTP, &level), filter.would_enable("portleased::watch", &level));
            assert_eq!(enabled, (here, elsewhere), "{text} {level}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told_and_hides_nothing() {
        for text in [
            "debgu",
            "info,debgu",
            "portleased=debgu",
            "=debug",
            "a b=debug",
            "portlease",
            "x[y]=info",
            "off,\u{7}",
        ] {
            let (filter, problem) = of(text);
            let problem = problem.unwrap_or_else(|| panic!("{text} is taken"));
            assert!(problem.contains("PORTLEASE_LOG") && !problem.contains(char::is_control), "{problem}");
            assert!(filter.would_enable("portleased", &Level::INFO), "{text}");
        }
    }
}
