//! Which rule of a firewall is in the way?

mod chain;
mod iptables;
mod listing;
mod nft;
mod packet;
#[cfg(test)]
mod tests;

use portlease_proto::Check;

pub use listing::{Listing, Program, Unread};

use self::{
    chain::{Chain, Culprit, Verdict, culprit},
    packet::Packet,
};
use super::{Attempt, Facts, Outcome};

const ID: &str = "firewall";

/// Only when a connection failed, and the rule that did it is found.
pub(super) fn check(facts: &Facts) -> Option<Check> {
    let attempt = facts.way.obstructed()?;
    let found = find(&facts.way.rules, attempt)?;
    let does = if found.verdict == Verdict::Drop { "drops" } else { "rejects" };
    let effect = if attempt.outcome == Outcome::Silent { "does not answer" } else { "is refused" };
    let doubt = if found.is_sure { "" } else { "most likely " };
    let what = match &found.text {
        Some(text) => format!("the rule `{text}`"),
        None => "the policy".to_owned(),
    };
    let Found { manager, place, fix, .. } = &found;
    let summary = format!(
        "{} {effect}: {manager} {does} what goes there, {doubt}by {what} of {place}",
        attempt.address
    );
    Some(if facts.way.has_answer() { Check::warn(ID, summary, fix) } else { Check::fail(ID, summary, fix) })
}

/// What to type to see the rules, given what became of reading them.
pub(super) fn look(rules: &[Listing]) -> String {
    if rules.iter().any(|listing| listing.program == Program::PfCtl) {
        return "only root can read the rules: sudo pfctl -sr".to_owned();
    }
    let because = |why: Unread| rules.iter().any(|listing| listing.output == Err(why));
    let (nft, iptables) = ("sudo nft -a list ruleset", "sudo iptables-save; sudo ip6tables-save");
    if because(Unread::NotRoot) {
        format!("only root can read the rules: {nft}; {iptables}")
    } else if because(Unread::Failed) {
        format!("the rules could not be read; try: {nft}; {iptables}")
    } else if rules.iter().all(|listing| listing.output.is_err()) {
        format!("no program to read the rules is installed: apt-get install nftables iptables; {nft}")
    } else {
        format!("none of the rules that can be read does it; look at all of them: {nft}; {iptables}")
    }
}

/// A culprit, in words.
struct Found {
    is_sure: bool,
    verdict: Verdict,
    manager: &'static str,
    text: Option<String>,
    place: String,
    fix: String,
}

/// In the words of iptables where they tell as much: whoever made a rule by
/// iptables knows it by those.
fn find(rules: &[Listing], attempt: &Attempt) -> Option<Found> {
    // The word of a rejection may be lost; nobody refuses what was dropped.
    let verdicts: &[Verdict] = match attempt.outcome {
        Outcome::Silent => &[Verdict::Drop, Verdict::Reject],
        _ => &[Verdict::Reject],
    };
    let mut guess = None;
    for verdict in verdicts {
        for packet in Packet::both(attempt.address) {
            for Listing { program, output } in rules {
                let Ok(output) = output else { continue };
                let Some(chains) = chains(*program, output, &packet) else { continue };
                let Some(culprit) = culprit(&chains, *verdict) else { continue };
                let found = describe(*program, rules, &culprit, *verdict);
                if found.is_sure {
                    return Some(found);
                }
                guess.get_or_insert(found);
            }
        }
    }
    guess
}

fn chains(program: Program, output: &str, packet: &Packet) -> Option<Vec<Chain>> {
    match program {
        Program::NftJson => Some(nft::parse(output, packet)),
        Program::NftText | Program::PfCtl => None,
        program if program.is_ipv6_alone() != packet.to.is_ipv6() => None,
        _ => Some(iptables::parse(output, packet)),
    }
}

fn describe(program: Program, rules: &[Listing], culprit: &Culprit<'_>, verdict: Verdict) -> Found {
    let Culprit { chain, rule, is_sure } = *culprit;
    let (manager, advice) = manager(program, chain);
    let nft = program == Program::NftJson;
    let text = rule.map(|rule| match rule.handle {
        Some(handle) => {
            let mut texts = rules.iter().filter(|listing| listing.program == Program::NftText);
            let text = texts.find_map(|listing| nft::text_of(listing.output.as_deref().ok()?, chain, handle));
            text.map_or_else(|| format!("handle {handle}"), str::to_owned)
        }
        None => rule.text.clone(),
    });
    let of_table = if chain.table == "filter" { String::new() } else { format!(" -t {}", chain.table) };
    let (editor, name, table) = (program.editor(), &chain.name, &chain.table);
    let see = match nft {
        true => format!("sudo nft -a list chain {table} {name}"),
        false => format!("sudo {editor}{of_table} -S {name}"),
    };
    let change = match rule.map(|rule| (rule.handle, rule.text.strip_prefix("-A "))) {
        Some((Some(handle), _)) => format!("delete it: sudo nft delete rule {table} {name} handle {handle}"),
        Some((None, Some(rest))) => format!("delete it: sudo {editor}{of_table} -D {rest}"),
        _ if nft => {
            format!("let lo through: sudo nft insert rule {table} {name} meta oiftype loopback accept")
        }
        _ => format!("let lo through: sudo {editor}{of_table} -I {name} {} lo -j ACCEPT", side(name)),
    };
    let place = format!("chain {name}, table {table}");
    let fix = advice.map_or(format!("{change}; see it: {see}"), str::to_owned);
    Found { is_sure, verdict, manager, text, place, fix }
}

fn side(chain: &str) -> &'static str {
    if matches!(chain, "OUTPUT" | "POSTROUTING") { "-o" } else { "-i" }
}

/// Whose rules these are, and how they are changed if not by hand.
fn manager(program: Program, chain: &Chain) -> (&'static str, Option<&'static str>) {
    if chain.name.starts_with("ufw") {
        ("ufw", Some("see its rules: sudo ufw status numbered; delete one: sudo ufw delete NUMBER"))
    } else if chain.table.ends_with(" firewalld") || chain.name.starts_with("IN_") {
        (
            "firewalld",
            Some("see its rules: sudo firewall-cmd --list-all; sudo firewall-cmd --direct --get-all-rules"),
        )
    } else if program == Program::NftJson {
        ("nftables", None)
    } else {
        (program.editor(), None)
    }
}
