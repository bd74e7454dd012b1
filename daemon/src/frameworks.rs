//! How an exposed app is bound to loopback, for frameworks that we know by
//! their command lines. Pure.

use portlease_proto::Port;

use crate::processes::docker::Forward;

/// A word of the command line that tells the framework, and what to type.
/// `PORT` stands for the port.
const KNOWN: &[(Tell, &str)] = &[
    (Tell::Program("vite"), "vite --host 127.0.0.1"),
    (Tell::Program("next"), "next dev -H 127.0.0.1"),
    (Tell::Program("next-server"), "next dev -H 127.0.0.1"),
    (Tell::Word("runserver"), "python manage.py runserver 127.0.0.1:PORT"),
    (Tell::Program("flask"), "flask run --host 127.0.0.1"),
    (Tell::Program("uvicorn"), "uvicorn --host 127.0.0.1"),
    (Tell::Program("gunicorn"), "gunicorn --bind 127.0.0.1:PORT"),
    (Tell::Program("rails"), "rails server -b 127.0.0.1"),
    (Tell::Program("puma"), "rails server -b 127.0.0.1, or puma -b tcp://127.0.0.1:PORT"),
    (Tell::Program("webpack-dev-server"), "webpack serve --host 127.0.0.1"),
    (Tell::Pair("webpack", "serve"), "webpack serve --host 127.0.0.1"),
    (Tell::Pair("webpack", "server"), "webpack serve --host 127.0.0.1"),
    (Tell::Program("http-server"), "http-server -a 127.0.0.1"),
    (Tell::Pair("-m", "http.server"), "python3 -m http.server --bind 127.0.0.1 PORT"),
    (Tell::Pair("-m", "uvicorn"), "uvicorn --host 127.0.0.1"),
    (Tell::Pair("-m", "flask"), "flask run --host 127.0.0.1"),
    (Tell::Pair("php", "-S"), "php -S 127.0.0.1:PORT"),
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
    let words: Vec<&str> = command.split_ascii_whitespace().collect();
    let (_, fix) = KNOWN.iter().find(|(tell, _)| tell.is_in(&words))?;
    Some(fix.replace("PORT", &port.to_string()))
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
}
