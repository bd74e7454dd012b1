//! How a client names this machine.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, de};

/// `localhost`, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// `localhost`, or a name that ends with it: both loopback addresses.
    Local(String),
    /// One address.
    Address(IpAddr),
}

/// Neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the host is not understood: it is localhost, a name that ends with .localhost, or an IP address, with http:// or https:// \
     before it or without"
)]
pub struct InvalidHost;

impl Host {
    /// The addresses that it stands for, in the order in which clients try them.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        match self {
            Self::Local(_) => vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
            Self::Address(address) => vec![*address],
        }
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::Local("localhost".to_owned())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::Address(address));
        }
        let name = text.to_ascii_lowercase();
        let harmless = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
        let local = name == "localhost" || name.ends_with(".localhost");
        if local && harmless && name.len() <= 253 { Ok(Self::Local(name)) } else { Err(InvalidHost) }
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (text, shown) in [
            ("localhost", Some("localhost")),
            ("LocalHost", Some("localhost")),
            ("app.localhost", Some("app.localhost")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("::1", Some("::1")),
            ("[::1]", Some("::1")),
            ("192.168.1.5", Some("192.168.1.5")),
            ("", None),
            ("example.com", None),
            ("notlocalhost", None),
            ("a\u{1b}.localhost", None),
            ("127.0.0.1:3000", None),
        ] {
            let host = text.parse::<Host>().ok().map(|host| host.to_string());
            assert_eq!(host.as_deref(), shown, "{text}");
        }
    }
}
