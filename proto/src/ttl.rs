//! How long a lease lives without being renewed.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de};

/// Whole seconds, from 1 to a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Ttl(u32);

/// A number that is no TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a TTL is a whole number of seconds from 1 to {}", Ttl::MOST)]
pub struct InvalidTtl;

impl Ttl {
    /// The longest, in seconds: whoever wants more wants a lease that stays.
    pub const MOST: u32 = 365 * 24 * 60 * 60;

    /// A TTL of so many seconds.
    ///
    /// # Errors
    /// [`InvalidTtl`].
    pub fn from_seconds(seconds: u64) -> Result<Self, InvalidTtl> {
        match u32::try_from(seconds) {
            Ok(seconds @ 1..=Self::MOST) => Ok(Self(seconds)),
            _ => Err(InvalidTtl),
        }
    }

    /// A TTL known when the program is built.
    #[must_use]
    pub const fn constant(seconds: u32) -> Self {
        assert!(seconds >= 1 && seconds <= Self::MOST, "no TTL");
        Self(seconds)
    }

    /// The time as a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}

impl FromStr for Ttl {
    type Err = InvalidTtl;

    fn from_str(text: &str) -> Result<Self, InvalidTtl> {
        text.parse().map_err(|_| InvalidTtl).and_then(Self::from_seconds)
    }
}

impl<'de> Deserialize<'de> for Ttl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seconds;
        impl de::Visitor<'_> for Seconds {
            type Value = Ttl;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number of seconds from 1 to {}", Ttl::MOST)
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Ttl, E> {
                Ttl::from_seconds(seconds).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, _negative: i64) -> Result<Ttl, E> {
                Err(E::custom(InvalidTtl))
            }
        }
        deserializer.deserialize_u64(Seconds)
    }
}
