//! What iptables-save prints (iptables-extensions(8)).

use super::{
    chain::{Base, Chain, Hook, Rule, Then, Verdict},
    packet::{Applies, Packet, address_within, port_within},
};

/// The chains, as they concern the packet.
pub(super) fn parse(text: &str, packet: &Packet) -> Vec<Chain> {
    let (mut table, mut chains): (&str, Vec<Chain>) = ("", Vec::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name.trim();
        } else if let Some(declared) = line.strip_prefix(':') {
            let mut words = declared.split_whitespace();
            let name = words.next().unwrap_or_default().to_owned();
            let base = words.next().and_then(|policy| base(table, &name, policy));
            chains.push(Chain { table: table.to_owned(), name, base, rules: Vec::new() });
        } else if let Some(rest) = line.strip_prefix("-A ") {
            let name = rest.split_whitespace().next().unwrap_or_default();
            let chain = chains.iter_mut().find(|chain| chain.table == table && chain.name == name);
            if let Some(chain) = chain {
                chain.rules.push(rule(line, packet));
            }
        }
    }
    chains
}

/// The tables' priorities are those of the kernel (linux/netfilter_ipv4.h).
fn base(table: &str, name: &str, policy: &str) -> Option<Base> {
    let hook = match name {
        "OUTPUT" => Hook::Output,
        "POSTROUTING" => Hook::Postrouting,
        "PREROUTING" => Hook::Prerouting,
        "INPUT" => Hook::Input,
        _ => return None,
    };
    let priority = match table {
        "raw" => -300,
        "mangle" => -150,
        "nat" => -100,
        "security" => 50,
        _ => 0,
    };
    let policy = if policy == "DROP" { Verdict::Drop } else { Verdict::Accept };
    Some(Base { hook, priority, policy })
}

fn rule(line: &str, packet: &Packet) -> Rule {
    let words = words(line);
    let mut rest: &[String] = words.get(2..).unwrap_or_default();
    let (mut applies, mut then) = (Applies::Yes, Then::Nothing);
    while let [first, more @ ..] = rest {
        let negated = first == "!";
        let (option, more) = match (negated, more) {
            (true, [option, more @ ..]) => (option, more),
            _ => (first, more),
        };
        let length = more.iter().take_while(|word| !word.starts_with('-') && *word != "!").count();
        let (values, more) = more.split_at(length);
        let value = values.first().map_or("", String::as_str);
        match option.as_str() {
            "-j" | "--jump" => {
                then = target(value);
                // The rest is the target's.
                break;
            }
            "-g" | "--goto" => then = Then::Goto(value.to_owned()),
            option => applies = applies.min(part(option, value, packet).but(negated)),
        }
        rest = more;
    }
    Rule { text: line.to_owned(), handle: None, applies, then }
}

fn target(name: &str) -> Then {
    match name {
        "ACCEPT" => Then::End(Verdict::Accept),
        "DROP" => Then::End(Verdict::Drop),
        "REJECT" => Then::End(Verdict::Reject),
        "RETURN" => Then::Return,
        // Targets that are no chains, such as LOG, lead nowhere.
        name => Then::Jump(name.to_owned()),
    }
}

fn part(option: &str, value: &str, packet: &Packet) -> Applies {
    match option {
        // It is the options of the match that count.
        "-m" | "--match" | "--comment" => Applies::Yes,
        "-p" | "--protocol" => matches!(value, "tcp" | "all" | "6" | "0").into(),
        "-i" | "--in-interface" | "-o" | "--out-interface" => interface(value),
        "-s" | "--source" => address_within(packet.from, value),
        "-d" | "--destination" => address_within(packet.to, value),
        "--dport" | "--dports" | "--destination-port" | "--destination-ports" => {
            ports(value, packet.destination_port)
        }
        "--sport" | "--sports" | "--source-port" | "--source-ports" => ports(value, packet.source_port),
        "--ctstate" | "--state" => packet.has_state(value.split(',')),
        "--dst-type" | "--src-type" => value.split(',').any(|kind| kind == "LOCAL").into(),
        "--syn" => (!packet.is_reply).into(),
        _ => Applies::Perhaps,
    }
}

fn interface(value: &str) -> Applies {
    match value.strip_suffix('+') {
        Some(begin) => "lo".starts_with(begin).into(),
        None => (value == "lo").into(),
    }
}

/// `3000`, `3000:3010`, `:1023`, and lists of them.
fn ports(value: &str, port: Option<u16>) -> Applies {
    let within = |part: &str| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let number = |text: &str, empty: u64| if text.is_empty() { Ok(empty) } else { text.parse() };
        match (number(first, 0), number(last, u64::from(u16::MAX))) {
            (Ok(first), Ok(last)) => port_within(port, first, last),
            _ => Applies::Perhaps,
        }
    };
    value.split(',').map(within).max().unwrap_or(Applies::Perhaps)
}

/// A line's words; those in quotes may have spaces.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().extend(chars.next()),
            ' ' if !quoted => words.extend(word.take()),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}
