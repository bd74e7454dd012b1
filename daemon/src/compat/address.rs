//! Where the portpicker protocol is served, as it is written in
//! `PORTSERVER_ADDRESS`, and one form more for clients that speak TCP.

use std::{fmt, path::PathBuf, str::FromStr};

use portlease_proto::Port;
use serde::{Deserialize, Deserializer, de};

/// The longest name or path that `sockaddr_un` has room for.
const LONGEST: usize = 107;

/// A place to serve at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `@name`: a name in the abstract name space (Linux).
    Abstract(String),
    /// A path in the file system.
    Path(PathBuf),
    /// `tcp:PORT`, on both loopback addresses.
    Tcp(Port),
}

/// What is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Nothing at all.
    #[error("an address is @NAME, a path, or tcp:PORT")]
    Empty,
    /// `tcp:` with something else than a port.
    #[error("invalid address \"{0}\": tcp: wants a port from 1 to 65535")]
    Port(String),
    /// The kernel has no room for it.
    #[error("the address is {0} bytes long, and a Unix socket's has at most {LONGEST}")]
    Long(usize),
    /// A zero byte would end it early.
    #[error("an address has no zero byte")]
    Zero,
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(port) = text.strip_prefix("tcp:") {
            let port = port.parse().map_err(|_| InvalidAddress::Port(text.escape_debug().to_string()))?;
            return Ok(Self::Tcp(port));
        }
        if text.contains('\0') {
            return Err(InvalidAddress::Zero);
        }
        let name = text.strip_prefix('@');
        match name.unwrap_or(text) {
            "" => Err(InvalidAddress::Empty),
            place if place.len() > LONGEST => Err(InvalidAddress::Long(place.len())),
            place if name.is_some() => Ok(Self::Abstract(place.to_owned())),
            place => Ok(Self::Path(place.into())),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abstract(name) => write!(f, "@{name}"),
            Self::Path(path) => path.display().fmt(f),
            Self::Tcp(port) => write!(f, "tcp:{port}"),
        }
    }
}

impl serde::Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_address() {
        for (text, address) in [
            ("@unittest-portserver", Address::Abstract("unittest-portserver".to_owned())),
            ("/run/ports", Address::Path("/run/ports".into())),
            ("ports.sock", Address::Path("ports.sock".into())),
            ("tcp:7000", Address::Tcp(Port::constant(7000))),
        ] {
            assert_eq!(text.parse(), Ok(address.clone()));
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_none() {
        let long = "a".repeat(108);
        for (text, named) in [
            ("", "@NAME, a path, or tcp:PORT"),
            ("@", "@NAME"),
            ("tcp:", "\"tcp:\": tcp: wants a port"),
            ("tcp:0", "from 1 to 65535"),
            ("tcp:70000", "from 1 to 65535"),
            ("tcp:127.0.0.1:7", "wants a port"),
            ("@a\0b", "no zero byte"),
            (&long, "108 bytes"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(named), "{text:?}: {error}");
        }
    }
}
