//! The values in force out of what four sources say: the defaults, the file,
//! variables, flags; each comes before those named ahead of it.

use std::{ffi::OsString, io, path::Path};

use portlease_proto::{Configuration, Origin, Setting, SettingValue, escape};
use toml::{Table, Value};

use super::{Config, ConfigError, KEYS, Key, Kind};

/// What was said beside the file. It stays for as long as the daemon runs.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    said: Vec<Said>,
}

#[derive(Debug, Clone)]
struct Said {
    key: &'static Key,
    origin: Origin,
    source: String,
    value: Value,
}

impl Overrides {
    /// What `variable` says of each key; one that is empty says nothing.
    ///
    /// # Errors
    /// [`ConfigError::Override`], which names the variable.
    pub fn of_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let mut overrides = Self::default();
        for key in KEYS {
            let name = key.variable();
            let Some(text) = variable(&name).filter(|text| !text.is_empty()) else { continue };
            let text = text.into_string().map_err(|_| wrong(&name, "it is not UTF-8"))?;
            overrides.add(key, Origin::Environment, name, &text)?;
        }
        Ok(overrides)
    }

    /// One flag more.
    ///
    /// # Errors
    /// [`ConfigError::Override`], which names the flag.
    pub fn flag(&mut self, name: &str, path: &str, text: &str) -> Result<(), ConfigError> {
        let key = Key::find(path).map_err(|nearest| {
            wrong(name, &format!("there is no setting `{}`: did you mean `{nearest}`?", escape(path)))
        })?;
        self.add(key, Origin::Flag, name.to_owned(), text)
    }

    fn add(
        &mut self,
        key: &'static Key,
        origin: Origin,
        source: String,
        text: &str,
    ) -> Result<(), ConfigError> {
        let value = value(key.kind, text);
        let mut alone = Table::new();
        put(&mut alone, key.path, value.clone());
        // By itself, so that the error is about it and nothing else.
        let _checked: Config = alone.try_into().map_err(|error: toml::de::Error| {
            wrong(&source, error.message().lines().next().unwrap_or_default())
        })?;
        self.said.push(Said { key, origin, source, value });
        Ok(())
    }
}

fn wrong(source_name: &str, message: &str) -> ConfigError {
    ConfigError::Override { source_name: source_name.to_owned(), message: message.to_owned() }
}

/// The TOML that the text stands for. What does not fit the key is a string,
/// and refused as such.
fn value(kind: Kind, text: &str) -> Value {
    match (kind, text.trim().parse::<i64>()) {
        (Kind::Number, Ok(number)) => Value::Integer(number),
        (Kind::List, _) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        _ => Value::String(text.trim().to_owned()),
    }
}

fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((name, rest)) => {
            let inner = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn has(table: &Table, path: &str) -> bool {
    match path.split_once('.') {
        None => table.contains_key(path),
        Some((name, rest)) => table.get(name).and_then(Value::as_table).is_some_and(|inner| has(inner, rest)),
    }
}

/// The values in force and where they come from.
#[derive(Debug, Clone)]
pub struct Layers {
    /// The values.
    pub config: Config,
    /// In the order of [`KEYS`].
    origins: Vec<(Origin, Option<String>)>,
}

impl Layers {
    /// Reads the file, if it is there, and lays the rest over it.
    ///
    /// # Errors
    /// [`ConfigError`], with line and column, and for an unknown key the
    /// nearest known one.
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(ConfigError::Unreadable { path: path.to_owned(), source }),
        };
        Self::of(&text, overrides).map_err(|message| ConfigError::Wrong { path: path.to_owned(), message })
    }

    /// The same of the file's text.
    ///
    /// # Errors
    /// Line, column and reason.
    pub fn of(text: &str, overrides: &Overrides) -> Result<Self, String> {
        // What the file says must make sense even where something else counts.
        let of_file = Config::parse(text)?;
        let told = |error: toml::de::Error| error.to_string().trim_end().to_owned();
        let mut table: Table = toml::from_str(text).map_err(told)?;
        let in_file = |key: &Key| if has(&table, key.path) { Origin::File } else { Origin::Default };
        let mut origins: Vec<_> = KEYS.iter().map(|key| (in_file(key), None)).collect();
        for said in &overrides.said {
            put(&mut table, said.key.path, said.value.clone());
            for (key, origin) in KEYS.iter().zip(&mut origins) {
                if key.path == said.key.path {
                    *origin = (said.origin, Some(said.source.clone()));
                }
            }
        }
        let config = if overrides.said.is_empty() { of_file } else { table.try_into().map_err(told)? };
        Ok(Self { config, origins })
    }

    /// As it is told; `pending` is what waits for a restart.
    #[must_use]
    pub fn describe(&self, file: &Path, in_force: &Config) -> Configuration {
        let (now, then) = (values(in_force), values(&self.config));
        let settings = KEYS.iter().zip(&self.origins).zip(now.into_iter().zip(then));
        let settings = settings.map(|((key, (origin, source)), (now, then))| Setting {
            key: key.path.to_owned(),
            origin: *origin,
            source: source.clone(),
            pending: if now == then { None } else { then },
            value: now,
        });
        Configuration {
            file: escape(&file.display().to_string()),
            settings: settings.collect(),
            problem: None,
        }
    }
}

