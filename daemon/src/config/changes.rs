//! What differs between two configurations.

use std::fmt;

use portlease_proto::{SettingValue, escape};

use super::{Config, KEYS, Key, layers::values};

/// A setting that is not what it was.
#[derive(Debug)]
pub struct Change {
    /// Which.
    pub key: &'static Key,
    from: Option<SettingValue>,
    to: Option<SettingValue>,
}

/// Every setting of `to` that is another one in `from`.
#[must_use]
pub fn changes(from: &Config, to: &Config) -> Vec<Change> {
    let pairs = KEYS.iter().zip(values(from).into_iter().zip(values(to)));
    pairs.filter(|(_, (from, to))| from != to).map(|(key, (from, to))| Change { key, from, to }).collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.key.path, text(self.from.as_ref()), text(self.to.as_ref()))
    }
}

/// As the file would have it.
pub(super) fn text(value: Option<&SettingValue>) -> String {
    match value {
        None => "off".to_owned(),
        // Of strings, numbers and lists of strings JSON is TOML.
        Some(value) => escape(&serde_json::to_string(value).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_change() {
        let to = "exclude = [\"5000\", \"7000-7010\"]\n[api]\nport = 4000";
        let changes = changes(&Config::default(), &Config::parse(to).unwrap());
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["exclude: [] → [\"5000\",\"7000-7010\"]", "api.port: 62893 → 4000"]);
    }
}
