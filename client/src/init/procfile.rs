//! `Procfile`: a process a line, `NAME: COMMAND`.

use super::{Found, WEB, command_line::says};

pub(super) fn find(file: &str, text: &str) -> Result<Vec<Found>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let processes = lines.filter_map(|line| line.split_once(':'));
    // A worker listens nowhere.
    let found = processes.filter_map(|(name, command)| {
        let says = says(command);
        let web = name.trim() == WEB;
        (web || !says.nothing()).then(|| Found {
            service: name.trim().to_owned(),
            prefer: says.port,
            env: says.env.or_else(|| web.then(|| "PORT".to_owned())),
            notes: vec![format!("{file}: {}", name.trim())],
            ..Found::default()
        })
    });
    Ok(found.collect())
}
