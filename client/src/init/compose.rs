//! Compose files: the ports that services publish on this machine.

use portlease_proto::{Port, Protocol};
use serde_json::Value;

use super::{
    Found,
    command_line::{is_port, value_of},
};

pub(super) fn find(file: &str, text: &str) -> Result<Vec<Found>, String> {
    let compose: Value = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.to_string().lines().next().unwrap_or_default().to_owned();
        line.trim_start_matches("error: ").to_owned()
    })?;
    let Some(services) = compose.get("services").and_then(Value::as_object) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (name, service) in services {
        let published = service["ports"].as_array().into_iter().flatten().filter_map(published);
        // Of several ports the first is the service's, the others have their number.
        for (i, (port, env, protocol, target)) in published.enumerate() {
            let service = if i == 0 { name.clone() } else { format!("{name}-{target}") };
            let notes = vec![format!("{file}: service {name}")];
            let inside = env.is_none().then_some(target);
            found.push(Found { service, prefer: port, env, protocol, inside, notes, ..Found::default() });
        }
    }
    Ok(found)
}

/// A port of this machine, the variable that tells it, and the port inside.
type Published = (Option<Port>, Option<String>, Option<Protocol>, String);

/// One of `ports`, short or long. What is published on no certain port, or on
/// a range, takes none.
fn published(entry: &Value) -> Option<Published> {
    if let Some(text) = entry.as_str() {
        return short(text);
    }
    let text = |key: &str| match &entry[key] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    of(&text("published")?, text("target")?, text("protocol").as_deref())
}

/// `[ADDRESS:]PORT:PORT[/PROTOCOL]`, where each may be `${NAME:-3000}`.
fn short(text: &str) -> Option<Published> {
    let (text, protocol) = match text.rsplit_once('/') {
        Some((text, protocol)) => (text, Some(protocol)),
        None => (text, None),
    };
    let parts = split(text);
    let [.., published, target] = parts.as_slice() else { return None };
    of(published, (*target).to_owned(), protocol)
}

/// At the colons that are not inside of braces.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let outside = |c: char| {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ':' && depth == 0
    };
    text.split(outside).collect()
}

fn of(published: &str, target: String, protocol: Option<&str>) -> Option<Published> {
    let (port, env) = value_of(published);
    let env = env.filter(|name| is_port(name));
    let protocol = protocol.filter(|protocol| *protocol == "udp").map(|_| Protocol::Udp);
    (port.is_some() || env.is_some()).then_some((port, env, protocol, target))
}
