//! What several files say of one service, as one.

use std::collections::BTreeSet;

use portlease::variables::variable_of;
use portlease_proto::ServiceName;

use super::{Found, WEB};

/// One entry a service, each with a name that may be one and a variable of its
/// own; the one of people first. What was found first counts.
pub(super) fn merge(found: Vec<Found>) -> Vec<Found> {
    let mut merged: Vec<Found> = Vec::new();
    for mut one in found {
        let Some(name) = fit(&one.service) else { continue };
        one.service = name;
        match same(&merged, &one) {
            Some(i) => join(&mut merged[i], one),
            None => merged.push(one),
        }
    }
    merged.sort_by_key(|one| one.service != WEB);
    let only = merged.len() == 1;
    let mut taken = BTreeSet::new();
    for one in &mut merged {
        one.env = Some(free_variable(one, only, &taken));
        taken.extend(one.env.clone());
    }
    merged
}

/// The one of the same name, else of the same variable when a name was made of
/// that, else of the same port when only one of the two tells a variable: the
/// database of a compose file is the `PGPORT` of `.env`.
fn same(merged: &[Found], one: &Found) -> Option<usize> {
    let find = |is: &dyn Fn(&Found) -> bool| merged.iter().position(is);
    let by_name = find(&|other| other.service.eq_ignore_ascii_case(&one.service));
    let guessed = |other: &Found| (one.guessed || other.guessed) && one.env.is_some();
    let by_variable = || find(&|other| guessed(other) && one.env == other.env);
    let alone = |other: &Found| one.env.is_none() || other.env.is_none();
    let by_port = || find(&|other| one.prefer.is_some() && one.prefer == other.prefer && alone(other));
    by_name.or_else(by_variable).or_else(by_port)
}

fn join(one: &mut Found, other: Found) {
    one.prefer = one.prefer.or(other.prefer);
    one.env = one.env.take().or(other.env);
    // Published for UDP and once more for TCP, a port is needed for both.
    let both = one.inside.is_some() && other.inside.is_some() && one.protocol != other.protocol;
    one.protocol = if both { None } else { one.protocol.or(other.protocol) };
    one.inside = one.inside.take().or(other.inside);
    let new: Vec<String> = other.notes.into_iter().filter(|note| !one.notes.contains(note)).collect();
    one.notes.extend(new);
}

/// The variable that it has, unless another service has it already.
fn free_variable(one: &Found, only: bool, taken: &BTreeSet<String>) -> String {
    let main = (one.service == WEB || only).then(|| "PORT".to_owned());
    let own = one.service.parse().map(|service: ServiceName| variable_of(&service)).unwrap_or_default();
    let numbered = (2..).map(|number: u32| format!("{own}_{number}"));
    let mut wished = one.env.clone().into_iter().chain(main).chain([own.clone()]).chain(numbered);
    wished.find(|variable| !taken.contains(variable)).unwrap_or_default()
}

/// A name made to fit what services and projects may be called: each stretch of
/// other characters becomes one hyphen.
pub(crate) fn fit(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let odd = ['.', '_', '-'];
    let name = name.trim_matches(odd);
    let name = name.get(..63).unwrap_or(name).trim_end_matches(odd);
    (!name.is_empty()).then(|| name.to_owned())
}
