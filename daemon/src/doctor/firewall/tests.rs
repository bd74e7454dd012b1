//! Rules as the programs print them, and who of them is the culprit.

use std::net::SocketAddr;

use portlease_proto::CheckStatus;

use super::*;

fn way(program: Program, output: &str, to: &str, outcome: Outcome) -> Option<(bool, String)> {
    let attempt = Attempt { address: to.parse::<SocketAddr>().unwrap(), outcome };
    let listing = Listing { program, output: Ok(output.to_owned()) };
    find(&[listing], &attempt).map(|found| (found.is_sure, found.text.unwrap_or(found.place)))
}

/// Rules of the chain INPUT, whose policy is to accept.
fn iptables(rules: &str, to: &str, outcome: Outcome) -> Option<(bool, String)> {
    let text =
        format!("# x\n*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:own - [0:0]\n{rules}\nCOMMIT\n");
    way(Program::IptablesSave, &text, to, outcome)
}

#[test]
fn rules_of_iptables_that_end_it() {
    for rule in [
        "-A INPUT -p tcp -m tcp --dport 3000 -j DROP",
        "-A INPUT -i lo -p tcp -m multiport --dports 80,2999:3010 -m comment --comment \"a -j b\" -j DROP",
        "-A INPUT ! -i eth0 -p tcp -j DROP",
        "-A INPUT -d 127.0.0.0/8 -j DROP",
        "-A INPUT -s 127.0.0.1/32 -m conntrack --ctstate NEW,INVALID -j DROP",
        "-A INPUT -p tcp -m tcp ! --dport 22 -j DROP",
        "-A OUTPUT -o lo -p tcp -m tcp --sport 3000 -j DROP",
        "-A INPUT -p tcp -m tcp --dport :4000 -j DROP",
    ] {
        let found = iptables(rule, "127.0.0.1:3000", Outcome::Silent);
        assert_eq!(found, Some((true, rule.to_owned())));
    }
    let reject = "-A INPUT -p tcp -m tcp --dport 3000 -j REJECT --reject-with tcp-reset";
    assert_eq!(iptables(reject, "127.0.0.1:3000", Outcome::Rejected), Some((true, reject.to_owned())));
    // Where the word of the rejection is lost.
    assert_eq!(iptables(reject, "127.0.0.1:3000", Outcome::Silent), Some((true, reject.to_owned())));
}

#[test]
fn rules_of_iptables_that_do_not() {
    for rule in [
        "-A INPUT -p tcp -m tcp --dport 3001 -j DROP",
        "-A INPUT -p udp -m udp --dport 3000 -j DROP",
        "-A INPUT -i eth0 -p tcp -j DROP",
        "-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 3000 -j DROP",
        "-A INPUT -d 10.0.0.0/8 -j DROP",
        "-A INPUT -m conntrack --ctstate INVALID -j DROP",
        "-A own -p tcp -m tcp --dport 3000 -j DROP",
        "-A own -j RETURN\n-A own -j DROP\n-A INPUT -j own",
        "-A INPUT -p tcp -m tcp --dport 3000 -j LOG --log-prefix \"-j DROP\"",
        "-A INPUT -p tcp -j",
        "-A INPUT !",
        "-A",
    ] {
        assert_eq!(iptables(rule, "127.0.0.1:3000", Outcome::Silent), None, "{rule}");
    }
    let rule = "-A INPUT -p tcp -m tcp --dport 3000 -j DROP";
    assert_eq!(iptables(rule, "[::1]:3000", Outcome::Silent), None);
}

