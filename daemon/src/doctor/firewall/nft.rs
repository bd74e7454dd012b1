//! What `nft -j list ruleset` prints (libnftables-json(5)).

use serde_json::Value;

use super::{
    chain::{Base, Chain, Hook, Rule, Then, Verdict},
    packet::{Applies, Packet, address_within, port_within},
};

/// The chains, as they concern the packet. Rules have no text: see [`text_of`].
pub(super) fn parse(json: &str, packet: &Packet) -> Vec<Chain> {
    let whole: Value = serde_json::from_str(json).unwrap_or_default();
    let objects = whole["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_kind = |kind: &'static str| objects.iter().filter_map(move |object| object.get(kind));
    let sets: Vec<&Value> = of_kind("set").collect();
    let in_sight = of_kind("chain").filter(|chain| concerns(&chain["family"], packet));
    let mut chains: Vec<Chain> = in_sight.map(chain).collect();
    for found in of_kind("rule") {
        let (table, name) = (table(found), word(&found["chain"]));
        if let Some(chain) = chains.iter_mut().find(|chain| chain.table == table && chain.name == name) {
            let reader = Reader { sets: &sets, table: &table, packet };
            chain.rules.push(reader.rule(found));
        }
    }
    chains
}

/// The rule as people write it, from `nft -a list ruleset`.
pub(super) fn text_of<'a>(text: &'a str, chain: &Chain, handle: u64) -> Option<&'a str> {
    let begins = |line: &str, kind: &str, name: &str| {
        let mut words = line.trim().strip_prefix(kind)?.split(" {");
        (words.next()?.trim() == name).then_some(())
    };
    let end = format!(" # handle {handle}");
    let mut lines = text.lines();
    lines.find(|line| begins(line, "table ", &chain.table).is_some())?;
    lines.find(|line| begins(line, "chain ", &chain.name).is_some())?;
    lines.take_while(|line| line.trim() != "}").find_map(|line| line.trim().strip_suffix(&end))
}

fn concerns(family: &Value, packet: &Packet) -> bool {
    match family.as_str() {
        Some("inet") => true,
        Some("ip") => packet.to.is_ipv4(),
        Some("ip6") => packet.to.is_ipv6(),
        _ => false,
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn table(object: &Value) -> String {
    format!("{} {}", word(&object["family"]), word(&object["table"]))
}

fn chain(object: &Value) -> Chain {
    let hook = match word(&object["hook"]) {
        "output" => Some(Hook::Output),
        "postrouting" => Some(Hook::Postrouting),
        "prerouting" => Some(Hook::Prerouting),
        "input" => Some(Hook::Input),
        _ => None,
    };
    let policy = if word(&object["policy"]) == "drop" { Verdict::Drop } else { Verdict::Accept };
    let priority = object["prio"].as_i64().unwrap_or_default();
    let base = hook.map(|hook| Base { hook, priority, policy });
    Chain { table: table(object), name: word(&object["name"]).to_owned(), base, rules: Vec::new() }
}

struct Reader<'a> {
    sets: &'a [&'a Value],
    table: &'a str,
    packet: &'a Packet,
}

