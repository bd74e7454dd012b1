//! `Port` and `PortRange`: a port is one of these from the parser onward.

use std::{fmt, num::NonZeroU16, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::text::escape;

/// A port number, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Port(NonZeroU16);

/// Text or a number that is not a port, or not a range of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPort {
    /// Not a whole number from 1 to 65535.
    #[error("invalid port \"{0}\": a port is a whole number from 1 to 65535")]
    Port(String),
    /// Not of the form `A-B`.
    #[error("invalid range \"{0}\": a range is two ports, FIRST-LAST, such as 20000-20999")]
    Range(String),
    /// The last port comes before the first.
    #[error("reversed range {first}-{last}: write {last}-{first}")]
    Reversed {
        /// The port written first.
        first: Port,
        /// The port written last.
        last: Port,
    },
}

impl Port {
    /// A port known when the program is built.
    ///
    /// # Panics
    /// When `number` is 0; in a constant that fails the build.
    #[must_use]
    pub const fn constant(number: u16) -> Self {
        match NonZeroU16::new(number) {
            Some(number) => Self(number),
            None => panic!("port 0 is not a port"),
        }
    }

    /// The port with this number, unless it is 0.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        NonZeroU16::new(number).map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Port {
    type Err = InvalidPort;

    fn from_str(text: &str) -> Result<Self, InvalidPort> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits
            .then(|| text.parse().ok().map(Self))
            .flatten()
            .ok_or_else(|| InvalidPort::Port(escape(text).chars().take(40).collect()))
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PortVisitor;
        impl de::Visitor<'_> for PortVisitor {
            type Value = Port;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port, a whole number from 1 to 65535")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Port, E> {
                u16::try_from(number)
                    .ok()
                    .and_then(Port::new)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Port, E> {
                match u64::try_from(number) {
                    Ok(number) => self.visit_u64(number),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
                }
            }
        }
        deserializer.deserialize_u16(PortVisitor)
    }
}

/// A stretch of ports, both ends included; as text `FIRST-LAST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    first: Port,
    last: Port,
}

impl PortRange {
    /// The ports from `first` to `last`, both included.
    ///
    /// # Errors
    /// [`InvalidPort::Reversed`] when `last` comes before `first`.
    pub fn new(first: Port, last: Port) -> Result<Self, InvalidPort> {
        if last < first {
            return Err(InvalidPort::Reversed { first, last });
        }
        Ok(Self { first, last })
    }

    /// The range from `first` to `last`, known when the program is built.
    #[must_use]
    pub const fn constant(first: u16, last: u16) -> Self {
        assert!(first <= last, "a reversed range");
        Self { first: Port::constant(first), last: Port::constant(last) }
    }

    /// The first port.
    #[must_use]
    pub const fn first(self) -> Port {
        self.first
    }

    /// The last port.
    #[must_use]
    pub const fn last(self) -> Port {
        self.last
    }

    /// Whether `port` lies in it.
    #[must_use]
    pub fn contains(self, port: Port) -> bool {
        self.first <= port && port <= self.last
    }

    /// Whether the two have a port in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Its ports in order.
    pub fn ports(self) -> impl Iterator<Item = Port> {
        (self.first.get()..=self.last.get()).filter_map(Port::new)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl FromStr for PortRange {
    type Err = InvalidPort;

    fn from_str(text: &str) -> Result<Self, InvalidPort> {
        let (first, last) = text
            .split_once('-')
            .ok_or_else(|| InvalidPort::Range(escape(text).chars().take(40).collect()))?;
        Self::new(first.trim().parse()?, last.trim().parse()?)
    }
}

impl Serialize for PortRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_from_text() {
        for (text, number) in [("1", 1), ("3000", 3000), ("65535", 65535)] {
            assert_eq!(text.parse::<Port>().map(Port::get), Ok(number));
        }
        for text in ["", "0", "-1", "+1", "65536", "99999999999", "web", "30 00", "3000.0"] {
            assert!(matches!(text.parse::<Port>(), Err(InvalidPort::Port(_))), "{text}");
        }
    }

    #[test]
    fn ports_from_json() {
        assert_eq!(serde_json::from_str::<Port>("3000").unwrap().get(), 3000);
        for text in ["0", "-1", "65536", "3000.5", "\"3000\"", "null", "true"] {
            let error = serde_json::from_str::<Port>(text).unwrap_err().to_string();
            assert!(error.contains("whole number from 1 to 65535"), "{text}: {error}");
        }
    }

    #[test]
    fn ranges() {
        let range: PortRange = "20000-20009".parse().unwrap();
        assert_eq!(range.ports().count(), 10);
        assert!(range.contains(Port::constant(20009)) && !range.contains(Port::constant(20010)));
        assert_eq!(range.to_string(), "20000-20009");
        assert!(matches!("9-3".parse::<PortRange>(), Err(InvalidPort::Reversed { .. })));
        assert!(matches!("3000".parse::<PortRange>(), Err(InvalidPort::Range(_))));
        assert!(matches!("0-3".parse::<PortRange>(), Err(InvalidPort::Port(_))));
        assert_eq!("65535-65535".parse::<PortRange>().unwrap().ports().count(), 1);
    }
}