#[test]
fn chains_policies_and_doubts() {
    let drop = "-A own -p tcp -m tcp --dport 3000 -j DROP";
    let jump = format!("-A INPUT -j own\n{drop}");
    assert_eq!(iptables(&jump, "127.0.0.1:3000", Outcome::Silent), Some((true, drop.to_owned())));
    let round = "-A own -j own\n-A INPUT -j own";
    assert_eq!(iptables(round, "127.0.0.1:3000", Outcome::Silent), None);
    for doubtful in ["-A INPUT -m owner --uid-owner 7 -j ACCEPT", "-A INPUT -m recent --update -j own"] {
        let rules = format!("-A own -j ACCEPT\n{doubtful}\n-A INPUT -j DROP");
        let found = iptables(&rules, "127.0.0.1:3000", Outcome::Silent);
        assert_eq!(found, Some((false, "-A INPUT -j DROP".to_owned())), "{doubtful}");
    }
    let sure = "-A INPUT -m owner --uid-owner 7 -j DROP\n-A INPUT -p tcp -j DROP";
    let found = iptables(sure, "127.0.0.1:3000", Outcome::Silent);
    assert_eq!(found, Some((true, "-A INPUT -p tcp -j DROP".to_owned())));
    let policy = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i eth0 -j ACCEPT\nCOMMIT\n";
    let found = way(Program::IptablesSave, policy, "127.0.0.1:3000", Outcome::Silent);
    assert_eq!(found, Some((true, "chain INPUT, table filter".to_owned())));
    let saved = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";
    assert_eq!(way(Program::IptablesSave, saved, "127.0.0.1:3000", Outcome::Silent), None);
}

/// The expressions of one rule in an input chain.
fn nft(expr: &str, to: &str, outcome: Outcome) -> Option<bool> {
    let json = format!(
        r#"{{"nftables": [{{"metainfo": {{}}}}, {{"table": {{"family": "inet", "name": "t"}}}},
        {{"set": {{"family": "inet", "name": "ports", "table": "t", "type": "inet_service", "elem": [1, {{"range": [3000, 3005]}}]}}}},
        {{"set": {{"family": "inet", "name": "none", "table": "t", "type": "inet_service"}}}},
        {{"chain": {{"family": "inet", "table": "t", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}}},
        {{"chain": {{"family": "inet", "table": "t", "name": "sub"}}}},
        {{"rule": {{"family": "inet", "table": "t", "chain": "sub", "handle": 1, "expr": [{{"drop": null}}]}}}},
        {{"rule": {{"family": "inet", "table": "t", "chain": "in", "handle": 2, "expr": [{expr}]}}}}]}}"#
    );
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
    way(Program::NftJson, &json, to, outcome).map(|(is_sure, _)| is_sure)
}

