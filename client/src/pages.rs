//! Manual pages, made of the help texts. Pure: whoever asks writes them.

use clap::Command;
use clap_mangen::Man;
use roff::{Roff, bold, roman};

/// Commands of users.
const SECTION: &str = "1";

/// The page of every command that is shown, with its file's name. The program
/// must have been built.
pub(crate) fn all(program: &Command) -> Vec<(String, String)> {
    let mut pages = vec![(file_name(program), page(program))];
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages.extend(all(command));
    }
    pages
}

fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn file_name(command: &Command) -> String {
    format!("{}.{SECTION}", name(command))
}

/// One page, in the man macros, in ASCII.
pub(crate) fn page(command: &Command) -> String {
    let is_program = name(command) == "portlease";
    let man = Man::new(command.clone());
    let mut text = title(command).into_bytes();
    // Nothing fails that writes into memory.
    let _never = (|| {
        man.render_name_section(&mut text)?;
        man.render_synopsis_section(&mut text)?;
        man.render_description_section(&mut text)?;
        man.render_options_section(&mut text)?;
        if command.get_subcommands().any(|command| !command.is_hide_set()) {
            man.render_subcommands_section(&mut text)?;
        }
        after(command).to_writer(&mut text)?;
        if is_program {
            program().to_writer(&mut text)?;
        }
        see_also(is_program).to_writer(&mut text)
    })();
    ascii(&String::from_utf8_lossy(&text))
}

/// Written here because the library drops what is empty: the page has no date,
/// so that the same source makes the same page.
fn title(command: &Command) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH {} {SECTION} \"\" \"portlease {version}\" \"portlease\"\n", name(command).to_uppercase())
}

/// What stands below the options in the help: examples as they are, headed
/// paragraphs as sections.
fn after(command: &Command) -> Roff {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut roff = Roff::new();
    let mut verbatim = false;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match line.split_once(": ") {
            _ if line == "Examples:" => {
                roff.control("SH", ["EXAMPLES"]);
            }
            _ if line.starts_with("  ") => {
                if !verbatim {
                    roff.control("nf", []);
                }
                verbatim = true;
                roff.text([roman(line.trim_start_matches("  "))]);
                continue;
            }
            Some(("Exit codes", codes)) => {
                end(&mut roff, &mut verbatim);
                roff.control("SH", ["EXIT STATUS"]);
                roff.text([roman(codes.replace(" · ", "; "))]);
            }
            _ => {
                let began = verbatim;
                end(&mut roff, &mut verbatim);
                if began {
                    roff.control("PP", []);
                }
                roff.text([roman(line)]);
            }
        }
    }
    end(&mut roff, &mut verbatim);
    roff
}

fn end(roff: &mut Roff, verbatim: &mut bool) {
    if std::mem::take(verbatim) {
        roff.control("fi", []);
    }
}

/// What is about the program as a whole.
fn program() -> Roff {
    let mut roff = Roff::new();
    let items = |roff: &mut Roff, section: &str, items: &[(&str, &str)]| {
        roff.control("SH", [section]);
        for (name, about) in items {
            roff.control("TP", []);
            roff.text([bold(*name)]);
            roff.text([roman(*about)]);
        }
    };
    items(&mut roff, "ENVIRONMENT", &ENVIRONMENT);
    items(&mut roff, "FILES", &FILES);
    roff
}

const ENVIRONMENT: [(&str, &str); 5] = [
    ("PORTLEASE_PROJECT", "The project, when the command names none."),
    ("PORTLEASE_HOME", "A directory that has settings, registry, socket and log: for tests and CI."),
    ("PORTLEASE_NO_AUTOSTART", "If set, no command starts the daemon."),
    ("PORTLEASE_LOG", "How much the daemon says: error, warn, info, debug or trace."),
    ("BROWSER", "The programs that portlease open tries, with colons between them."),
];

const FILES: [(&str, &str); 4] = [
    ("portlease.toml", "What a project says of itself and its services."),
    ("~/.config/portlease/config.toml", "Settings, all of them optional."),
    ("~/.local/state/portlease/registry.db", "The leases."),
    (
        "$XDG_RUNTIME_DIR/portlease/portlease.sock",
        "The daemon's Unix socket, with endpoint.json and the token beside it.",
    ),
];

fn see_also(is_program: bool) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    if is_program {
        roff.text([bold("portlease help"), roman(" TOPIC shows the short topics of the guide,")]);
        roff.text([bold("portlease docs"), roman(" the reference of the HTTP API.")]);
    } else {
        roff.text([bold("portlease"), roman("(1)")]);
    }
    roff
}

/// What is not ASCII as every formatter reads it; a blank line, which none of
/// them likes, as the macro that is meant, which needs no break beside it.
fn ascii(page: &str) -> String {
    let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
    let blank =
        |place: Option<usize>| place.and_then(|place| lines.get(place)).is_some_and(|line| line.is_empty());
    let mut text = String::with_capacity(page.len());
    for (place, line) in lines.iter().enumerate() {
        if *line == ".br" && (blank(place.checked_sub(1)) || blank(Some(place + 1))) {
            continue;
        }
        if line.is_empty() {
            text.push_str(".sp");
        }
        for c in line.chars() {
            match c.is_ascii() {
                true => text.push(c),
                false => text.push_str(&format!("\\[u{:04X}]", u32::from(c))),
            }
        }
        text.push('\n');
    }
    text
}
