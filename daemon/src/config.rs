//! `config.toml`: what the owner of the machine decides.

mod changes;
mod keys;
mod layers;
mod reference;

use std::{io, path::PathBuf};

use portlease_proto::{API_PORT, Auth, InvalidPort, Port, PortRange};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use changes::{Change, changes};
pub use keys::{KEYS, Key, Kind, Live};
pub use layers::{Layers, Overrides};
pub use reference::markdown;

use crate::{
    allocator::Pool,
    compat::{Address, Wanted},
    store::Durability,
};

/// The values in force.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The ports that we may give by ourselves: `"20000-29999"`, or a list.
    #[serde(deserialize_with = "pool", serialize_with = "pool_as_text")]
    pub pool: Pool,
    /// Ports that are never given, beside those on the lists.
    #[serde(deserialize_with = "exclude", serialize_with = "ports_as_text")]
    pub exclude: Vec<PortRange>,
    /// What a grant survives: `"normal"` or `"full"`.
    pub synchronous: Durability,
    /// What is asked of whoever comes over TCP: `"user"` or `"token"`.
    #[serde(deserialize_with = "auth")]
    pub auth: Auth,
    /// The HTTP API.
    pub api: Api,
    /// Limits.
    pub limits: Limits,
    /// The port servers of foreign protocols.
    pub compat: Compat,
}

/// `[compat]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Compat {
    /// Where portpicker's clients are served: `@name`, a path, or `tcp:PORT`.
    pub portpicker: Vec<Address>,
    /// The port where gRPC's clients are; 32766 is the one that they know.
    pub grpc_port_server: Option<Port>,
}

impl Compat {
    /// The same, to be served.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted { portpicker: self.portpicker.clone(), grpc: self.grpc_port_server }
    }
}

/// `[api]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// The TCP port on 127.0.0.1 and `[::1]`.
    pub port: Port,
}

impl Default for Api {
    fn default() -> Self {
        Self { port: API_PORT }
    }
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The most leases of one project.
    pub leases_per_project: usize,
    /// How much of the pool anonymous leases never get, in percent.
    #[serde(deserialize_with = "percent")]
    pub kept_percent: u8,
    /// The most connections at once, where the limit on open files allows it.
    #[serde(deserialize_with = "connections")]
    pub connections: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { leases_per_project: 1024, kept_percent: 10, connections: 512 }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("the configuration {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file's content makes no sense.
    #[error("the configuration {} is wrong{}\n{message}", path.display(), suggest(message))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        message: String,
    },
    /// A variable or a flag makes no sense.
    #[error("{source_name} is wrong: {message}")]
    Override {
        /// Its name.
        source_name: String,
        /// Why.
        message: String,
    },
}

impl ConfigError {
    /// The same on one line of the log, for it may hold what others wrote.
    #[must_use]
    pub fn on_one_line(&self) -> String {
        let said = self.to_string();
        // TOML's own words show the line of the file between place and reason.
        let words = said.lines().filter(|line| {
            !line.trim_start_matches([' ', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']).starts_with('|')
        });
        let cause = std::error::Error::source(self).map(ToString::to_string);
        let words: Vec<&str> =
            words.map(str::trim).filter(|line| !line.is_empty()).chain(cause.as_deref()).collect();
        portlease_proto::escape(&words.join(": "))
    }
}

impl Config {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Line, column and reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }
}

/// `: did you mean …?`, when the message is about a key that is nearly one of ours.
fn suggest(message: &str) -> String {
    let nearest = message.split_once("unknown field `").and_then(|(_, rest)| {
        let (key, _) = rest.split_once('`')?;
        keys::words().min_by_key(|known| strsim::damerau_levenshtein(key, known))
    });
    nearest.map(|nearest| format!(": did you mean `{nearest}`?")).unwrap_or_default()
}

fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let number = i64::deserialize(deserializer)?;
    let percent = u8::try_from(number).ok().filter(|percent| *percent <= 100);
    percent.ok_or_else(|| de::Error::custom("a percentage is a whole number from 0 to 100"))
}

fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = i64::deserialize(deserializer)?;
    let connections = u32::try_from(number).ok().filter(|number| (16..=65_536).contains(number));
    connections.ok_or_else(|| de::Error::custom("connections are a whole number from 16 to 65536"))
}

fn auth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Auth, D::Error> {
    match Auth::deserialize(deserializer)? {
        // What a client may pass over is a mistake here.
        Auth::Unknown => Err(de::Error::custom("auth is `user` or `token`")),
        auth => Ok(auth),
    }
}

fn pool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a range such as \"20000-29999\", or a list of ranges")]
    enum Ranges {
        One(String),
        Many(Vec<String>),
    }
    let texts = match Ranges::deserialize(deserializer)? {
        Ranges::One(text) => vec![text],
        Ranges::Many(texts) => texts,
    };
    let ranges: Result<Vec<PortRange>, _> = texts.iter().map(|text| text.parse()).collect();
    Pool::new(ranges.map_err(de::Error::custom)?).map_err(de::Error::custom)
}

