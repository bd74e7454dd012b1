//! How an app is bound to loopback, and how to its own port, for frameworks
//! that we know by their command lines. Pure.

mod known;
mod line;

use portlease_proto::Port;

use crate::processes::docker::Forward;
use known::{of_process, program};
use line::{for_npm, told};

pub use line::Tell;

/// Ports that apps open beside their own, and often before it: the debuggers
/// of Node (two, where one process starts another) and Python, and the socket
/// by which Vite tells pages that something has changed.
const SIDE: [Port; 4] =
    [Port::constant(9229), Port::constant(9230), Port::constant(5678), Port::constant(24678)];

/// What is to be typed so that an app is told a port or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// The same command, mended.
    Retype(Vec<String>),
    /// This, in what the command runs.
    Inside(String),
}

/// The option or command line that keeps an app to this machine.
#[must_use]
pub fn loopback_fix(command: &str, port: Port) -> Option<String> {
    line_for(command, Tell::Loopback, &port.to_string())
}

/// The option or command line that brings an app to a port.
#[must_use]
pub fn port_option(command: &str, port: Port) -> Option<String> {
    line_for(command, Tell::Port, &port.to_string())
}

/// How any app may be brought to a port.
#[must_use]
pub fn any_port_option(port: Port) -> String {
    format!("PORT={port}, or the port option of its framework, as in vite --port {port} --strictPort")
}

/// Whether no app has this port for what it serves.
#[must_use]
pub fn is_side_port(port: Port) -> bool {
    SIDE.contains(&port)
}

/// Whether an app is a script of its own for Node, which knows no options but
/// its own: not a tool that was installed.
#[must_use]
pub fn is_own_node(command: &str) -> bool {
    let words: Vec<&str> = command.split_ascii_whitespace().collect();
    let runs_file = words.iter().skip(1).any(|word| !word.starts_with('-') && !word.contains("node_modules"));
    matches!(program(&words), Some("node" | "nodejs")) && runs_file && of_process(&words).is_none()
}

/// What to type in place of `typed`, which started the process `command`.
/// Inside of something else, `variable` has the port; where `{port}` is
/// replaced, that stands for it. None if the framework is not known.
#[must_use]
pub fn advice(typed: &[&str], command: &str, tell: Tell, variable: &str) -> Option<Advice> {
    let words: Vec<&str> = command.split_ascii_whitespace().collect();
    let known = of_process(&words).or_else(|| of_process(typed));
    let retyped = known.and_then(|known| {
        let mut line = typed.to_vec();
        let runner = program(typed).unwrap_or_default();
        let runs_script = matches!(runner, "npm" | "pnpm" | "yarn" | "bun");
        if !runs_script && (!known.is_named_in(typed) || is_shell(runner)) {
            return None;
        }
        if runner == "npm" {
            for_npm(&mut line);
        }
        told(&line, known, tell, "{port}")
    });
    let inside = || line_for(command, tell, &format!("${variable}")).map(Advice::Inside);
    retyped.map(Advice::Retype).or_else(inside)
}

/// What is typed for what runs as `command`.
fn line_for(command: &str, tell: Tell, port: &str) -> Option<String> {
    if let Some(Forward { container_port, .. }) = Forward::of_line(command) {
        return Some(format!("docker run -p 127.0.0.1:{port}:{container_port}"));
    }
    let words: Vec<&str> = command.split_ascii_whitespace().collect();
    let known = of_process(&words)?;
    if let Some((loopback, with_port)) = known.or {
        let text = if tell == Tell::Port { with_port } else { loopback };
        return Some(text.replace("PORT", port));
    }
    // Where it has no option for the port, a line without the port is for another one.
    let tell = if known.port.is_word() && tell == Tell::Loopback { Tell::Both } else { tell };
    let base: Vec<&str> = known.base.split(' ').collect();
    told(&base, known, tell, port).map(|words| words.join(" "))
}

