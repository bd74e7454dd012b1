//! `package.json`: the ports of its scripts, and frameworks it depends on.

use serde_json::Value;

use super::{Found, WEB, command_line::says, frameworks};

/// Scripts that start servers, which may go on: `dev:api`.
const STARTING: [&str; 5] = ["dev", "start", "serve", "develop", "preview"];

pub(super) fn find(file: &str, text: &str) -> Result<Vec<Found>, String> {
    let package: Value =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|e| e.to_string())?;
    if !package.is_object() {
        return Err("it is no object".to_owned());
    }
    let mut found: Vec<Found> =
        scripts(&package).filter_map(|(name, command)| of_script(file, name, command)).collect();
    let depends = |package_name: &str| {
        ["dependencies", "devDependencies"].iter().any(|key| package[*key].get(package_name).is_some())
    };
    found.extend(frameworks::among(frameworks::NPM, file, depends));
    Ok(found)
}

/// Those that start a server, in the order of `STARTING`, then the others.
fn scripts(package: &Value) -> impl Iterator<Item = (&str, &str)> {
    let scripts = package["scripts"].as_object();
    let mut scripts: Vec<(&str, &str)> = scripts
        .into_iter()
        .flatten()
        .filter_map(|(name, command)| Some((name.as_str(), command.as_str()?)))
        .collect();
    let rank = |name: &str| {
        let base = name.split(':').next().unwrap_or_default();
        STARTING.iter().position(|starting| *starting == base).unwrap_or(STARTING.len())
    };
    scripts.sort_by_key(|(name, _)| rank(name));
    scripts.into_iter()
}

/// `dev` is the service web, `dev:api` the service api, `storybook` itself.
fn of_script(file: &str, name: &str, command: &str) -> Option<Found> {
    let says = says(command);
    if says.nothing() {
        return None;
    }
    let service = match name.split_once(':') {
        Some((base, rest)) if STARTING.contains(&base) => rest,
        None if STARTING.contains(&name) => WEB,
        _ => name,
    };
    Some(Found {
        service: service.to_owned(),
        prefer: says.port,
        env: says.env,
        notes: vec![format!("{file}: script {name}")],
        ..Found::default()
    })
}
