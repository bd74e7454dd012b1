//! `docs/config.md`, made of the list of settings.

use super::{Config, KEYS, Live, changes::text, layers::values};

/// Variables that stand for no setting: name, who reads it, what it says.
const VARIABLES: &[(&str, &str)] = &[
    (
        "PORTLEASE_HOME",
        "Keeps everything (settings, registry, socket, log) under this directory, for tests and CI.",
    ),
    ("PORTLEASE_PROJECT", "The project, when a command names none."),
    ("PORTLEASE_NO_AUTOSTART", "When it is set, no command starts a daemon."),
    (
        "PORTLEASE_LOG",
        "What the daemon logs: `error`, `warn`, `info` (if not set), `debug`, `trace` or `off`, or for parts of it, as in \
         `info,portleased::http=debug`. One that is not understood is told in the log.",
    ),
];

/// The reference of settings as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut page = include_str!("reference.md").to_owned();
    for (key, value) in KEYS.iter().zip(values(&Config::default())) {
        let when = match key.live {
            Live::Reload => "when the file is read again",
            Live::Restart => "at the next start",
        };
        let flag = key.flag.map(|flag| format!("`{flag}`, ")).unwrap_or_default();
        page.push_str(&format!(
            "\n### `{}`\n\n{}\n\n- Values: {}\n- Default: `{}`\n- Variable: `{}`; flag of `portlease daemon`: {flag}`--set {}=…`\n\
             - A change counts {when}.\n",
            key.path, key.about, key.values, text(value.as_ref()), key.variable(), key.path,
        ));
    }
    page.push_str("\n## Other variables\n\n| variable | |\n|---|---|\n");
    for (name, about) in VARIABLES {
        page.push_str(&format!("| `{name}` | {about} |\n"));
    }
    page
}