/// Ports and ranges, alone or in a list: `5000`, `"5000"`, `["5000", "7000-7010"]`.
fn exclude<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PortRange>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "ports and ranges such as [\"5000\", \"7000-7010\"]")]
    enum One {
        Port(u64),
        Text(String),
    }
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "ports and ranges such as [\"5000\", \"7000-7010\"]")]
    enum Ports {
        One(One),
        Many(Vec<One>),
    }
    let texts = match Ports::deserialize(deserializer)? {
        Ports::One(one) => vec![one],
        Ports::Many(many) => many,
    };
    let range = |one| match one {
        One::Port(port) => port_or_range(&port.to_string()),
        One::Text(text) => port_or_range(&text),
    };
    texts.into_iter().map(range).collect::<Result<_, _>>().map_err(de::Error::custom)
}

fn port_or_range(text: &str) -> Result<PortRange, InvalidPort> {
    if text.contains('-') {
        return text.trim().parse();
    }
    let port: Port = text.trim().parse()?;
    PortRange::new(port, port)
}

fn ports_as_text<S: Serializer>(ranges: &[PortRange], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ranges.iter().map(|range| match range.first() == range.last() {
        true => range.first().to_string(),
        false => range.to_string(),
    }))
}

/// As it is written most often: one range is no list.
fn pool_as_text<S: Serializer>(pool: &Pool, serializer: S) -> Result<S::Ok, S::Error> {
    match pool.ranges() {
        [range] => serializer.collect_str(range),
        ranges => serializer.collect_seq(ranges),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = Config::parse("").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.api.port.get(), 62893);
        assert_eq!(config.pool.ranges(), [PortRange::constant(20000, 29999)]);
    }

    #[test]
    fn every_key() {
        let text = "pool = [\"20000-20099\", \"30000-30099\"]\nsynchronous = \"full\"\nauth = \"token\"\n\
                    exclude = [\"5000\", 5001, \"7000-7010\"]\n[api]\nport = 6289\n[limits]\nleases_per_project = 3\nkept_percent = 0\nconnections = 64\n\
                    [compat]\nportpicker = [\"@tests\", \"tcp:7000\"]\ngrpc_port_server = 32766\n";
        let config = Config::parse(text).unwrap();
        assert_eq!(config.pool.ranges().len(), 2);
        assert_eq!(config.synchronous, Durability::Full);
        assert_eq!(config.auth, Auth::Token);
        assert_eq!(Config::parse("auth = \"user\"").unwrap().auth, Auth::User);
        assert_eq!(config.api.port.get(), 6289);
        assert_eq!((config.limits.leases_per_project, config.limits.kept_percent), (3, 0));
        assert_eq!(config.compat.portpicker, ["@tests".parse().unwrap(), "tcp:7000".parse().unwrap()]);
        assert_eq!(config.compat.grpc_port_server, Some(crate::compat::GRPC_PORT));
        assert_eq!(config.limits.connections, 64);
        let excluded: Vec<String> = config.exclude.iter().map(ToString::to_string).collect();
        assert_eq!(excluded, ["5000-5000", "5001-5001", "7000-7010"]);
        assert_eq!(Config::parse("exclude = 5000").unwrap().exclude, [PortRange::constant(5000, 5000)]);
        assert_eq!(Config::parse("pool = \"1-5\"").unwrap().pool.ranges().len(), 1);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, named) in [
            ("pol = \"1-2\"", "did you mean `pool`?"),
            ("[api]\nprot = 1", "did you mean `port`?"),
            ("[limit]\n", "did you mean `limits`?"),
            ("\n\npool = 3", "line 3, column"),
            ("pool = \"9-3\"", "reversed range 9-3"),
            ("pool = []", "the pool is empty"),
            ("pool = [\"1-5\", \"5-9\"]", "overlap"),
            ("[api]\nport = 0", "1 to 65535"),
            ("[api]\nport = 70000", "1 to 65535"),
            ("[limits]\nkept_percent = 101", "from 0 to 100"),
            ("[limits]\nkept_percent = -1", "from 0 to 100"),
            ("synchronous = \"off\"", "`normal` or `full`"),
            ("auth = \"tokne\"", "`user` or `token`"),
            ("auth = \"unknown\"", "`user` or `token`"),
            ("aut = \"token\"", "did you mean `auth`?"),
            ("pool = ", "line 1"),
            ("[compat]\nportpiker = []", "did you mean `portpicker`?"),
            ("[compat]\nportpicker = \"@tests\"", "expected a sequence"),
            ("[compat]\nportpicker = [\"tcp:x\"]", "from 1 to 65535"),
            ("[compat]\ngrpc_port_server = 0", "1 to 65535"),
            ("exclude = true", "ports and ranges such as"),
            ("exclude = [\"70000\"]", "1 to 65535"),
            ("exclude = [\"9-3\"]", "reversed range 9-3"),
            ("exlcude = []", "did you mean `exclude`?"),
            ("[limits]\nconnections = 3", "from 16 to 65536"),
        ] {
            let message = Config::parse(text).unwrap_err();
            let error = ConfigError::Wrong { path: "config.toml".into(), message }.to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn on_one_line_of_the_log_place_and_reason_stay() {
        let message = Config::parse("\n\npool = 3").unwrap_err();
        let line = ConfigError::Wrong { path: "c.toml".into(), message }.on_one_line();
        let expected = "the configuration c.toml is wrong: TOML parse error at line 3, column 8: \
                        a range such as \"20000-29999\", or a list of ranges";
        assert_eq!(line, expected);
        let message = Config::parse("a\u{7f} = 3").unwrap_err();
        let line = ConfigError::Wrong { path: "c.toml".into(), message }.on_one_line();
        assert!(line.contains("line 1, column 2") && !line.contains(char::is_control), "{line:?}");
    }
}
