//! What is said of an app that listens where it should not, with what to type
//! instead.

use std::net::IpAddr;

use portlease_proto::{Lease, Port};
use portleased::frameworks::{Advice, Tell, advice, is_own_node};

use super::plan::Plan;

/// What a variable is called where none is known.
const PORT: &str = "PORT";

/// An app that listens.
pub(super) struct App<'a> {
    pub(super) plan: &'a Plan,
    pub(super) lease: &'a Lease,
    /// Where it does.
    pub(super) port: Port,
    /// The command line of its process.
    pub(super) command: &'a str,
    /// The variable with the lease's port.
    pub(super) variable: Option<&'a str>,
}

/// It is on another port.
pub(super) fn elsewhere(app: &App<'_>) -> String {
    let variable = app.variable();
    let fix = app.advice(Tell::Port).unwrap_or_else(|| {
        if is_own_node(app.command) {
            return in_its_code(variable);
        }
        let mut typed = app.plan.typed();
        typed.extend(["--port".to_owned(), "{port}".to_owned()]);
        format!("let it read ${variable}, or pass its option for the port, as in {}", app.plan.retype(&typed))
    });
    format!("{} listens on {} in place of its port {}: {fix}", app.name(), app.port, app.lease.port)
}

/// Other machines can reach it, at `address`.
pub(super) fn exposed(app: &App<'_>, address: IpAddr) -> String {
    let tell = if app.port == app.lease.port { Tell::Loopback } else { Tell::Both };
    let fix = app.advice(tell).or_else(|| is_own_node(app.command).then(|| in_its_code(app.variable())));
    let fix = fix.map(|fix| format!("; to keep it to this one: {fix}")).unwrap_or_default();
    let address =
        if address.is_unspecified() { format!("all addresses ({address}),") } else { address.to_string() };
    format!("{} listens on {address} port {}, where other machines can reach it{fix}", app.name(), app.port)
}

/// For a server of Node's, Express for one: without a host it listens on all
/// addresses.
fn in_its_code(variable: &str) -> String {
    format!("in its code: listen(process.env.{variable}, \"127.0.0.1\")")
}

impl App<'_> {
    fn name(&self) -> String {
        format!("{}/{}", self.lease.project, self.lease.service)
    }

    fn variable(&self) -> &str {
        self.variable.unwrap_or(PORT)
    }

    fn advice(&self, tell: Tell) -> Option<String> {
        let typed = self.plan.typed();
        let words: Vec<&str> = typed.iter().map(String::as_str).collect();
        Some(match advice(&words, self.command, tell, self.variable())? {
            Advice::Retype(words) => self.plan.retype(&words),
            Advice::Inside(line) => format!("in what {} runs: {line}", typed.first()?),
        })
    }
}