/// The value of each key, in the order of [`KEYS`].
pub(super) fn values(config: &Config) -> Vec<Option<SettingValue>> {
    let document = serde_json::to_value(config).unwrap_or_default();
    let value = |key: &Key| serde_json::from_value(document.pointer(&key.pointer())?.clone()).ok();
    KEYS.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides(variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Overrides, ConfigError> {
        let of = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, text)| text.into());
        let mut overrides = Overrides::of_variables(of)?;
        for (path, text) in flags {
            overrides.flag("--set", path, text)?;
        }
        Ok(overrides)
    }

    fn setting(text: &str, overrides: &Overrides, key: &str) -> (String, Origin, Option<String>) {
        let layers = Layers::of(text, overrides).unwrap();
        let told = layers.describe(Path::new("c"), &layers.config);
        let setting = told.settings.into_iter().find(|setting| setting.key == key).unwrap();
        assert_eq!(setting.pending, None);
        (serde_json::to_string(&setting.value).unwrap(), setting.origin, setting.source)
    }

    #[test]
    fn each_source_comes_before_those_ahead_of_it() {
        let none = overrides(&[], &[]).unwrap();
        let empty = overrides(&[("PORTLEASE_POOL", "")], &[]).unwrap();
        let variable = overrides(&[("PORTLEASE_POOL", "1-2, 5-6")], &[]).unwrap();
        let flag = overrides(&[("PORTLEASE_POOL", "1-2")], &[("pool", "7-8")]).unwrap();
        let file = "pool = \"3-4\"";
        let named = |name: &str| Some(name.to_owned());
        for (text, overrides, expected) in [
            ("", &none, ("\"20000-29999\"", Origin::Default, None)),
            (file, &none, ("\"3-4\"", Origin::File, None)),
            (file, &empty, ("\"3-4\"", Origin::File, None)),
            (file, &variable, ("[\"1-2\",\"5-6\"]", Origin::Environment, named("PORTLEASE_POOL"))),
            (file, &flag, ("\"7-8\"", Origin::Flag, named("--set"))),
        ] {
            let (value, origin, source) = setting(text, overrides, "pool");
            assert_eq!((value.as_str(), origin, source), expected);
        }
        let port = overrides_of_port();
        assert_eq!(setting("[api]\nport = 1", &port, "api.port").0, "4000");
        // A table that the file has keeps its other keys.
        let text = "[limits]\nkept_percent = 3";
        let limits = overrides(&[], &[("limits.connections", "64")]).unwrap();
        assert_eq!(setting(text, &limits, "limits.kept_percent").0, "3");
        assert_eq!(setting(text, &limits, "limits.connections").0, "64");
    }

    fn overrides_of_port() -> Overrides {
        overrides(&[("PORTLEASE_API_PORT", " 4000 ")], &[]).unwrap()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_source() {
        for (variable, flag, named) in [
            (("PORTLEASE_POOL", "9-3"), None, "PORTLEASE_POOL is wrong: reversed range 9-3"),
            (("PORTLEASE_API_PORT", "web"), None, "PORTLEASE_API_PORT is wrong"),
            (("PORTLEASE_API_PORT", "0"), None, "1 to 65535"),
            (("PORTLEASE_AUTH", "off"), None, "PORTLEASE_AUTH is wrong"),
            (("", ""), Some(("pol", "1-2")), "did you mean `pool`?"),
            (("", ""), Some(("limits.kept_percent", "101")), "--set is wrong: a percentage"),
        ] {
            let flags: Vec<_> = flag.into_iter().collect();
            let error = overrides(&[variable], &flags).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        // The file is judged even where a variable counts.
        let variable = overrides(&[("PORTLEASE_POOL", "1-2")], &[]).unwrap();
        assert!(Layers::of("\npool = 3", &variable).unwrap_err().contains("line 2, column 8"));
    }

    #[test]
    fn what_waits_for_a_restart_is_told_beside_what_is_in_force() {
        let layers = Layers::of("[limits]\nconnections = 64", &Overrides::default()).unwrap();
        let told = layers.describe(Path::new("c"), &Config::default());
        let setting = told.settings.iter().find(|setting| setting.key == "limits.connections").unwrap();
        assert_eq!(setting.value, Some(SettingValue::Number(512)));
        assert_eq!(setting.pending, Some(SettingValue::Number(64)));
    }
}
