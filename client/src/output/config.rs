//! Settings.

use portlease_proto::{Configuration, Origin, Setting, SettingValue, escape};

/// A line for each: as the file would have it, and who says so.
pub(crate) fn configuration(configuration: &Configuration) {
    let values: Vec<String> = configuration.settings.iter().map(|s| value(s.value.as_ref())).collect();
    let wide = configuration.settings.iter().map(|setting| setting.key.len()).max().unwrap_or_default();
    let long = values.iter().map(|value| value.chars().count()).max().unwrap_or_default().min(40);
    for (setting, text) in configuration.settings.iter().zip(&values) {
        let who = who(setting, &configuration.file);
        super::value(&format!("{:wide$} = {text:long$}  {who}", setting.key));
    }
}

fn who(setting: &Setting, file: &str) -> String {
    let source = setting.source.as_deref().unwrap_or_default();
    let who = match setting.origin {
        Origin::Default => "default".to_owned(),
        Origin::File => format!("file {}", escape(file)),
        Origin::Environment => format!("environment {}", escape(source)),
        Origin::Flag => format!("flag {}", escape(source)),
        Origin::Unknown => "unknown".to_owned(),
    };
    match &setting.pending {
        None => who,
        Some(pending) => format!("{who}; {} after a restart of the daemon", value(Some(pending))),
    }
}

fn value(value: Option<&SettingValue>) -> String {
    // Of strings, numbers and lists of strings JSON is TOML.
    value.map_or_else(|| "off".to_owned(), |value| escape(&serde_json::to_string(value).unwrap_or_default()))
}
