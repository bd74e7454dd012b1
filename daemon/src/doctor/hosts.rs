//! Does the hosts file lead `localhost` to the app?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portlease_proto::Check;

use super::{Facts, Host};

const ID: &str = "hosts";

/// What the machine turns names into addresses by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// hosts(5), `/etc/hosts`.
    pub hosts: String,
    /// nsswitch.conf(5), `/etc/nsswitch.conf`.
    pub order: String,
}

pub(super) fn check(facts: &Facts) -> Option<Check> {
    let (Host::Local(name), Some(names)) = (&facts.host, &facts.way.names) else { return None };
    let entries = entries(&names.hosts, name);
    if let Some((line, wrong)) = entries.iter().find(|(_, address)| !leads_here(facts, *address)) {
        let right =
            if wrong.is_ipv6() { IpAddr::from(Ipv6Addr::LOCALHOST) } else { Ipv4Addr::LOCALHOST.into() };
        let summary = format!("/etc/hosts says that {name} is {wrong}, which is not this machine's loopback");
        return Some(Check::fail(
            ID,
            summary,
            format!("put {right} into line {line} of it: sudoedit /etc/hosts"),
        ));
    }
    if entries.is_empty() {
        return missing(name, names);
    }
    half(facts, name, &entries)
}

/// A name under localhost is seldom in the file, and `localhost` need not be
/// where nss-myhostname(8) or nss-resolve(8) knows it.
fn missing(name: &str, names: &Names) -> Option<Check> {
    if name != "localhost" || is_known_without(&names.order) {
        return None;
    }
    let summary = "/etc/hosts does not say what localhost is, so most programs cannot find it";
    let fix =
        "echo '127.0.0.1 localhost' | sudo tee -a /etc/hosts; echo '::1 localhost' | sudo tee -a /etc/hosts";
    Some(Check::fail(ID, summary, fix))
}

/// The app takes connections by one family, and the file knows the other alone.
fn half(facts: &Facts, name: &str, entries: &[(usize, IpAddr)]) -> Option<Check> {
    if !facts.is_listening() || entries.iter().any(|(_, address)| facts.reaches(*address)) {
        return None;
    }
    let reached = facts.host.addresses().into_iter().find(|address| facts.reaches(*address))?;
    let (_, named) = entries.first()?;
    let summary =
        format!("/etc/hosts says that {name} is {named} and not {reached}, which alone leads to the app");
    Some(Check::warn(ID, summary, format!("echo '{reached} {name}' | sudo tee -a /etc/hosts")))
}

/// Somewhere else on loopback is right if the app is there.
fn leads_here(facts: &Facts, address: IpAddr) -> bool {
    facts.host.addresses().contains(&address) || (address.is_loopback() && facts.reaches(address))
}

/// The addresses that the file gives to a name, with the numbers of the lines.
fn entries(hosts: &str, name: &str) -> Vec<(usize, IpAddr)> {
    let lines = hosts.lines().enumerate().filter_map(|(before, line)| {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some((before + 1, address))
    });
    lines.collect()
}

/// Whether something else than the file answers for `localhost`. Without the
/// line, glibc asks the file and DNS.
fn is_known_without(order: &str) -> bool {
    let mut lines = order.lines().filter_map(|line| line.trim_start().strip_prefix("hosts:"));
    let sources = lines.next().unwrap_or_default().split('#').next().unwrap_or_default();
    sources.split_ascii_whitespace().any(|source| matches!(source, "myhostname" | "resolve"))
}

#[cfg(test)]
mod tests {
    use portlease_proto::CheckStatus::{self, Fail, Warn};

    use super::*;
    use crate::doctor::tests::facts;

    fn judged(host: &str, app: &str, hosts: &str, order: &str) -> Option<(CheckStatus, String)> {
        let mut facts = facts(host, &[(app, Some(true))]);
        facts.way.names = Some(Names { hosts: hosts.to_owned(), order: order.to_owned() });
        check(&facts).map(|check| (check.status, check.fix.unwrap()))
    }

    #[test]
    fn hosts_files() {
        const FILES: &str = "# x\nhosts: files dns # myhostname\n";
        let both = "echo '127.0.0.1 localhost' | sudo tee -a /etc/hosts; echo '::1 localhost' | sudo tee -a /etc/hosts";
        let v6 = "echo '::1 localhost' | sudo tee -a /etc/hosts";
        let v4 = "echo '127.0.0.1 localhost' | sudo tee -a /etc/hosts";
        let wrong = "put 127.0.0.1 into line 2 of it: sudoedit /etc/hosts";
        for (host, app, hosts, order, expected) in [
            ("localhost", "127.0.0.1", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n", FILES, None),
            ("localhost", "127.0.0.1", "127.0.0.1\tvm LocalHost # x\n", FILES, None),
            ("localhost", "::", "127.0.0.1 localhost\n", FILES, None),
            ("localhost", "::1", "127.0.0.1 localhost\n", FILES, Some((Warn, v6))),
            ("localhost", "::1", "127.0.0.1 localhost\n::1 ip6-localhost\n", FILES, Some((Warn, v6))),
            ("localhost", "127.0.0.1", "::1 localhost\n", FILES, Some((Warn, v4))),
            ("localhost", "10.0.0.1", "::1 localhost\n", FILES, None),
            ("localhost", "127.0.0.1", "", FILES, Some((Fail, both))),
            ("localhost", "127.0.0.1", "", "", Some((Fail, both))),
            ("localhost", "127.0.0.1", "", "hosts: files myhostname dns", None),
            ("localhost", "127.0.0.1", "", "hosts:\tfiles resolve [!UNAVAIL=return] dns", None),
            ("localhost", "127.0.0.1", "#127.0.0.1 localhost\n", FILES, Some((Fail, both))),
            ("localhost", "127.0.0.1", "127.0.0.1 localhost.localdomain\n", FILES, Some((Fail, both))),
            ("localhost", "127.0.0.1", "localhost 127.0.0.1\n", FILES, Some((Fail, both))),
            ("localhost", "127.0.0.1", "\n10.0.0.5 localhost\n", FILES, Some((Fail, wrong))),
            (
                "localhost",
                "127.0.0.1",
                "127.0.0.1 localhost\n10.0.0.5 db localhost\n",
                FILES,
                Some((Fail, wrong)),
            ),
            ("localhost", "127.0.0.1", "\n127.0.0.2 localhost\n", FILES, Some((Fail, wrong))),
            ("localhost", "127.0.0.2", "\n127.0.0.2 localhost\n", FILES, None),
            ("app.localhost", "127.0.0.1", "127.0.0.1 localhost\n", FILES, None),
            ("app.localhost", "127.0.0.1", "\n10.0.0.5 app.localhost\n", FILES, Some((Fail, wrong))),
            ("127.0.0.1", "127.0.0.1", "", FILES, None),
        ] {
            let expected = expected.map(|(status, fix)| (status, fix.to_owned()));
            assert_eq!(judged(host, app, hosts, order), expected, "{host} {app} {hosts:?} {order:?}");
        }
    }
}
