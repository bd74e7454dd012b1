//! What stands between a client and a listener: real firewall rules, real hosts
//! files, each in a namespace of its own.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "support/listener.rs"]
mod listener;
#[path = "support/netns.rs"]
mod netns;
mod support;
#[path = "support/users.rs"]
mod users;

use std::{
    fs::File,
    io::Write,
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
    process::Command,
};

use serde_json::Value;

use netns::in_new_netns;
use support::Home;
use users::Programs;

const ADA: u32 = 64_101;
const EVE: u32 = 64_102;
const PORT: u16 = 3000;

fn home_of_root() -> Home {
    Home::new(vec![env!("CARGO_BIN_EXE_portlease").into()], "")
}

/// Runs a line of the shell, which must work.
fn sh(line: &str) {
    assert!(Command::new("sh").args(["-c", line]).status().unwrap().success(), "{line}");
}

/// The checks that are not well, as `id: summary → fix`.
fn ill(home: &Home, args: &[&str]) -> Vec<String> {
    let ran = home.run(&[&["doctor", "3000", "--json"], args].concat());
    let checks = ran.json()["checks"].clone();
    let word = |check: &Value, field: &str| check[field].as_str().unwrap_or("?").to_owned();
    let ill = checks.as_array().unwrap().iter().filter(|check| check["status"] != "ok");
    ill.map(|check| format!("{}: {} → {}", word(check, "id"), word(check, "summary"), word(check, "fix")))
        .collect()
}

/// Sets a rule, and expects the doctor to name it as the only cause.
#[track_caller]
fn names(home: &Home, rule: &str, args: &[&str], expected: &str) {
    sh(rule);
    let found = ill(home, args);
    assert_eq!(found, [expected], "{rule}");
}

/// What a fix begins with is typed as it stands, and then it works.
#[track_caller]
fn is_mended_by(home: &Home, fix: &str) {
    // Tests that get here are root's, and sudo may not be installed.
    sh(fix);
    let ran = home.run(&["doctor", "3000", "--host", "127.0.0.1"]);
    assert_eq!(ran.code, 0, "{fix}: {}{}", ran.stdout, ran.stderr);
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_rule_of_nftables() {
    in_new_netns(|| {
        let home = home_of_root();
        assert_eq!(home.run(&["get", "dev", "--port", "3000"]).port(), Ok(PORT));
        let _app = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).unwrap();
        assert_eq!(ill(&home, &[]), [""; 0]);
        sh(
            "nft 'add table inet dev; add chain inet dev in { type filter hook input priority 0; policy accept; }'",
        );
        names(
            &home,
            "nft add rule inet dev in iifname lo tcp dport 3000-3010 drop",
            &["--host", "127.0.0.1"],
            "firewall: 127.0.0.1:3000 does not answer: nftables drops what goes there, by the rule \
             `iifname \"lo\" tcp dport 3000-3010 drop` of chain in, table inet dev → delete it: sudo nft delete rule \
             inet dev in handle 2; see it: sudo nft -a list chain inet dev in",
        );
        is_mended_by(&home, "nft delete rule inet dev in handle 2");
        names(
            &home,
            "nft add rule inet dev in tcp dport 3000 reject with tcp reset",
            &[],
            "firewall: 127.0.0.1:3000 is refused: nftables rejects what goes there, by the rule `tcp dport 3000 \
             reject with tcp reset` of chain in, table inet dev → delete it: sudo nft delete rule inet dev in handle \
             3; see it: sudo nft -a list chain inet dev in",
        );
        is_mended_by(&home, "nft delete rule inet dev in handle 3");
        names(
            &home,
            "nft 'add chain inet dev in { policy drop; }'",
            &[],
            "firewall: 127.0.0.1:3000 does not answer: nftables drops what goes there, by the policy of chain in, \
             table inet dev → let lo through: sudo nft insert rule inet dev in meta oiftype loopback accept; see it: \
             sudo nft -a list chain inet dev in",
        );
        is_mended_by(&home, "nft insert rule inet dev in iif lo accept");
    });
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_rule_of_iptables() {
    in_new_netns(|| {
        let _app = TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT)).unwrap();
        let home = home_of_root();
        for (iptables, host, at, reject) in [
            ("iptables", "127.0.0.1", "127.0.0.1:3000", "icmp-port-unreachable"),
            ("ip6tables", "::1", "[::1]:3000", "tcp-reset"),
            ("iptables-legacy", "127.0.0.1", "127.0.0.1:3000", "icmp-admin-prohibited"),
        ] {
            let comment = "-m comment --comment \"no dev\"";
            let dropping = format!("INPUT -i lo -p tcp -m multiport --dports 80,3000:3010 {comment} -j DROP");
            let summary = format!(
                "firewall: {at} does not answer: {iptables} drops what goes there, by the rule `-A {dropping}` of \
                 chain INPUT, table filter → delete it: sudo {iptables} -D {dropping}; see it: sudo {iptables} -S INPUT"
            );
            names(&home, &format!("{iptables} -A {dropping}"), &["--host", host], &summary);
            is_mended_by(&home, &format!("{iptables} -D {dropping}"));

            let rejecting =
                format!("OUTPUT -o lo -p tcp -m tcp --dport 3000 -j REJECT --reject-with {reject}");
            let summary = format!(
                "firewall: {at} is refused: {iptables} rejects what goes there, by the rule `-A {rejecting}` of \
                 chain OUTPUT, table filter → delete it: sudo {iptables} -D {rejecting}; see it: sudo {iptables} -S OUTPUT"
            );
            names(&home, &format!("{iptables} -A {rejecting}"), &["--host", host], &summary);
            is_mended_by(&home, &format!("{iptables} -D {rejecting}"));
        }
    });
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn rules_that_only_root_can_read() {
    in_new_netns(|| {
        let programs = Programs::new();
        let _eves = listener::of(&programs, EVE, PORT);
        let ada = programs.home_of(ADA, "");
        sh("iptables -A INPUT -p tcp --dport 3000 -j DROP");
        assert_eq!(
            ill(&ada, &[]),
            [
                "connect: 127.0.0.1:3000 does not answer, although it is listened on: something drops the packets, most \
              likely a firewall → only root can read the rules: sudo nft -a list ruleset; sudo iptables-save; sudo \
              ip6tables-save"
            ]
        );
        sh("iptables -F; iptables -A INPUT -p tcp --dport 3000 -j REJECT");
        let found = ill(&ada, &[]);
        assert!(
            found[0].starts_with("connect: 127.0.0.1:3000 is refused, although it is listened on"),
            "{found:?}"
        );
        assert_eq!(ada.run(&["doctor", "3000"]).code, 1);
    });
}

