//! Ports in a command as it is written in scripts and Procfiles.

use portlease_proto::Port;

/// What a command says of its port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Says {
    pub(super) port: Option<Port>,
    /// That it takes it from this variable.
    pub(super) env: Option<String>,
}

impl Says {
    pub(super) fn nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The first port of a command: `PORT=3000`, `--port 3000`, `--port=3000`,
/// `-p 3000`, `-p3000`, and those with a default: `${PORT:-3000}`.
pub(super) fn says(command: &str) -> Says {
    let words: Vec<&str> = command.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
    let mut says = Says::default();
    for (i, word) in words.iter().enumerate() {
        let next = words.get(i + 1).copied().unwrap_or_default();
        let value = if let Some((name, value)) = word.split_once('=').filter(|(name, _)| is_port(name)) {
            says.env.get_or_insert_with(|| name.to_owned());
            value
        } else if *word == "--port" || *word == "-p" {
            next
        } else {
            word.strip_prefix("--port=").or_else(|| word.strip_prefix("-p")).unwrap_or_default()
        };
        let (port, env) = value_of(value.trim_matches(['"', '\'']));
        says.port = says.port.or(port);
        says.env = says.env.or(env);
    }
    says.env = says.env.or_else(|| words.iter().find_map(|word| variable_in(word)).map(|(name, _)| name));
    says
}

/// A port, a variable, or a variable with a port for its default.
pub(super) fn value_of(text: &str) -> (Option<Port>, Option<String>) {
    match variable_in(text) {
        Some((name, default)) => (default.and_then(|port| port.parse().ok()), Some(name)),
        None => (text.parse().ok(), None),
    }
}

/// The first `$NAME`, `${NAME}` or `${NAME:-default}` with the name of a port.
fn variable_in(text: &str) -> Option<(String, Option<&str>)> {
    let rest = text.split_once('$')?.1;
    let inner = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(inner, _)| inner);
    let body = inner.unwrap_or(rest);
    let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(body.len());
    let (name, after) = body.split_at(end);
    let default = after.strip_prefix(":-").or_else(|| after.strip_prefix('-')).filter(|_| inner.is_some());
    is_port(name).then(|| (name.to_owned(), default))
}

/// Whether a variable by this name tells a port: `TRANSPORT` does not.
pub(super) fn is_port(name: &str) -> bool {
    let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    let ends = ["PORT", "PGPORT"].contains(&name) || name.ends_with("_PORT");
    begins && ends && name.chars().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_commands() {
        for (command, port, env) in [
            ("vite", None, None),
            ("vite --port 3001 --strictPort", Some(3001), None),
            ("vite --port=3001", Some(3001), None),
            ("next dev -p 3001", Some(3001), None),
            ("serve -p3001", Some(3001), None),
            ("PORT=3001 node server.js", Some(3001), Some("PORT")),
            ("cross-env API_PORT='3001' node server.js", Some(3001), Some("API_PORT")),
            ("bundle exec puma -p $PORT", None, Some("PORT")),
            ("gunicorn app --bind 0.0.0.0:${PORT:-8000}", None, Some("PORT")),
            ("rails s -p ${PORT:-3000}", Some(3000), Some("PORT")),
            ("next dev --port \"$WEB_PORT\"", None, Some("WEB_PORT")),
            ("mkdir -p build && cp -parents x y", None, None),
            ("node --inspect=9229 --port 70000 x", None, None),
            ("SUPPORT=1 TRANSPORT=2 x $EXPORT", None, None),
            ("", None, None),
        ] {
            let said = says(command);
            assert_eq!((said.port.map(Port::get), said.env.as_deref()), (port, env), "{command}");
        }
    }
}
