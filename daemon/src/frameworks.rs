//! How an app is bound to loopback, and how to its own port, for frameworks
//! that we know by their command lines. Pure.

use portlease_proto::Port;

use crate::processes::docker::Forward;

/// What tells the framework, what to type to bind it to loopback, and what to
/// bring it to a port. `PORT` stands for the port.
const KNOWN: &[(Tell, &str, &str)] = &[
    (Tell::Program("vite"), "vite --host 127.0.0.1", "vite --port PORT --strictPort"),
    (Tell::Program("next"), "next dev -H 127.0.0.1", "next dev -p PORT"),
    (Tell::Program("next-server"), "next dev -H 127.0.0.1", "next dev -p PORT"),
    (Tell::Word("runserver"), "python manage.py runserver 127.0.0.1:PORT", "python manage.py runserver PORT"),
    (Tell::Program("flask"), "flask run --host 127.0.0.1", "flask run --port PORT"),
    (Tell::Program("uvicorn"), "uvicorn --host 127.0.0.1", "uvicorn --port PORT"),
    (Tell::Program("gunicorn"), "gunicorn --bind 127.0.0.1:PORT", "gunicorn --bind 127.0.0.1:PORT"),
    (Tell::Program("rails"), "rails server -b 127.0.0.1", "rails server -p PORT"),
    (
        Tell::Program("puma"),
        "rails server -b 127.0.0.1, or puma -b tcp://127.0.0.1:PORT",
        "rails server -p PORT, or puma -p PORT",
    ),
    (Tell::Program("webpack-dev-server"), "webpack serve --host 127.0.0.1", "webpack serve --port PORT"),
    (Tell::Pair("webpack", "serve"), "webpack serve --host 127.0.0.1", "webpack serve --port PORT"),
    (Tell::Pair("webpack", "server"), "webpack serve --host 127.0.0.1", "webpack serve --port PORT"),
    (Tell::Program("http-server"), "http-server -a 127.0.0.1", "http-server -p PORT"),
    (
        Tell::Pair("-m", "http.server"),
        "python3 -m http.server --bind 127.0.0.1 PORT",
        "python3 -m http.server PORT",
    ),
    (Tell::Pair("-m", "uvicorn"), "uvicorn --host 127.0.0.1", "uvicorn --port PORT"),
    (Tell::Pair("-m", "flask"), "flask run --host 127.0.0.1", "flask run --port PORT"),
    (Tell::Pair("php", "-S"), "php -S 127.0.0.1:PORT", "php -S 127.0.0.1:PORT"),
];

/// What a framework is known by.
enum Tell {
    /// A program, or a script that an interpreter runs, of this name.
    Program(&'static str),
    /// One of the words.
    Word(&'static str),
    /// The one right before the other.
    Pair(&'static str, &'static str),
}

/// The option or command line that keeps an app to this machine.
#[must_use]
pub fn loopback_fix(command: &str, port: Port) -> Option<String> {
    if let Some(Forward { container_port, .. }) = Forward::of_line(command) {
        return Some(format!("docker run -p 127.0.0.1:{port}:{container_port}"));
    }
    let (_, fix, _) = framework(command)?;
    Some(fix.replace("PORT", &port.to_string()))
}

/// The option or command line that brings an app to a port.
#[must_use]
pub fn port_option(command: &str, port: Port) -> Option<String> {
    option_for(command, &port.to_string())
}

/// As [`port_option`], with other text in the port's place.
#[must_use]
pub fn option_for(command: &str, port: &str) -> Option<String> {
    if let Some(Forward { container_port, .. }) = Forward::of_line(command) {
        return Some(format!("docker run -p 127.0.0.1:{port}:{container_port}"));
    }
    let (.., option) = framework(command)?;
    Some(option.replace("PORT", port))
}

/// How any app may be brought to a port.
#[must_use]
pub fn any_port_option(port: Port) -> String {
    format!("PORT={port}, or the port option of its framework, as in vite --port {port} --strictPort")
}

fn framework(command: &str) -> Option<&'static (Tell, &'static str, &'static str)> {
    let words: Vec<&str> = command.split_ascii_whitespace().collect();
    KNOWN.iter().find(|(tell, ..)| tell.is_in(&words))
}

impl Tell {
    fn is_in(&self, words: &[&str]) -> bool {
        match self {
            Self::Program(name) => program(words) == Some(*name) || script(words) == Some(*name),
            Self::Word(wanted) => words.contains(wanted),
            Self::Pair(first, second) => {
                words.windows(2).any(|pair| base(pair[0]) == *first && pair[1] == *second)
            }
        }
    }
}

/// The program, without its directory; a process that has written a title over
/// its arguments ends the name with a colon.
fn program<'a>(words: &[&'a str]) -> Option<&'a str> {
    words.first().map(|word| base(word).trim_end_matches(':'))
}

