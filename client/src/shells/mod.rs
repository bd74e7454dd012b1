//! Variables as shells, programs and files read them. Pure.

mod dotenv;

use clap::ValueEnum;

/// How variables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For sh, bash, dash and zsh: eval "$(portlease env)"
    Shell,
    /// For .env files, as docker compose, dotenv of npm and python-dotenv read them
    Dotenv,
    /// For fish: portlease env --format fish | source
    Fish,
    /// For PowerShell: portlease env --format powershell | Out-String | Invoke-Expression
    Powershell,
    /// One object
    Json,
}

/// A value for which a format has no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the value of {variable} cannot be written so that docker compose, dotenv and python-dotenv read the same: {why}"
)]
pub(crate) struct Unwritable {
    variable: String,
    why: &'static str,
}

impl Format {
    /// The text that sets these variables.
    pub(crate) fn write(self, variables: &[(String, String)]) -> Result<String, Unwritable> {
        if self == Self::Json {
            let object: serde_json::Map<String, serde_json::Value> =
                variables.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
            return Ok(format!("{:#}\n", serde_json::Value::Object(object)));
        }
        let lines: Result<String, Unwritable> =
            variables.iter().map(|(name, value)| self.line(name, value)).collect();
        Ok(lines? + self.succeeding())
    }

    fn line(self, name: &str, value: &str) -> Result<String, Unwritable> {
        Ok(match self {
            Self::Shell => format!("export {name}={}\n", posix(value)),
            Self::Fish => format!("set -gx {name} {}\n", fish(value)),
            Self::Powershell => format!("$env:{name} = {}\n", powershell(value)),
            Self::Dotenv | Self::Json => {
                let quoted = dotenv::quote(value);
                let value = quoted.map_err(|why| Unwritable { variable: name.to_owned(), why })?;
                format!("{name}={value}\n")
            }
        })
    }

    /// The last line. `set` of fish leaves the status as it was, so that
    /// `portlease env --format fish | source; or exit 1` would end a shell whose
    /// command before had failed.
    fn succeeding(self) -> &'static str {
        if self == Self::Fish { "true\n" } else { "" }
    }

    /// What makes a shell fail that runs it in place of the variables. Without
    /// it `eval "$(portlease env)"` would set nothing and succeed.
    pub(crate) fn failing(self) -> Option<&'static str> {
        match self {
            Self::Shell | Self::Fish => Some("false"),
            Self::Powershell => Some("throw 'portlease env failed'"),
            Self::Dotenv | Self::Json => None,
        }
    }

    /// The format that a command line names which is not understood as a whole.
    pub(crate) fn guess(words: impl Iterator<Item = String>) -> Self {
        let mut names = words.flat_map(|word| {
            let name = word.strip_prefix("--format=").unwrap_or(&word).to_owned();
            Self::from_str(&name, false)
        });
        names.next().unwrap_or(Self::Shell)
    }
}

/// All but the quote stands for itself, newlines and `!` too. (POSIX.1-2024,
/// Shell & Utilities, 2.2.2.)
fn posix(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Only the quote and the backslash are escaped. (fish, "Quotes".)
fn fish(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

/// A quote is written twice, and the typographic ones are quotes as well.
/// (PowerShell, about_Quoting_Rules; `CodeGeneration.EscapeSingleQuotedStringContent`.)
fn powershell(value: &str) -> String {
    let mut quoted = String::from("'");
    for c in value.chars() {
        quoted.push(c);
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests;
