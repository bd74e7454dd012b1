//! What a client speaks, if it says so.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

use super::{Host, InvalidHost};

/// The beginning of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http://`
    Http,
    /// `https://`
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// A host, alone or as in a URL: `https://localhost`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// What the client speaks; none if it does not say.
    pub scheme: Option<Scheme>,
    /// How it names this machine.
    pub host: Host,
}

impl FromStr for Target {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let (scheme, host) = match text.split_once("://") {
            None => (None, text),
            Some(("http", host)) => (Some(Scheme::Http), host),
            Some(("https", host)) => (Some(Scheme::Https), host),
            Some(_) => return Err(InvalidHost),
        };
        Ok(Self { scheme, host: host.parse()? })
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_a_scheme() {
        for (text, scheme) in [
            ("localhost", Some(None)),
            ("http://localhost", Some(Some(Scheme::Http))),
            ("https://[::1]", Some(Some(Scheme::Https))),
            ("https://", None),
            ("ftp://localhost", None),
            ("https://http://localhost", None),
            ("https://localhost:3000", None),
            ("https://localhost/", None),
        ] {
            assert_eq!(text.parse::<Target>().ok().map(|target| target.scheme), scheme, "{text}");
        }
    }
}
