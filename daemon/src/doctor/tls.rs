//! Does the app speak what it is asked in: HTTP, or HTTP over TLS?

use std::net::SocketAddr;

use portlease_proto::{Check, Port, escape};

use super::{Facts, Host, Scheme};

const ID: &str = "tls";
/// Where everybody expects TLS.
const OF_TLS: [Port; 2] = [Port::constant(443), Port::constant(8443)];

/// What an app said when it was spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speech {
    /// HTTP, without TLS.
    Http,
    /// TLS.
    Tls,
    /// It speaks first, and this is how it begins.
    Greeting(Vec<u8>),
}

impl Speech {
    /// What the answer to `HEAD / HTTP/1.0` shows; none where a `ClientHello`
    /// must show more: a server of TLS may say in plain HTTP what is amiss (400).
    #[must_use]
    pub fn of_answer_to_head(answer: &[u8]) -> Option<Self> {
        let status = answer.strip_prefix(b"HTTP/").and_then(|rest| rest.split(|byte| *byte == b' ').nth(1));
        match status {
            Some(status) if !status.starts_with(b"400") => Some(Self::Http),
            Some(_) => None,
            None => is_tls(answer).then_some(Self::Tls),
        }
    }

    /// What the answer to a `ClientHello` shows.
    #[must_use]
    pub fn of_answer_to_hello(answer: &[u8]) -> Option<Self> {
        if is_tls(answer) {
            return Some(Self::Tls);
        }
        answer.starts_with(b"HTTP/").then_some(Self::Http)
    }
}

/// A record of TLS (RFC 8446, 5.1): an alert or a handshake, version 3.x.
fn is_tls(answer: &[u8]) -> bool {
    matches!(answer, [21 | 22, 3, 0..=4, ..])
}

pub(super) fn check(facts: &Facts) -> Option<Check> {
    let speech = facts.way.speech.as_ref()?;
    let wanted = facts.scheme.or(OF_TLS.contains(&facts.report.port).then_some(Scheme::Https));
    Some(match (speech, wanted) {
        (Speech::Http, Some(Scheme::Https)) => Check::fail(
            ID,
            "it speaks HTTP without TLS, so https:// gets no answer",
            format!("use {}, or let the app serve TLS", url(facts, Scheme::Http)),
        ),
        (Speech::Http, _) => Check::ok(ID, "it speaks HTTP"),
        (Speech::Tls, Some(Scheme::Https)) => Check::ok(ID, "it speaks TLS"),
        (Speech::Tls, wanted) => {
            let summary = "it speaks TLS, so http:// gets no answer";
            let fix = format!("use {}, or let the app serve plain HTTP", url(facts, Scheme::Https));
            if wanted.is_some() { Check::fail(ID, summary, fix) } else { Check::warn(ID, summary, fix) }
        }
        (Speech::Greeting(bytes), None) => {
            Check::ok(ID, format!("it speaks neither HTTP nor TLS: {}", name(bytes)))
        }
        (Speech::Greeting(bytes), Some(scheme)) => {
            let fix = format!(
                "use a client of that, not one of {scheme}://; see who it is: portlease who {}",
                facts.report.port
            );
            Check::fail(ID, format!("it speaks neither HTTP nor TLS: {}", name(bytes)), fix)
        }
    })
}

fn url(facts: &Facts, scheme: Scheme) -> String {
    let port = facts.report.port.get();
    match &facts.host {
        Host::Local(name) => format!("{scheme}://{name}:{port}"),
        Host::Address(address) => format!("{scheme}://{}", SocketAddr::new(*address, port)),
    }
}

