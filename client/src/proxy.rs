//! Would this environment's proxy take what is meant for this machine? Only the
//! command knows the environment of whoever asks.

use portlease_proto::{Check, CheckStatus, Port};

const ID: &str = "proxy";

/// The variables that send requests to a proxy, or keep them from it.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    /// Name and value, of those that are set to something.
    proxies: Vec<(String, String)>,
    exceptions: Vec<(String, String)>,
}

impl Variables {
    /// Programs know them in upper case, in lower case, or both.
    pub(crate) fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let read = |names: &[&str]| {
            let names = names.iter().flat_map(|name| [(*name).to_owned(), name.to_ascii_uppercase()]);
            let set = names.filter_map(|name| Some((get(&name)?, name)));
            set.filter(|(value, _)| !value.trim().is_empty()).map(|(value, name)| (name, value)).collect()
        };
        Self { proxies: read(&["http_proxy", "https_proxy", "all_proxy"]), exceptions: read(&["no_proxy"]) }
    }
}

/// What clients that are started here do with `host`, which may have a scheme
/// before it; none without a proxy.
pub(crate) fn check(variables: &Variables, host: &str, port: Port) -> Option<Check> {
    let (scheme, host) = host.split_once("://").map_or((None, host), |(scheme, host)| (Some(scheme), host));
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let meant = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "all_proxy" || scheme.is_none_or(|scheme| name == format!("{scheme}_proxy"))
    };
    let proxies: Vec<_> = variables.proxies.iter().filter(|(name, _)| meant(name)).collect();
    let names: Vec<&str> = proxies.iter().map(|(name, _)| name.as_str()).collect();
    let (name, value) = proxies.first()?;
    let passes = |(_, list): &(String, String)| is_excepted(list, &host, port);
    let exceptions = &variables.exceptions;
    let check = |status, summary, fix| Some(Check { id: ID.to_owned(), status, summary, fix });
    if !exceptions.is_empty() && exceptions.iter().all(passes) {
        return check(CheckStatus::Ok, format!("{host} passes by the proxy of {}", names.join(", ")), None);
    }
    let lacking = match exceptions.iter().find(|list| !passes(list)) {
        Some((lacking, _)) => format!("{lacking} does not name {host}"),
        None => "NO_PROXY is not set".to_owned(),
    };
    let summary = format!(
        "programs started here send what is for {host} to the proxy {} ({name}), because {lacking}",
        without_password(value)
    );
    let own = "localhost,127.0.0.1,::1";
    let host = if own.split(',').any(|name| name == host) { String::new() } else { format!(",{host}") };
    let fix = format!(
        "export NO_PROXY=\"${{NO_PROXY:+$NO_PROXY,}}{own}{host}\" no_proxy=\"${{no_proxy:+$no_proxy,}}{own}{host}\""
    );
    check(CheckStatus::Warn, summary, Some(fix))
}

/// `user:password@` is nobody's business.
fn without_password(proxy: &str) -> &str {
    proxy.rsplit('@').next().unwrap_or_default()
}

/// A list of names, each with those under it, of addresses and networks, each
/// perhaps with a port; `*` stands for all. As curl, Python and Go read it,
/// where they agree.
fn is_excepted(list: &str, host: &str, port: Port) -> bool {
    let mut entries = list.split(|char: char| char == ',' || char.is_whitespace());
    entries.any(|entry| {
        let entry = entry.trim().to_ascii_lowercase();
        let (name, only) = split_port(&entry);
        let name = name.trim_start_matches("*.").trim_start_matches('.');
        let under = |name: &str| host.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
        let here =
            entry == "*" || (!name.is_empty() && (host == name || under(name) || is_within(host, name)));
        here && only.is_none_or(|only| only == port.to_string())
    })
}

/// `[::1]:3000`, `localhost:3000`; `::1` has no port.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    if let Some((address, rest)) = entry.strip_prefix('[').and_then(|entry| entry.split_once(']')) {
        return (address, rest.strip_prefix(':'));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, Some(port)),
        _ => (entry, None),
    }
}