/// What an interpreter runs: its first argument that is no option.
fn script<'a>(words: &[&'a str]) -> Option<&'a str> {
    const INTERPRETERS: [&str; 7] = ["node", "nodejs", "bun", "deno", "python", "ruby", "npx"];
    let interpreter = program(words)?.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if !INTERPRETERS.contains(&interpreter) {
        return None;
    }
    words[1..].iter().find(|word| !word.starts_with('-')).map(|word| base(word))
}

/// The file's name without directories, or the endings of scripts.
fn base(word: &str) -> &str {
    let name = word.rsplit('/').next().unwrap_or(word);
    [".js", ".mjs", ".cjs", ".py", ".rb"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_as_they_are_seen() {
        for (command, fix) in [
            ("node /app/node_modules/.bin/vite --host", Some("vite --host 127.0.0.1")),
            ("node /app/node_modules/vite/bin/vite.js --host 0.0.0.0", Some("vite --host 127.0.0.1")),
            ("next-server (v15.1.0)", Some("next dev -H 127.0.0.1")),
            ("node /app/node_modules/.bin/next dev", Some("next dev -H 127.0.0.1")),
            (
                "/venv/bin/python3.12 manage.py runserver 0.0.0.0:8000",
                Some("python manage.py runserver 127.0.0.1:3000"),
            ),
            ("/venv/bin/python /venv/bin/flask run --host=0.0.0.0", Some("flask run --host 127.0.0.1")),
            ("python3 -m flask run", Some("flask run --host 127.0.0.1")),
            ("/venv/bin/python3 /venv/bin/uvicorn app:app", Some("uvicorn --host 127.0.0.1")),
            (
                "puma 6.4.0 (tcp://0.0.0.0:3000) [app]",
                Some("rails server -b 127.0.0.1, or puma -b tcp://127.0.0.1:3000"),
            ),
            ("ruby bin/rails server -b 0.0.0.0", Some("rails server -b 127.0.0.1")),
            ("node node_modules/.bin/webpack serve --host 0.0.0.0", Some("webpack serve --host 127.0.0.1")),
            ("node node_modules/.bin/webpack-dev-server", Some("webpack serve --host 127.0.0.1")),
            ("node /usr/bin/http-server -p 3000", Some("http-server -a 127.0.0.1")),
            ("python3 -m http.server 3000", Some("python3 -m http.server --bind 127.0.0.1 3000")),
            (
                "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 3000 -container-ip 172.17.0.2 -container-port 80",
                Some("docker run -p 127.0.0.1:3000:80"),
            ),
            ("node server.js", None),
            ("vim vite.config.js", None),
            ("node webpack-thing serve", None),
            ("", None),
        ] {
            assert_eq!(loopback_fix(command, Port::constant(3000)).as_deref(), fix, "{command}");
        }
    }

    #[test]
    fn how_an_app_comes_to_its_port() {
        for (command, option) in [
            ("node /app/node_modules/.bin/vite --host", Some("vite --port 3000 --strictPort")),
            ("next-server (v15.1.0)", Some("next dev -p 3000")),
            ("python3 manage.py runserver", Some("python manage.py runserver 3000")),
            ("python3 -m http.server 8000", Some("python3 -m http.server 3000")),
            (
                "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 80 -container-ip 172.17.0.2 -container-port 80",
                Some("docker run -p 127.0.0.1:3000:80"),
            ),
            ("node server.js", None),
        ] {
            assert_eq!(port_option(command, Port::constant(3000)).as_deref(), option, "{command}");
        }
    }
}
