//! Variables by which frameworks are told a port that do not read `PORT`.

use std::ffi::{OsStr, OsString};

/// A word of the command line, and the variable.
const OWN: [(&str, &str); 6] = [
    ("flask", "FLASK_RUN_PORT"),
    ("uvicorn", "UVICORN_PORT"),
    ("streamlit", "STREAMLIT_SERVER_PORT"),
    ("expo", "RCT_METRO_PORT"),
    ("webpack", "WEBPACK_DEV_SERVER_BASE_PORT"),
    ("webpack-dev-server", "WEBPACK_DEV_SERVER_BASE_PORT"),
];

/// The variable of the framework that a command line names: `flask run`,
/// `python -m flask run`, `npx webpack serve`.
pub(crate) fn own_variable(command: &[OsString]) -> Option<&'static str> {
    let base = |word: &OsStr| std::path::Path::new(word).file_name().map(OsStr::to_owned);
    let names = |name: &str| command.iter().any(|word| base(word).is_some_and(|base| base == *name));
    OWN.iter().find(|(name, _)| names(name)).map(|(_, variable)| *variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frameworks_are_known_by_their_names() {
        for (line, variable) in [
            ("flask run", Some("FLASK_RUN_PORT")),
            ("python3 -m flask run", Some("FLASK_RUN_PORT")),
            ("/venv/bin/uvicorn app:app", Some("UVICORN_PORT")),
            ("npx webpack serve", Some("WEBPACK_DEV_SERVER_BASE_PORT")),
            ("npm run dev", None),
            ("cat flask.txt", None),
            ("", None),
        ] {
            let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(own_variable(&command), variable, "{line}");
        }
    }
}