/// A home on a machine with these files of names.
fn home_with_names(dir: &tempfile::TempDir, hosts: &str) -> Home {
    let path = |name: &str| dir.path().join(name).into_os_string().into_string().unwrap();
    for (name, text) in [("hosts", hosts), ("order", "hosts: files dns\n")] {
        File::create(path(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }
    let script = format!(
        "mount --bind {} /etc/hosts && mount --bind {} /etc/nsswitch.conf && exec \"$@\"",
        path("hosts"),
        path("order")
    );
    let words = ["unshare", "-m", "--propagation", "private", "sh", "-c", &script, "sh"];
    let program = env!("CARGO_BIN_EXE_portlease");
    Home::new(words.into_iter().chain([program]).map(Into::into).collect(), "")
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_hosts_file_that_lacks_or_misleads_localhost() {
    in_new_netns(|| {
        let dir = tempfile::tempdir().unwrap();
        let app = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).unwrap();
        assert_eq!(ill(&home_with_names(&dir, "127.0.0.1 localhost\n"), &[]), [""; 0]);
        {
            let lacking = home_with_names(&dir, "127.0.0.1 machine\n");
            assert_eq!(
                ill(&lacking, &[]),
                [
                    "hosts: /etc/hosts does not say what localhost is, so most programs cannot find it → echo '127.0.0.1 \
                  localhost' | sudo tee -a /etc/hosts; echo '::1 localhost' | sudo tee -a /etc/hosts"
                ]
            );
            assert_eq!(ill(&lacking, &["--host", "127.0.0.1"]), [""; 0]);
        }
        assert_eq!(
            ill(&home_with_names(&dir, "# mine\n192.0.2.1 localhost\n"), &[]),
            [
                "hosts: /etc/hosts says that localhost is 192.0.2.1, which is not this machine's loopback → put 127.0.0.1 \
              into line 2 of it: sudoedit /etc/hosts"
            ]
        );
        drop(app);
        let _app = TcpListener::bind((Ipv6Addr::LOCALHOST, PORT)).unwrap();
        let found = ill(&home_with_names(&dir, "127.0.0.1 localhost\n"), &[]);
        let expected = "hosts: /etc/hosts says that localhost is 127.0.0.1 and not ::1, which alone leads to the app → \
                        echo '::1 localhost' | sudo tee -a /etc/hosts";
        assert_eq!(found.last().unwrap(), expected);
    });
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn an_address_that_is_not_there() {
    in_new_netns(|| {
        let _app = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).unwrap();
        let home = home_of_root();
        let found = ill(&home, &["--host", "192.0.2.1"]);
        let expected = "connect: this machine does not have the address 192.0.2.1 → use one that it has: ip -brief address";
        assert_eq!(found, [expected]);
        netns::ip("link set lo down\naddr flush dev lo");
        let found = ill(&home, &[]);
        let expected = "connect: this machine does not have the address 127.0.0.1 → bring the loopback interface up: \
                        sudo ip link set lo up";
        assert_eq!(found, [expected]);
    });
}