/// What the first words of a server tell of it.
fn name(greeting: &[u8]) -> String {
    const LONGEST: usize = 40;
    // The handshake of MySQL (protocol 10): length, number 0, version.
    if matches!(greeting, [_, _, 0, 0, 10, ..]) {
        return "it is MySQL or MariaDB".to_owned();
    }
    let known = [
        (&b"SSH-"[..], "SSH"),
        (b"220 ", "SMTP or FTP"),
        (b"220-", "SMTP or FTP"),
        (b"* OK", "IMAP"),
        (b"+OK", "POP3"),
        (b"RFB ", "VNC"),
    ];
    match known.iter().find(|(begin, _)| greeting.starts_with(begin)) {
        Some((_, name)) => format!("it is {name}"),
        None => {
            let line = greeting.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
            let line: String = String::from_utf8_lossy(line).chars().take(LONGEST).collect();
            format!("it greets with `{}`", escape(&line))
        }
    }
}

#[cfg(test)]
mod tests {
    use portlease_proto::CheckStatus::{self, Fail, Ok, Warn};

    use super::*;
    use crate::doctor::tests::facts;

    #[test]
    fn answers() {
        use Speech::{Http, Tls};
        for (answer, to_head, to_hello) in [
            (&b"HTTP/1.1 200 OK\r\n"[..], Some(Http), Some(Http)),
            (b"HTTP/1.0 404 Not Found\r\n", Some(Http), Some(Http)),
            (b"HTTP/1.1 400 Bad Request\r\n", None, Some(Http)),
            (b"\x15\x03\x01\x00\x02\x02\x46", Some(Tls), Some(Tls)),
            (b"\x16\x03\x03\x00\x7a\x02", Some(Tls), Some(Tls)),
            (b"\x15\x02\x01\x00\x02", None, None),
            (b"-ERR unknown command\r\n", None, None),
            (b"HTTP", None, None),
            (b"\x16", None, None),
            (b"", None, None),
        ] {
            assert_eq!(Speech::of_answer_to_head(answer), to_head, "{answer:?}");
            assert_eq!(Speech::of_answer_to_hello(answer), to_hello, "{answer:?}");
        }
    }

    #[test]
    fn what_is_spoken_and_what_is_expected() {
        use Speech::{Greeting, Http, Tls};
        let https = Some(Scheme::Https);
        for (speech, port, scheme, status, fix) in [
            (Http, 3000, None, Ok, None),
            (Http, 3000, Some(Scheme::Http), Ok, None),
            (Http, 3000, https, Fail, Some("use http://localhost:3000, or let the app serve TLS")),
            (Http, 8443, None, Fail, Some("use http://localhost:8443, or let the app serve TLS")),
            (Http, 8443, Some(Scheme::Http), Ok, None),
            (Tls, 3000, None, Warn, Some("use https://localhost:3000, or let the app serve plain HTTP")),
            (
                Tls,
                3000,
                Some(Scheme::Http),
                Fail,
                Some("use https://localhost:3000, or let the app serve plain HTTP"),
            ),
            (Tls, 3000, https, Ok, None),
            (Tls, 443, None, Ok, None),
            (Greeting(b"SSH-2.0-x".to_vec()), 3000, None, Ok, None),
            (
                Greeting(b"SSH-2.0-x".to_vec()),
                3000,
                https,
                Fail,
                Some("use a client of that, not one of https://; see who it is: portlease who 3000"),
            ),
        ] {
            let mut facts = facts("localhost", &[]);
            (facts.report.port, facts.scheme) = (Port::constant(port), scheme);
            facts.way.speech = Some(speech.clone());
            let check = check(&facts).unwrap();
            let found: (CheckStatus, Option<&str>) = (check.status, check.fix.as_deref());
            assert_eq!(found, (status, fix), "{speech:?} {port} {scheme:?}");
        }
    }

    #[test]
    fn greetings() {
        for (greeting, said) in [
            (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "it is SSH"),
            (b"220 mail ESMTP\r\n", "it is SMTP or FTP"),
            (b"\x4a\x00\x00\x00\x0a8.0.36\x00", "it is MySQL or MariaDB"),
            (b"hello\x1b[2J\nmore", "it greets with `hello\\u{1b}[2J`"),
            (b"", "it greets with ``"),
        ] {
            assert_eq!(name(greeting), said);
        }
    }
}
