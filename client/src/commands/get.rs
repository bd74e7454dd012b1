//! `portlease get`

use portlease_proto::{GetRequest, Identified, InvalidPort, Lease, Paths, Port, PortRange};

use super::{
    block::block,
    whole::{absolute, by},
    whose::{Whose, whose},
};
use crate::{
    args::GetArgs,
    exit::{Exit, Failure},
    output, start,
};

pub(crate) async fn get(paths: &Paths, args: GetArgs) -> Result<(), Failure> {
    let (prefer, trailing) = split_prefer(&args.prefer)?;
    let Whose { project, service, identity, wishes, .. } = whose(&args.names, &trailing, "get")?;
    let service = service.unwrap_or_default();
    // What was typed comes before what the manifest wishes.
    let typed = args.port.is_some() || args.range.is_some() || !prefer.is_empty();
    let (prefer, range) = if typed { (prefer, args.range) } else { (wishes.prefer, wishes.range) };
    let preferring = !prefer.is_empty();
    let (root, identify) = match (args.root, identity) {
        // A root that was typed is no part of where the name comes from.
        (root @ Some(_), _) | (root, None) => (root, None),
        (None, Some(identity)) => (Some(identity.root), Some(by(identity.named_by))),
    };
    let request = GetRequest {
        port: args.port,
        prefer,
        range,
        protocol: args.protocol.or(wishes.protocol),
        ttl_s: args.ttl,
        owner_pid: args.owner_pid,
        run_pid: None,
        hold: if args.hold { Some(true) } else { wishes.hold },
        strict: args.strict,
        force: args.force,
        reset: args.reset,
        root: root.as_deref().map(absolute).transpose()?,
        identify,
        labels: None,
        // Whoever has a preferred port is told without being asked for.
        explain: args.explain || preferring,
    };
    request.check().map_err(|message| Failure::new(Exit::Usage, message))?;

    let printing = Printing { json: args.json, explain: args.explain, typed, range: args.range };
    if let Some(count) = args.count {
        return block(paths, &project, &service, count, request, &printing).await;
    }
    let answer = start::ask(paths, async |client| client.get(&project, &service, &request).await).await;
    let mut lease = answer.inspect_err(|failure| printing.failed(failure))?;
    printing.explain(&request.prefer, &mut lease);
    if let Some(Identified { because, .. }) = &lease.identified {
        output::note(&format!("this is {} from now on: {because}", lease.project));
    }
    output::about_lease(&lease);
    if args.json {
        output::json(&lease);
    } else {
        output::value(&lease.port.to_string());
    }
    Ok(())
}

/// What is said beside the port.
pub(super) struct Printing {
    pub(super) json: bool,
    explain: bool,
    /// Whether the wishes were typed, and are not the manifest's.
    typed: bool,
    /// Wishes outside of it are none.
    range: Option<PortRange>,
}

impl Printing {
    /// Says why a wish was not met, unless everything is to be explained.
    pub(super) fn explain(&self, wishes: &[Port], lease: &mut Lease) {
        let inside = |port: &Port| self.range.is_none_or(|range| range.contains(*port));
        let within: Vec<Port> = wishes.iter().copied().filter(inside).collect();
        if self.typed && is_kept(&within, lease) {
            let Lease { project, service, port, .. } = &lease;
            output::note(&format!("{project}/{service} keeps {port}; --reset moves it, if it can"));
        }
        if !self.explain
            && let Some(explanation) = lease.explain.take()
        {
            output::unmet(wishes, &explanation, lease.port);
        }
    }

    /// Says what is known of a failure beside its message.
    pub(super) fn failed(&self, failure: &Failure) {
        let Some(problem) = &failure.problem else { return };
        if let Some(explanation) = problem.explain.as_ref().filter(|_| self.explain) {
            output::skipped(explanation);
        }
        if self.json {
            output::json(problem);
        }
    }
}

/// Whether the lease is elsewhere than is wished and no wish was considered: it
/// was there before.
fn is_kept(wishes: &[Port], lease: &Lease) -> bool {
    let considered = lease.explain.iter().flat_map(|explanation| &explanation.skipped);
    !wishes.is_empty()
        && !wishes.contains(&lease.port)
        && considered.map(|skipped| skipped.port).all(|port| !wishes.contains(&port))
}

/// `--prefer` takes several ports, with commas or blanks between them, so it
/// also swallows names that follow it.
fn split_prefer(words: &[String]) -> Result<(Vec<Port>, Vec<String>), Failure> {
    let looks_like_name = |word: &str| word.starts_with(|c: char| c.is_ascii_alphabetic());
    let mut ports = Vec::new();
    for (i, word) in words.iter().enumerate() {
        if i > 0 && looks_like_name(word) {
            return Ok((ports, words[i..].to_vec()));
        }
        for port in word.split(',') {
            let port =
                port.parse().map_err(|error: InvalidPort| Failure::new(Exit::Usage, error.to_string()))?;
            ports.push(port);
        }
    }
    Ok((ports, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_follow_preferred_ports() {
        let split = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            split_prefer(&words)
                .map(|(ports, rest)| (ports.len(), rest.len()))
                .map_err(|failure| failure.message)
        };
        assert_eq!(split(&[]), Ok((0, 0)));
        assert_eq!(split(&["3000", "3001"]), Ok((2, 0)));
        assert_eq!(split(&["3000,3001", "3002"]), Ok((3, 0)));
        assert_eq!(split(&["3000", "myapp", "web"]), Ok((1, 2)));
        assert!(split(&["3000,web"]).unwrap_err().contains("invalid port \"web\""));
        assert!(split(&["myapp"]).unwrap_err().contains("invalid port \"myapp\""));
        assert!(split(&["3000", "0"]).unwrap_err().contains("invalid port \"0\""));
        assert!(split(&["3000", "-1"]).unwrap_err().contains("invalid port \"-1\""));
        assert!(split(&["65536"]).unwrap_err().contains("invalid port \"65536\""));
    }
}
