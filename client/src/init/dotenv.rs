//! `.env` files: variables that tell ports.

use portlease_proto::Port;

use super::{Found, WEB, command_line::is_port};

pub(super) fn find(file: &str, text: &str) -> Result<Vec<Found>, String> {
    let pairs: Vec<(&str, &str)> = text.lines().filter_map(pair).collect();
    // What runs on another machine has no port here.
    let elsewhere = |prefix: &str| {
        let host = pairs.iter().find(|(name, _)| *name == format!("{prefix}HOST"));
        host.is_some_and(|(_, host)| !["", "localhost", "127.0.0.1", "::1", "0.0.0.0"].contains(host))
    };
    let found = pairs.iter().filter_map(|(name, value)| {
        let prefix = name.strip_suffix("PORT").filter(|_| is_port(name))?;
        let port: Port = value.parse().ok()?;
        (!elsewhere(prefix)).then(|| Found {
            service: service(prefix),
            prefer: Some(port),
            env: Some((*name).to_owned()),
            guessed: true,
            notes: vec![format!("{file}: {name}")],
            ..Found::default()
        })
    });
    Ok(found.collect())
}

/// `NAME=VALUE`, with `export` or quotes.
fn pair(line: &str) -> Option<(&str, &str)> {
    let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
    let (name, value) = line.split_once('=')?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    Some((name.trim(), value.trim_matches(['"', '\''])))
}

/// `DB_PORT` is the service db, `PORT` is web, and so are frameworks' own.
fn service(prefix: &str) -> String {
    let name = prefix.trim_end_matches('_').to_ascii_lowercase().replace('_', "-");
    match name.as_str() {
        "" | "flask-run" | "uvicorn" | "streamlit-server" | "rocket" => WEB.to_owned(),
        _ => name,
    }
}
