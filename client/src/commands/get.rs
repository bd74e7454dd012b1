//! `portlease get`

use portlease_proto::{GetRequest, Identified, InvalidPort, Paths, Port};

use super::{
    here::{absolute, by},
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

    match start::ask(paths, async |client| client.get(&project, &service, &request).await).await {
        Ok(mut lease) => {
            if !args.explain
                && let Some(explanation) = lease.explain.take()
            {
                output::unmet(&request.prefer, &explanation, lease.port);
            }
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
        Err(failure) => {
            if let Some(problem) = &failure.problem {
                if let Some(explanation) = problem.explain.as_ref().filter(|_| args.explain) {
                    output::skipped(explanation);
                }
                if args.json {
                    output::json(problem);
                }
            }
            Err(failure)
        }
    }
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