fn matching(left: &str, op: &str, right: &str) -> String {
    format!(r#"{{"match": {{"op": "{op}", "left": {left}, "right": {right}}}}}, {{"drop": null}}"#)
}

const DPORT: &str = r#"{"payload": {"protocol": "tcp", "field": "dport"}}"#;
const SADDR: &str = r#"{"payload": {"protocol": "ip", "field": "saddr"}}"#;
const SADDR6: &str = r#"{"payload": {"protocol": "ip6", "field": "saddr"}}"#;
const IIF: &str = r#"{"meta": {"key": "iifname"}}"#;
const STATE: &str = r#"{"ct": {"key": "state"}}"#;

#[test]
fn matches_of_nftables() {
    for (left, op, right, found) in [
        (DPORT, "==", "3000", Some(true)),
        (DPORT, "==", "3001", None),
        // It is the answer that does not go there.
        (DPORT, "!=", "3000", Some(true)),
        (DPORT, "!=", "22", Some(true)),
        (DPORT, ">=", "3000", Some(true)),
        (DPORT, "<", "3000", None),
        (DPORT, "<=", "3000", Some(true)),
        (DPORT, ">", "61000", None),
        (DPORT, "==", r#"{"range": [2000, 4000]}"#, Some(true)),
        (DPORT, "==", r#"{"set": [{"range": [1, 2]}, 3000]}"#, Some(true)),
        (DPORT, "==", r#"{"set": [{"range": [1, 2]}, 8080]}"#, None),
        (DPORT, "==", r#"{"set": [{"elem": {"val": 3000, "comment": "x"}}]}"#, Some(true)),
        (DPORT, "==", r#""@ports""#, Some(true)),
        (DPORT, "==", r#""@none""#, None),
        (DPORT, "==", r#""@another""#, Some(false)),
        (r#"{"payload": {"protocol": "udp", "field": "dport"}}"#, "==", "3000", None),
        (r#"{"payload": {"protocol": "th", "field": "dport"}}"#, "==", "3000", Some(true)),
        (r#"{"payload": {"protocol": "tcp", "field": "sport"}}"#, "==", "3000", Some(true)),
        (SADDR, "==", r#""127.0.0.1""#, Some(true)),
        (SADDR, "==", r#"{"prefix": {"addr": "127.0.0.0", "len": 8}}"#, Some(true)),
        (SADDR, "==", r#"{"prefix": {"addr": "10.0.0.0", "len": 8}}"#, None),
        (SADDR6, "==", r#""::1""#, None),
        (IIF, "==", r#""lo""#, Some(true)),
        (IIF, "!=", r#""lo""#, None),
        (IIF, "==", r#""eth*""#, None),
        (r#"{"meta": {"key": "l4proto"}}"#, "==", r#""tcp""#, Some(true)),
        (r#"{"meta": {"key": "l4proto"}}"#, "==", r#"{"set": ["udp", 6]}"#, Some(true)),
        (r#"{"meta": {"key": "nfproto"}}"#, "==", r#""ipv6""#, None),
        (r#"{"meta": {"key": "skuid"}}"#, "==", "7", Some(false)),
        (STATE, "in", r#"["new", "invalid"]"#, Some(true)),
        (STATE, "in", r#""invalid""#, None),
    ] {
        let found_it = nft(&matching(left, op, right), "127.0.0.1:3000", Outcome::Silent);
        assert_eq!(found_it, found, "{left} {op} {right}");
    }
    let v6 = nft(&matching(SADDR6, "==", r#""::1""#), "[::1]:3000", Outcome::Silent);
    assert_eq!(v6, Some(true));
}

#[test]
fn statements_of_nftables() {
    let vmap = |data: &str| format!(r#"{{"vmap": {{"key": {DPORT}, "data": {data}}}}}"#);
    for (expr, outcome, found) in [
        (r#"{"drop": null}"#, Outcome::Rejected, None),
        (r#"{"reject": {"type": "tcp reset"}}"#, Outcome::Rejected, Some(true)),
        (r#"{"xt": {"type": "target", "name": "REJECT"}}"#, Outcome::Rejected, Some(true)),
        (r#"{"xt": {"type": "match", "name": "multiport"}}, {"drop": null}"#, Outcome::Silent, Some(false)),
        (r#"{"limit": {"rate": 1, "per": "second"}}, {"drop": null}"#, Outcome::Silent, Some(false)),
        (r#"{"counter": {"packets": 0}}, {"log": null}, {"drop": null}"#, Outcome::Silent, Some(true)),
        (r#"{"counter": {"packets": 0}}"#, Outcome::Silent, None),
        (r#"{"jump": {"target": "sub"}}"#, Outcome::Silent, Some(true)),
        (r#"{"goto": {"target": "sub"}}"#, Outcome::Silent, Some(true)),
        (r#"{"jump": {"target": "nowhere"}}"#, Outcome::Silent, None),
        (&vmap(r#"{"set": [[22, {"accept": null}], [3000, {"drop": null}]]}"#), Outcome::Silent, Some(true)),
        (&vmap(r#"{"set": [[22, {"drop": null}], [3000, {"accept": null}]]}"#), Outcome::Silent, None),
        (&vmap(r#"{"set": [[3000, {"jump": {"target": "sub"}}]]}"#), Outcome::Silent, Some(true)),
    ] {
        assert_eq!(nft(expr, "127.0.0.1:3000", outcome), found, "{expr}");
    }
    for junk in ["", "null", "[]", r#"{"nftables": 3}"#, r#"{"nftables": [3, {"rule": 4}, {"chain": []}]}"#] {
        assert_eq!(way(Program::NftJson, junk, "127.0.0.1:3000", Outcome::Silent), None);
    }
}

#[test]
fn the_text_of_a_rule_is_that_of_its_chain() {
    let text = "table ip t { # handle 1\n\tchain a { # handle 1\n\t\ttcp dport 1 drop # handle 2\n\t}\n\n\tchain b { # handle 9\n\
                \t\ttype filter hook input priority 0; policy accept;\n\t\ttcp dport { 1, 2 } drop comment \"x # handle 2\" # handle 3\n\
                \t\ttcp dport 2 drop # handle 23\n\t}\n}\n";
    let chain = |name: &str| Chain { table: "ip t".into(), name: name.into(), base: None, rules: Vec::new() };
    assert_eq!(nft::text_of(text, &chain("a"), 2), Some("tcp dport 1 drop"));
    assert_eq!(nft::text_of(text, &chain("a"), 3), None);
    assert_eq!(nft::text_of(text, &chain("b"), 3), Some("tcp dport { 1, 2 } drop comment \"x # handle 2\""));
    assert_eq!(nft::text_of(text, &chain("c"), 3), None);
}

#[test]
fn who_made_the_rule_says_how_it_is_changed() {
    let text = |chain: &str| {
        format!(
            "*filter\n:INPUT ACCEPT [0:0]\n:{chain} - [0:0]\n-A INPUT -j {chain}\n-A {chain} -p tcp -j DROP\nCOMMIT\n"
        )
    };
    let attempt = Attempt { address: "127.0.0.1:3000".parse().unwrap(), outcome: Outcome::Silent };
    for (chain, manager, fix) in [
        ("ufw-user-input", "ufw", "sudo ufw status numbered"),
        ("mine", "iptables", "sudo iptables -D mine -p tcp -j DROP; see it: sudo iptables -S mine"),
    ] {
        let listing = Listing { program: Program::IptablesSave, output: Ok(text(chain)) };
        let found = find(&[listing], &attempt).unwrap();
        assert_eq!(found.manager, manager);
        assert!(found.fix.contains(fix), "{}", found.fix);
    }
    let json = r#"{"nftables": [{"chain": {"family": "inet", "table": "firewalld", "name": "filter_INPUT", "hook": "input", "prio": 10, "policy": "drop"}}]}"#;
    let listing = Listing { program: Program::NftJson, output: Ok(json.to_owned()) };
    assert_eq!(find(&[listing], &attempt).unwrap().manager, "firewalld");
}

#[test]
fn rules_that_are_not_known() {
    let unread = |why| look(&[Listing { program: Program::NftJson, output: Err(why) }]);
    assert!(unread(Unread::NotRoot).starts_with("only root can read the rules: sudo nft"));
    assert!(unread(Unread::Missing).starts_with("no program to read the rules is installed"));
    assert!(unread(Unread::Failed).starts_with("the rules could not be read"));
    let empty = Listing { program: Program::NftJson, output: Ok("{}".to_owned()) };
    assert!(look(&[empty]).starts_with("none of the rules"));
}

#[test]
fn one_of_two_ways_is_no_failure() {
    let mut facts = crate::doctor::tests::facts("localhost", &[("::", Some(true))]);
    let attempt = |address: &str, outcome| Attempt { address: address.parse().unwrap(), outcome };
    facts.way.attempts =
        vec![attempt("[::1]:3000", Outcome::Silent), attempt("127.0.0.1:3000", Outcome::Answered)];
    let symptom = crate::doctor::connect::check(&facts).unwrap();
    assert_eq!((symptom.id.as_str(), symptom.status), ("connect", CheckStatus::Warn));
    let rule = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j DROP\nCOMMIT\n";
    facts.way.rules = vec![Listing { program: Program::Ip6tablesSave, output: Ok(rule.to_owned()) }];
    assert_eq!(check(&facts).unwrap().status, CheckStatus::Warn);
    // The rule is the cause, and there is one cause.
    assert_eq!(crate::doctor::connect::check(&facts), None);
    facts.way.attempts.truncate(1);
    assert_eq!(check(&facts).unwrap().status, CheckStatus::Fail);
}