/// `127.0.0.0/8`: an address in a network, of IPv4, which alone is written so
/// in practice.
fn is_within(host: &str, network: &str) -> bool {
    let parsed = || -> Option<bool> {
        let (network, bits) = network.split_once('/')?;
        let number = |text: &str| text.parse::<std::net::Ipv4Addr>().ok().map(|address| address.to_bits());
        let low = 32_u32.checked_sub(bits.parse().ok()?)?;
        let differs = number(host)? ^ number(network)?;
        Some(differs.checked_shr(low).unwrap_or(0) == 0)
    };
    parsed().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(set: &[(&str, &str)], host: &str) -> Option<(CheckStatus, String)> {
        let get = |name: &str| set.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        check(&Variables::read(get), host, Port::constant(3000)).map(|check| (check.status, check.summary))
    }

    #[test]
    fn exceptions() {
        for (list, host, passes) in [
            ("localhost", "localhost", true),
            ("LOCALHOST", "localhost", true),
            ("example.com, localhost", "localhost", true),
            ("example.com localhost", "localhost", true),
            ("*", "localhost", true),
            ("localhost", "app.localhost", true),
            (".localhost", "app.localhost", true),
            ("*.localhost", "app.localhost", true),
            ("calhost", "localhost", false),
            ("ocalhost,host", "localhost", false),
            ("app.localhost", "localhost", false),
            ("127.0.0.1", "localhost", false),
            ("localhost", "127.0.0.1", false),
            ("127.0.0.0/8", "127.0.0.1", true),
            ("10.0.0.0/8", "127.0.0.1", false),
            ("0.0.0.0/0", "127.0.0.1", true),
            ("127.0.0.0/99", "127.0.0.1", false),
            ("localhost:3000", "localhost", true),
            ("localhost:3001", "localhost", false),
            ("::1", "::1", true),
            ("[::1]", "::1", true),
            ("[::1]:3001", "::1", false),
            (",,", "localhost", false),
            ("example.com", "localhost", false),
        ] {
            let found = judge(&[("http_proxy", "http://proxy:3128"), ("NO_PROXY", list)], host).unwrap().0;
            assert_eq!(found == CheckStatus::Ok, passes, "{list:?} {host}");
        }
    }

    #[test]
    fn variables() {
        let proxy = "http://ada:secret@proxy:3128";
        for (set, host, expected) in [
            (&[][..], "localhost", None),
            (&[("HTTP_PROXY", "")], "localhost", None),
            (&[("NO_PROXY", "x")], "localhost", None),
            (&[("HTTP_PROXY", proxy)], "localhost", Some("(HTTP_PROXY), because NO_PROXY is not set")),
            (&[("https_proxy", proxy)], "localhost", Some("(https_proxy), because NO_PROXY is not set")),
            (&[("https_proxy", proxy)], "http://localhost", None),
            (
                &[("https_proxy", proxy)],
                "https://[::1]",
                Some("for ::1 to the proxy proxy:3128 (https_proxy)"),
            ),
            (&[("ALL_PROXY", proxy)], "http://localhost", Some("(ALL_PROXY)")),
            (
                &[("http_proxy", proxy), ("no_proxy", "x")],
                "localhost",
                Some("because no_proxy does not name localhost"),
            ),
            // Some programs know this one alone.
            (
                &[("http_proxy", proxy), ("no_proxy", "localhost"), ("NO_PROXY", "x")],
                "localhost",
                Some("because NO_PROXY does not name localhost"),
            ),
            (
                &[("http_proxy", proxy), ("no_proxy", "localhost")],
                "localhost",
                Some("localhost passes by the proxy"),
            ),
        ] {
            let summary = judge(set, host).map(|(_, summary)| summary);
            assert_eq!(summary.is_some(), expected.is_some(), "{set:?} {host}");
            let summary = summary.unwrap_or_default();
            assert!(summary.contains(expected.unwrap_or_default()), "{summary}");
            assert!(!summary.contains("secret"), "{summary}");
        }
    }
}
