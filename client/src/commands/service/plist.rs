//! The agent as it is embedded, made that of this user and program. Pure.

use portlease_proto::{Paths, Port};

const EMBEDDED: &str = include_str!("../../../../launchd/portlease.plist");

/// The property list for that program and those files.
pub(super) fn plist(program: &str, paths: &Paths, port: Port) -> String {
    let fill = |text: &str| match text {
        "PORTLEASE" => xml(program),
        "SOCKET" => xml(&paths.socket().to_string_lossy()),
        "LOG" => xml(&paths.log().to_string_lossy()),
        "62893" => port.to_string(),
        other => other.to_owned(),
    };
    let mut filled = String::with_capacity(EMBEDDED.len());
    for line in EMBEDDED.lines() {
        let text = line.trim().strip_prefix("<string>").and_then(|rest| rest.strip_suffix("</string>"));
        let filled_in = text.map(|text| format!("<string>{}</string>", fill(text)));
        let indent = &line[..line.len() - line.trim_start().len()];
        filled.push_str(&filled_in.map_or_else(|| line.to_owned(), |string| format!("{indent}{string}")));
        filled.push('\n');
    }
    filled
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn with_the_paths_and_the_port() {
        let paths = Paths::under(Path::new("/Users/ada/Library/Application Support/portlease"));
        let text = plist("/opt/a&b/portlease", &paths, Port::constant(7000));
        for wanted in [
            "<string>/opt/a&amp;b/portlease</string>",
            "<string>/Users/ada/Library/Application Support/portlease/run/portlease.sock</string>",
            "<string>/Users/ada/Library/Application Support/portlease/daemon.log</string>",
            "<string>127.0.0.1</string>",
            "<string>::1</string>",
            "<string>daemon</string>",
        ] {
            assert!(text.contains(wanted), "{wanted} is not in {text}");
        }
        assert_eq!(text.matches("<string>7000</string>").count(), 2);
        for placeholder in ["PORTLEASE<", "SOCKET<", "LOG<", "62893<"] {
            assert!(!text.contains(placeholder), "{placeholder}");
        }
    }
}
