//! The body of a `get`: what a caller may ask of a lease.

use std::{collections::BTreeMap, fmt, num::NonZeroU32};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Identify, Port, PortRange, Protocol, Ttl, distinct::Distinct};

/// The most ports that `prefer` may name.
pub const MAX_PREFERRED: usize = 32;
/// The most labels that a lease may carry.
pub const MAX_LABELS: usize = 32;
/// The longest label, key or value, in bytes.
pub(crate) const MAX_LABEL: usize = 256;

/// What is asked of a lease; `{}` asks for any port of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GetRequest {
    /// Exactly this port, or fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// These ports in order, then the pool. One number or a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::prefer))]
    pub prefer: Vec<Port>,
    /// A range to choose from in place of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<PortRange>,
    /// Where the port must be free; both when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// The lease ends so many seconds after it was last renewed. A request that
    /// repeats it renews the lease when less than half of the time is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<Ttl>,
    /// The lease ends with this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1))]
    pub owner_pid: Option<NonZeroU32>,
    /// The process that `portlease run` started for this lease. It and all
    /// under it are the lease's own app, wherever they run, while it lives;
    /// the lease does not end with it. The last one given counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1))]
    pub run_pid: Option<NonZeroU32>,
    /// Whether the daemon keeps the port by a socket until the app binds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<bool>,
    /// When a stranger sits on the leased port, fail rather than move.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "openapi", schema(default = false))]
    pub strict: bool,
    /// Give a port that is on the list of excluded ports, too.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "openapi", schema(default = false))]
    pub force: bool,
    /// Choose anew as this request says, even if the lease has a port.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "openapi", schema(default = false))]
    pub reset: bool,
    /// The directory of the project, an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^/"))]
    pub root: Option<String>,
    /// That the project is named after its root, by this: another root of that
    /// name gets the name with a number, and one that was moved keeps its own.
    /// The answer says under which project the lease is. Needs `root`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identify: Option<Identify>,
    /// Text to keep beside the lease.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "distinct_labels")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::labels))]
    pub labels: Option<BTreeMap<String, String>>,
    /// Say in the answer which candidates were skipped and why.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "openapi", schema(default = false))]
    pub explain: bool,
}

impl GetRequest {
    /// Whether its fields go together.
    ///
    /// # Errors
    /// What does not, in words that name the fields.
    pub fn check(&self) -> Result<(), String> {
        if let (Some(port), Some(range)) = (self.port, self.range)
            && !range.contains(port)
        {
            return Err(format!("port {port} lies outside range {range}"));
        }
        if self.port.is_some() && !self.prefer.is_empty() {
            return Err("port and prefer exclude each other: port is that one or none".to_owned());
        }
        if self.prefer.len() > MAX_PREFERRED {
            return Err(format!("prefer names more than {MAX_PREFERRED} ports"));
        }
        if self.root.as_ref().is_some_and(|root| !root.starts_with('/')) {
            return Err("root is not an absolute path".to_owned());
        }
        if self.identify.is_some() && self.root.is_none() {
            return Err("identify needs root".to_owned());
        }
        if self.hold == Some(true) && self.protocol == Some(Protocol::Udp) {
            return Err("hold needs tcp: no socket holds a UDP port and lets the app bind it".to_owned());
        }
        let labels = self.labels.iter().flatten();
        if labels.clone().count() > MAX_LABELS {
            return Err(format!("labels has more than {MAX_LABELS} entries"));
        }
        if labels.flat_map(|(key, value)| [key, value]).any(|text| text.len() > MAX_LABEL) {
            return Err(format!("labels has a text of more than {MAX_LABEL} bytes"));
        }
        Ok(())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Port>, D::Error> {
    struct Ports;
    impl<'de> de::Visitor<'de> for Ports {
        type Value = Vec<Port>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a port from 1 to 65535 or a list of them")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Vec<Port>, E> {
            Port::deserialize(de::value::U64Deserializer::new(number)).map(|port| vec![port])
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Vec<Port>, E> {
            Port::deserialize(de::value::I64Deserializer::new(number)).map(|port| vec![port])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Vec<Port>, A::Error> {
            Vec::deserialize(de::value::SeqAccessDeserializer::new(seq))
        }
    }
    deserializer.deserialize_any(Ports)
}

pub(crate) fn distinct_labels<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    let labels = Option::<Distinct<String, String>>::deserialize(deserializer)?;
    Ok(labels.map(|labels| labels.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<GetRequest, String> {
        let request: GetRequest = serde_json::from_str(text).map_err(|e| e.to_string())?;
        request.check()?;
        Ok(request)
    }

    #[test]
    fn an_empty_object_asks_for_anything() {
        assert_eq!(parse("{}"), Ok(GetRequest::default()));
        assert_eq!(serde_json::to_string(&GetRequest::default()).unwrap(), "{}");
    }

    #[test]
    fn prefer_is_one_or_many() {
        assert_eq!(parse(r#"{"prefer": 3000}"#).unwrap().prefer, [Port::constant(3000)]);
        assert_eq!(parse(r#"{"prefer": [3000, 3001]}"#).unwrap().prefer.len(), 2);
    }

    #[test]
    fn what_is_refused_is_named() {
        for (text, named) in [
            (r#"{"prot": 1}"#, "unknown field `prot`"),
            (r#"{"port": 3000, "port": 3001}"#, "duplicate field `port`"),
            (r#"{"labels": {"a": "1", "a": "2"}}"#, "duplicate key \"a\""),
            (r#"{"port": 0}"#, "1 to 65535"),
            (r#"{"prefer": -1}"#, "1 to 65535"),
            (r#"{"prefer": [3000, 65536]}"#, "1 to 65535"),
            (r#"{"prefer": "3000"}"#, "a list of them"),
            (r#"{"range": "3000-2000"}"#, "reversed range 3000-2000"),
            (r#"{"protocol": "sctp"}"#, "unknown variant `sctp`"),
            (r#"{"port": 3000, "range": "4000-4001"}"#, "outside range"),
            (r#"{"port": 3000, "prefer": [3000]}"#, "exclude each other"),
            (r#"{"root": "here"}"#, "not an absolute path"),
            (r#"{"identify": "directory"}"#, "identify needs root"),
            (r#"{"root": "/a", "identify": "name"}"#, "unknown variant `name`"),
            (r#"{"ttl_s": 0}"#, "from 1 to 31536000"),
            (r#"{"ttl_s": 1.5}"#, "from 1 to 31536000"),
            (r#"{"ttl_s": "60"}"#, "from 1 to 31536000"),
            (r#"{"owner_pid": 0}"#, "nonzero"),
            (r#"{"owner_pid": -1}"#, "nonzero"),
            (r#"{"run_pid": 0}"#, "nonzero"),
            (r#"{"hold": true, "protocol": "udp"}"#, "hold needs tcp"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
        let many = serde_json::json!({"prefer": vec![3000; 33]}).to_string();
        assert!(parse(&many).unwrap_err().contains("more than 32 ports"));
        let long = serde_json::json!({"labels": {"a": "x".repeat(257)}}).to_string();
        assert!(parse(&long).unwrap_err().contains("more than 256 bytes"));
    }
}
