//! The one list of settings. What is not in it cannot be set; a test says so
//! when [`super::Config`] and the list differ.

/// A setting.
#[derive(Debug)]
pub struct Key {
    /// Its key in the file, with its table: `limits.kept_percent`.
    pub path: &'static str,
    /// How a variable or a flag writes it.
    pub kind: Kind,
    /// When a change of the file counts.
    pub live: Live,
    /// The flag of `portlease daemon`, beside `--set`, which takes any.
    pub flag: Option<&'static str>,
    /// What may be said, in Markdown.
    pub values: &'static str,
    /// What it is good for, in Markdown.
    pub about: &'static str,
}

/// How a value is written where there is no TOML around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Number,
    /// A word.
    Word,
    /// Ports, ranges or words with commas between them.
    List,
}

/// When a change of the file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// When the daemon reads the file again.
    Reload,
    /// At the next start.
    Restart,
}

/// Every setting, in the order in which they are told.
pub const KEYS: &[Key] = &[
    Key {
        path: "pool",
        kind: Kind::List,
        live: Live::Reload,
        flag: Some("--pool"),
        values: "a range, or a list of ranges that do not overlap",
        about: "The ports that are given when none is asked for. Leases that are there keep theirs.",
    },
    Key {
        path: "exclude",
        kind: Kind::List,
        live: Live::Reload,
        flag: Some("--exclude"),
        values: "ports and ranges: `[\"5000\", \"7000-7010\"]`",
        about: "Ports that are never given unless forced, beside those on the built-in lists. Leases that are there keep theirs.",
    },
    Key {
        path: "synchronous",
        kind: Kind::Word,
        live: Live::Reload,
        flag: None,
        values: "`\"normal\"` or `\"full\"`",
        about: "What a power cut may cost: the leases of the last second, or none, for which each grant waits for the disk.",
    },
    Key {
        path: "auth",
        kind: Kind::Word,
        live: Live::Reload,
        flag: None,
        values: "`\"user\"` or `\"token\"`",
        about: "What is asked of whoever comes over TCP: that the kernel names a process of this user, or the token as well.",
    },
    Key {
        path: "api.port",
        kind: Kind::Number,
        live: Live::Reload,
        flag: Some("--port"),
        values: "1 to 65535",
        about: "The port of the HTTP API on 127.0.0.1 and `[::1]`. While another program has it, the next free one, or the one before.",
    },
    Key {
        path: "limits.leases_per_project",
        kind: Kind::Number,
        live: Live::Reload,
        flag: None,
        values: "a number",
        about: "The most leases of one project.",
    },
    Key {
        path: "limits.kept_percent",
        kind: Kind::Number,
        live: Live::Reload,
        flag: None,
        values: "0 to 100",
        about: "How much of the pool anonymous leases, those of tests, never get.",
    },
    Key {
        path: "limits.connections",
        kind: Kind::Number,
        live: Live::Restart,
        flag: None,
        values: "16 to 65536",
        about: "The most connections to the API at once; never more than a quarter of the files that the daemon may open.",
    },
    Key {
        path: "compat.portpicker",
        kind: Kind::List,
        live: Live::Restart,
        flag: None,
        values: "addresses: `@NAME`, a path, or `tcp:PORT`",
        about: "Where the clients of python_portpicker are served. `portlease daemon --portpicker` adds to it.",
    },
    Key {
        path: "compat.grpc_port_server",
        kind: Kind::Number,
        live: Live::Restart,
        flag: None,
        values: "1 to 65535; gRPC's own tests ask on 32766",
        about: "The port where the clients of gRPC's port server are served. `portlease daemon --grpc-port-server` adds to it.",
    },
];

impl Key {
    /// The variable that stands for it: `PORTLEASE_LIMITS_KEPT_PERCENT`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("PORTLEASE_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }

    /// Where it is in a document of nested tables.
    #[must_use]
    pub fn pointer(&self) -> String {
        format!("/{}", self.path.replace('.', "/"))
    }

    /// The key of that path; else the nearest one.
    ///
    /// # Errors
    /// The nearest path.
    pub fn find(path: &str) -> Result<&'static Self, &'static str> {
        // By what they have in common from the left: half of a key is one, too.
        let like = |key: &Self| strsim::jaro_winkler(path, key.path);
        let nearest = || KEYS.iter().max_by(|a, b| like(a).total_cmp(&like(b)));
        let found = KEYS.iter().find(|key| key.path == path);
        found.ok_or_else(|| nearest().map_or("", |key| key.path))
    }
}

/// The names of keys and of tables, as a line of the file begins with them.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    KEYS.iter().flat_map(|key| key.path.split('.'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::config::Config;

    fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    leaves(value, &format!("{path}{}{name}", if path.is_empty() { "" } else { "." }), found);
                }
            }
            _ => {
                found.insert(path.to_owned());
            }
        }
    }

    #[test]
    fn the_list_and_the_configuration_are_the_same() {
        let mut found = BTreeSet::new();
        leaves(&serde_json::to_value(Config::default()).unwrap(), "", &mut found);
        let listed: BTreeSet<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
        assert_eq!(listed, found);
        assert_eq!(listed.len(), KEYS.len(), "one is there twice");
    }

    #[test]
    fn the_nearest_is_told() {
        assert_eq!(Key::find("limits.kept_percent").unwrap().variable(), "PORTLEASE_LIMITS_KEPT_PERCENT");
        for (typed, nearest) in [
            ("limits.kept_precent", "limits.kept_percent"),
            ("limits.kept", "limits.kept_percent"),
            ("pol", "pool"),
        ] {
            assert_eq!(Key::find(typed).unwrap_err(), nearest);
        }
    }
}