impl Reader<'_> {
    fn rule(&self, object: &Value) -> Rule {
        let (mut applies, mut then) = (Applies::Yes, Then::Nothing);
        for part in object["expr"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let Some((kind, value)) = part.as_object().and_then(|part| part.iter().next()) else { continue };
            match kind.as_str() {
                "match" => applies = applies.min(self.matches(value)),
                "counter" | "log" | "mangle" | "notrack" | "meta" | "ct" => {}
                "vmap" => {
                    let (there, verdict) = self.mapped(value);
                    (applies, then) = (applies.min(there), verdict);
                }
                kind => match verdict(kind, value) {
                    Some(verdict) => then = verdict,
                    None => applies = applies.min(Applies::Perhaps),
                },
            }
        }
        Rule { text: String::new(), handle: object["handle"].as_u64(), applies, then }
    }

    fn matches(&self, value: &Value) -> Applies {
        let (field, right) = (&value["left"], &value["right"]);
        match word(&value["op"]) {
            "==" | "in" => self.is(field, right),
            "!=" => self.is(field, right).but(true),
            order => match (self.port(field), right.as_u64()) {
                (Some(port), Some(right)) => {
                    let bound = u64::from(u16::MAX);
                    match order {
                        "<" => port_within(port, 0, right.saturating_sub(1)),
                        "<=" => port_within(port, 0, right),
                        ">" => port_within(port, right + 1, bound),
                        ">=" => port_within(port, right, bound),
                        _ => Applies::Perhaps,
                    }
                }
                _ => Applies::Perhaps,
            },
        }
    }

    /// Whether a field of the packet is among the values: one, a range, a
    /// network, a list, a set with or without a name.
    fn is(&self, field: &Value, value: &Value) -> Applies {
        let any = |values: &Vec<Value>| {
            values.iter().map(|value| self.is(field, value)).max().unwrap_or(Applies::No)
        };
        if let Some(name) = value.as_str().and_then(|value| value.strip_prefix('@')) {
            let own = |set: &&&Value| table(set) == self.table && set["name"] == name;
            return match self.sets.iter().find(own).map(|set| &set["elem"]) {
                Some(Value::Array(values)) => any(values),
                Some(Value::Null) => Applies::No,
                _ => Applies::Perhaps,
            };
        }
        match value {
            Value::Array(values) => any(values),
            value => match (value.get("set"), value.get("elem")) {
                (Some(Value::Array(values)), _) => any(values),
                (Some(value), _) => self.is(field, value),
                (_, Some(element)) => self.is(field, &element["val"]),
                (None, None) => self.is_one(field, value),
            },
        }
    }

    fn is_one(&self, field: &Value, value: &Value) -> Applies {
        if let Some(port) = self.port(field) {
            let range = value["range"].as_array().map(Vec::as_slice);
            return match (value.as_u64(), range) {
                (Some(one), _) => port_within(port, one, one),
                (_, Some([first, last])) => match (first.as_u64(), last.as_u64()) {
                    (Some(first), Some(last)) => port_within(port, first, last),
                    _ => Applies::Perhaps,
                },
                _ => Applies::Perhaps,
            };
        }
        let (protocol, name) = (word(&field["payload"]["protocol"]), word(&field["payload"]["field"]));
        let family = if self.packet.to.is_ipv4() { "ip" } else { "ip6" };
        match (protocol, name) {
            ("ip" | "ip6", "saddr" | "daddr" | "protocol" | "nexthdr") if protocol != family => Applies::No,
            ("ip" | "ip6", "saddr") => address(self.packet.from, value),
            ("ip" | "ip6", "daddr") => address(self.packet.to, value),
            ("ip" | "ip6", "protocol" | "nexthdr") => is_tcp(value),
            ("udp" | "icmp" | "icmpv6" | "sctp" | "dccp", _) => Applies::No,
            _ => self.is_meta(field, value),
        }
    }

    fn is_meta(&self, field: &Value, value: &Value) -> Applies {
        match word(&field["meta"]["key"]) {
            "iifname" | "oifname" | "iif" | "oif" => match value.as_str() {
                Some(name) => match name.strip_suffix('*') {
                    Some(begin) => "lo".starts_with(begin).into(),
                    None => (name == "lo").into(),
                },
                None => Applies::Perhaps,
            },
            "l4proto" => is_tcp(value),
            "nfproto" => (word(value) == if self.packet.to.is_ipv4() { "ipv4" } else { "ipv6" }).into(),
            _ if field["ct"]["key"] == "state" => self.packet.has_state(value.as_str()),
            _ => Applies::Perhaps,
        }
    }

    /// The packet's port in that field, if it is one of its ports.
    fn port(&self, field: &Value) -> Option<Option<u16>> {
        if !matches!(word(&field["payload"]["protocol"]), "tcp" | "th") {
            return None;
        }
        match word(&field["payload"]["field"]) {
            "dport" => Some(self.packet.destination_port),
            "sport" => Some(self.packet.source_port),
            _ => None,
        }
    }

    fn mapped(&self, value: &Value) -> (Applies, Then) {
        let pairs = value["data"]["set"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = pairs.iter().filter_map(|pair| {
            let (kind, value_of) = pair[1].as_object()?.iter().next()?;
            let applies = self.is(&value["key"], &pair[0]);
            Some((applies, verdict(kind, value_of)?)).filter(|_| applies != Applies::No)
        });
        let known = value["data"]["set"].is_array();
        let otherwise = if known { Applies::No } else { Applies::Perhaps };
        found.max_by_key(|(applies, _)| *applies).unwrap_or((otherwise, Then::Nothing))
    }
}

fn verdict(kind: &str, value: &Value) -> Option<Then> {
    let chain = || word(&value["target"]).to_owned();
    Some(match kind {
        "accept" => Then::End(Verdict::Accept),
        "drop" => Then::End(Verdict::Drop),
        "reject" => Then::End(Verdict::Reject),
        "return" => Then::Return,
        "continue" => Then::Nothing,
        "jump" => Then::Jump(chain()),
        "goto" => Then::Goto(chain()),
        // What iptables wrote, in its own words.
        "xt" if value["name"] == "REJECT" => Then::End(Verdict::Reject),
        _ => return None,
    })
}

fn is_tcp(value: &Value) -> Applies {
    (value == "tcp" || value == 6).into()
}

fn address(own: std::net::IpAddr, value: &Value) -> Applies {
    match (value.as_str(), value["prefix"]["addr"].as_str(), value["prefix"]["len"].as_u64()) {
        (Some(one), ..) => address_within(own, one),
        (_, Some(network), Some(bits)) => address_within(own, &format!("{network}/{bits}")),
        _ => Applies::Perhaps,
    }
}
