//! The names that leases are kept under: `ProjectName` and `ServiceName`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::text::escape;

/// The rule that a name follows, as it is shown to people.
pub const NAME_RULE: &str = "1 to 63 characters of A-Z a-z 0-9 . _ -, the first a letter or a digit";

/// A name that breaks [`NAME_RULE`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {kind} name \"{shown}\": a name is {rule}", rule = NAME_RULE)]
pub struct InvalidName {
    kind: &'static str,
    shown: String,
}

impl InvalidName {
    fn new(kind: &'static str, text: &str) -> Self {
        let mut shown: String = escape(text).chars().take(80).collect();
        if shown.len() < escape(text).len() {
            shown.push('…');
        }
        Self { kind, shown }
    }
}

fn follows_rule(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes, [first, rest @ ..]
        if first.is_ascii_alphanumeric()
            && rest.len() <= 62
            && rest.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b)))
}

/// A project: `NAME`, or `NAME@CHECKOUT` for a second checkout of it, or `-`,
/// under which the anonymous leases live.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectName(String);

/// A service inside a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

impl ProjectName {
    const ANONYMOUS: &str = "-";

    /// The project of the anonymous leases.
    #[must_use]
    pub fn anonymous() -> Self {
        Self(Self::ANONYMOUS.to_owned())
    }

    /// Whether it is the project of the anonymous leases.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.0 == Self::ANONYMOUS
    }
}

impl FromStr for ProjectName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let good = match text.split_once('@') {
            None => text == Self::ANONYMOUS || follows_rule(text),
            Some((name, checkout)) => follows_rule(name) && follows_rule(checkout),
        };
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidName::new("project", text)) }
    }
}

impl FromStr for ServiceName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if follows_rule(text) { Ok(Self(text.to_owned())) } else { Err(InvalidName::new("service", text)) }
    }
}

impl Default for ServiceName {
    /// The service of a project that names none.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

macro_rules! text_of_name {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

text_of_name!(ProjectName);
text_of_name!(ServiceName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names() {
        for text in ["a", "7", "my-app", "a.b_c", "Web", &"x".repeat(63)] {
            assert!(text.parse::<ServiceName>().is_ok(), "{text}");
            assert!(text.parse::<ProjectName>().is_ok(), "{text}");
        }
        assert!("app@feature-x".parse::<ProjectName>().is_ok());
    }

    #[test]
    fn bad_names() {
        let long = "x".repeat(64);
        for text in [
            "",
            "-a",
            "--",
            "-@a",
            "a@-",
            ".a",
            "_a",
            "../x",
            "a/b",
            "a b",
            "a\n",
            "a\u{7}",
            "é",
            "\u{202e}a",
            "a@",
            "@a",
            "a@b@c",
            &long,
        ] {
            assert!(text.parse::<ProjectName>().is_err(), "{text:?}");
            assert!(text.parse::<ServiceName>().is_err(), "{text:?}");
        }
        assert!("app@x".parse::<ServiceName>().is_err());
        assert!("-".parse::<ServiceName>().is_err());
    }

    #[test]
    fn the_anonymous_project_is_a_hyphen() {
        assert_eq!("-".parse(), Ok(ProjectName::anonymous()));
        assert!(ProjectName::anonymous().is_anonymous());
        assert!(!"a".parse::<ProjectName>().unwrap().is_anonymous());
    }

    #[test]
    fn a_bad_name_is_shown_harmless_and_short() {
        let error = "\u{1b}[2J".parse::<ServiceName>().unwrap_err().to_string();
        assert_eq!(error, format!("invalid service name \"\\u{{1b}}[2J\": a name is {NAME_RULE}"));
        assert!("y".repeat(100_000).parse::<ServiceName>().unwrap_err().to_string().len() < 250);
    }
}