/// What runs a text, to which nothing can be added at its end.
fn is_shell(program: &str) -> bool {
    matches!(program, "sh" | "bash" | "dash" | "zsh" | "fish" | "ksh")
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
            ("python3 -m http.server 3000", Some("python3 -m http.server 3000 --bind 127.0.0.1")),
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
            ("python3 manage.py runserver", Some("python manage.py runserver 127.0.0.1:3000")),
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

    #[test]
    fn what_was_typed_is_mended() {
        let vite = "node /app/node_modules/.bin/vite";
        let next = "next-server (v16.4.6)";
        let django = "python manage.py runserver";
        use Tell::{Both, Loopback, Port};
        for (typed, command, tell, line) in [
            ("vite", vite, Port, "vite --port {port} --strictPort"),
            ("npx vite --port 5173", vite, Port, "npx vite --port {port} --strictPort"),
            ("vite --strictPort --port=5173", vite, Port, "vite --strictPort --port={port}"),
            ("vite --host", vite, Loopback, "vite --host 127.0.0.1"),
            ("vite --host --open", vite, Loopback, "vite --host 127.0.0.1 --open"),
            ("vite --host 0.0.0.0", vite, Both, "vite --host 127.0.0.1 --port {port} --strictPort"),
            ("npm run dev", vite, Port, "npm run dev -- --port {port} --strictPort"),
            (
                "npm run dev -- --host",
                vite,
                Both,
                "npm run dev -- --host 127.0.0.1 --port {port} --strictPort",
            ),
            ("npm exec vite", vite, Port, "npm exec vite -- --port {port} --strictPort"),
            ("pnpm dev", vite, Port, "pnpm dev --port {port} --strictPort"),
            ("yarn dev", next, Loopback, "yarn dev -H 127.0.0.1"),
            ("next dev -p3000", next, Port, "next dev -p{port}"),
            ("npx next dev --port 3000", next, Both, "npx next dev --port {port} -H 127.0.0.1"),
            (django, django, Port, "python manage.py runserver 127.0.0.1:{port}"),
            (
                "python manage.py runserver 8000 --noreload",
                django,
                Port,
                "python manage.py runserver 127.0.0.1:{port} --noreload",
            ),
            ("./manage.py runserver 0:8000", django, Port, "./manage.py runserver 0:{port}"),
            ("./manage.py runserver 0:8000", django, Loopback, "./manage.py runserver 127.0.0.1:{port}"),
            (
                "poetry run flask run",
                "python /venv/bin/flask run",
                Port,
                "poetry run flask run --port {port}",
            ),
            (
                "gunicorn -b [::]:80 app:app",
                "python gunicorn app:app",
                Port,
                "gunicorn -b [::]:{port} app:app",
            ),
            ("puma", "puma 6.4.0 (tcp://0.0.0.0:3000) [app]", Loopback, "puma -b tcp://127.0.0.1:{port}"),
        ] {
            let words: Vec<&str> = typed.split(' ').collect();
            let line = line.split(' ').map(str::to_owned).collect();
            assert_eq!(advice(&words, command, tell, "PORT"), Some(Advice::Retype(line)), "{typed}");
        }
    }

    #[test]
    fn what_was_typed_may_run_something_else() {
        let inside = |text: &str| Some(Advice::Inside(text.to_owned()));
        let vite = "node node_modules/.bin/vite";
        for (typed, command, expected) in [
            (&["make", "dev"][..], vite, inside("vite --port $WEB_PORT --strictPort")),
            (&["sh", "-c", "vite"], vite, inside("vite --port $WEB_PORT --strictPort")),
            (&["bash", "-c", "echo; vite", "vite"], vite, inside("vite --port $WEB_PORT --strictPort")),
            // Which of npm's words Django would take for its own, nobody knows.
            (
                &["npm", "start"],
                "python manage.py runserver",
                inside("python manage.py runserver 127.0.0.1:$WEB_PORT"),
            ),
            (&["make", "dev"], "puma 6.4.0 (x)", inside("rails server -p $WEB_PORT, or puma -p $WEB_PORT")),
            (&["npm", "start"], "node server.js", None),
            (&[], "", None),
        ] {
            assert_eq!(advice(typed, command, Tell::Port, "WEB_PORT"), expected, "{typed:?}");
        }
    }

    #[test]
    fn a_script_of_its_own() {
        for (command, own) in [
            ("node server.js", true),
            ("/usr/bin/node --enable-source-maps dist/server.js", true),
            ("node /app/node_modules/.bin/thing", false),
            ("node node_modules/.bin/vite", false),
            ("node /usr/bin/http-server", false),
            ("node", false),
            ("python3 server.py", false),
            ("", false),
        ] {
            assert_eq!(is_own_node(command), own, "{command}");
        }
    }
}
