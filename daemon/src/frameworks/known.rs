//! The frameworks that are known, and by what.

/// A framework: how its command line is known, and what is typed for it.
pub(super) struct Known {
    tells: &'static [Tell],
    /// What starts it.
    pub(super) base: &'static str,
    /// Where its command line has the port.
    pub(super) port: Place,
    /// Where it has the address.
    pub(super) address: Place,
    /// What else it wants beside a port.
    pub(super) also: &'static str,
    /// What is typed in place of `base` where nobody can say who started it:
    /// for loopback, and for a port.
    pub(super) or: Option<(&'static str, &'static str)>,
}

/// A place in a command line.
pub(super) struct Place {
    /// The options, or else the words, that it follows. The first option is
    /// added where there is none; a word must be there.
    pub(super) after: &'static [&'static str],
    /// What is there, with `PORT` for the port.
    pub(super) value: &'static str,
}

/// What a framework is known by.
enum Tell {
    /// A program, or a script that an interpreter runs, of this name.
    Program(&'static str),
    /// One of the words.
    Word(&'static str),
    /// The one right before the other.
    Pair(&'static str, &'static str),
}

use Tell::{Pair, Program, Word};

const LOOPBACK: &str = "127.0.0.1";
const BOTH: &str = "127.0.0.1:PORT";

const fn place(after: &'static [&'static str], value: &'static str) -> Place {
    Place { after, value }
}

/// One that has an option for the port, and one for the address.
const fn options(
    tells: &'static [Tell],
    base: &'static str,
    port: &'static [&'static str],
    address: &'static [&'static str],
) -> Known {
    Known { tells, base, port: place(port, "PORT"), address: place(address, LOOPBACK), also: "", or: None }
}

/// One that has both in one word.
const fn together(tells: &'static [Tell], base: &'static str, after: &'static [&'static str]) -> Known {
    Known { tells, base, port: place(after, BOTH), address: place(after, BOTH), also: "", or: None }
}

const KNOWN: &[Known] = &[
    Known { also: "--strictPort", ..options(&[Program("vite")], "vite", &["--port"], &["--host"]) },
    options(&[Program("next"), Program("next-server")], "next dev", &["-p", "--port"], &["-H", "--hostname"]),
    together(&[Word("runserver")], "python manage.py runserver", &["runserver"]),
    options(&[Program("flask"), Pair("-m", "flask")], "flask run", &["--port", "-p"], &["--host", "-h"]),
    options(&[Program("uvicorn"), Pair("-m", "uvicorn")], "uvicorn", &["--port"], &["--host"]),
    together(&[Program("gunicorn"), Pair("-m", "gunicorn")], "gunicorn", &["--bind", "-b"]),
    options(&[Program("rails")], "rails server", &["-p", "--port"], &["-b", "--binding"]),
    Known {
        or: Some((
            "rails server -b 127.0.0.1, or puma -b tcp://127.0.0.1:PORT",
            "rails server -p PORT, or puma -p PORT",
        )),
        port: place(&["-p", "--port"], "PORT"),
        address: place(&["-b", "--bind"], "tcp://127.0.0.1:PORT"),
        ..options(&[Program("puma")], "puma", &[], &[])
    },
    options(
        &[Program("webpack-dev-server"), Pair("webpack", "serve"), Pair("webpack", "server")],
        "webpack serve",
        &["--port"],
        &["--host"],
    ),
    options(&[Program("http-server")], "http-server", &["-p", "--port"], &["-a"]),
    Known {
        port: place(&["http.server"], "PORT"),
        ..options(&[Pair("-m", "http.server")], "python3 -m http.server", &[], &["--bind", "-b"])
    },
    together(&[Pair("php", "-S")], "php", &["-S"]),
    options(&[Program("astro")], "astro dev", &["--port"], &["--host"]),
    options(&[Program("ng")], "ng serve", &["--port"], &["--host"]),
    options(&[Program("react-router")], "react-router dev", &["--port"], &["--host"]),
    options(&[Program("rsbuild")], "rsbuild dev", &["--port"], &["--host"]),
    options(&[Program("docusaurus")], "docusaurus start", &["--port", "-p"], &["--host", "-h"]),
    options(&[Program("streamlit")], "streamlit run", &["--server.port"], &["--server.address"]),
];

/// The framework of a process, by its command line.
pub(super) fn of_process(words: &[&str]) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.tells.iter().any(|tell| tell.is_in(words)))
}

impl Place {
    /// Whether it follows a word that must be there, not an option.
    pub(super) fn is_word(&self) -> bool {
        !self.after.iter().any(|word| word.starts_with('-'))
    }
}

impl Known {
    /// Whether what somebody typed names it, whatever comes before: `npx vite`,
    /// `poetry run flask run`.
    pub(super) fn is_named_in(&self, typed: &[&str]) -> bool {
        self.tells.iter().any(|tell| match tell {
            Program(name) => typed.iter().any(|word| base(word) == *name),
            Word(_) | Pair(..) => tell.is_in(typed),
        })
    }
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
pub(super) fn program<'a>(words: &[&'a str]) -> Option<&'a str> {
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
