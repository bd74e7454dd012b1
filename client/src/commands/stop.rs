//! `portlease stop`

use std::io::{IsTerminal, stderr, stdin};

use portlease_proto::{Paths, PortHolder, PortReport, SocketState, StopRequest, StopSignal, Stopped};
use portleased::processes::{Processes, SystemProcesses};

use crate::{
    args::StopArgs,
    exit::{Exit, Failure},
    output, start,
};

/// A process to stop, and a socket by which it is known.
struct Target<'a> {
    holder: &'a PortHolder,
    pid: u32,
    inode: u64,
}

pub(crate) async fn stop(paths: &Paths, args: &StopArgs) -> Result<(), Failure> {
    let report = start::ask(paths, async |client| client.port(args.port).await).await?;
    let targets = targets(&report)?;
    check_ancestors(&targets, &SystemProcesses.ancestors(std::process::id()))?;
    consent(args, &targets)?;
    let signal = if args.kill { StopSignal::Kill } else { StopSignal::Term };
    let mut outcomes = Vec::new();
    for Target { pid, inode, .. } in &targets {
        let request = StopRequest { pid: *pid, inode: *inode, signal };
        // Asked twice, it would say that what was seen is no longer so.
        outcomes.push(start::connect(paths).await?.stop(args.port, &request).await?);
    }
    for (target, outcome) in targets.iter().zip(&outcomes) {
        tell(args, target, outcome);
    }
    settle(args, &outcomes)
}

/// The processes that keep the port from a server: those that listen, or those
/// that are bound to it if none does.
fn targets(report: &PortReport) -> Result<Vec<Target<'_>>, Failure> {
    let port = report.port;
    let in_state = |state| report.sockets.iter().filter(move |socket| socket.state == state);
    let mut serving: Vec<_> = in_state(SocketState::Listening).collect();
    if serving.is_empty() {
        serving = in_state(SocketState::Bound).collect();
    }
    if serving.is_empty() {
        let what = if report.sockets.is_empty() { "is on" } else { "listens on" };
        return Err(Failure::new(Exit::Failed, format!("nothing {what} port {port}"))
            .hint(format!("see what is: portlease who {port}")));
    }
    let mut targets: Vec<Target<'_>> = Vec::new();
    for socket in &serving {
        let (Some(pid), Some(inode)) = (socket.pid, socket.inode) else { continue };
        let holder = report.holders.iter().find(|holder| holder.process.pid == Some(pid));
        let known = targets.iter().any(|target| target.pid == pid);
        targets.extend(holder.filter(|_| !known).map(|holder| Target { holder, pid, inode }));
    }
    if targets.is_empty() {
        return Err(unseen(report));
    }
    Ok(targets)
}

/// Nobody that could be stopped is in sight.
fn unseen(report: &PortReport) -> Failure {
    let port = report.port;
    let holder = report.holders.iter().find(|holder| holder.process.pid.is_none());
    let user = holder.and_then(|holder| holder.process.user.as_deref()).unwrap_or("unknown");
    let message = format!("port {port} is held by a process that cannot be seen (user {user})");
    let guess = holder.and_then(|holder| holder.remarks.get(1));
    Failure::new(Exit::Failed, message).hint(match guess {
        Some(guess) => guess.clone(),
        None => format!("see which it is: sudo ss -lpn 'sport = :{port}'; then: sudo kill PID"),
    })
}

/// The daemon cannot know what this command runs under.
fn check_ancestors(targets: &[Target<'_>], ancestors: &[u32]) -> Result<(), Failure> {
    match targets.iter().find(|target| ancestors.contains(&target.pid)) {
        None => Ok(()),
        Some(target) => {
            let message = format!("this command runs under {}: that is not stopped", target.holder.process);
            Err(Failure::new(Exit::Failed, message).hint("stop it from another terminal"))
        }
    }
}

/// Shows what is about to be stopped, and asks.
fn consent(args: &StopArgs, targets: &[Target<'_>]) -> Result<(), Failure> {
    for target in targets {
        output::holder(target.holder);
    }
    if args.yes {
        return Ok(());
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        let kill = if args.kill { " --kill" } else { "" };
        return Err(Failure::new(Exit::Usage, "nothing was stopped: there is nobody to ask")
            .hint(format!("portlease stop {}{kill} --yes", args.port)));
    }
    let what = if targets.len() == 1 { "it" } else { "them" };
    match output::ask(&format!("{} {what}?", if args.kill { "kill" } else { "stop" })) {
        true => Ok(()),
        false => Err(Failure::new(Exit::Failed, "nothing was stopped")),
    }
}

fn tell(args: &StopArgs, target: &Target<'_>, outcome: &Stopped) {
    if args.json {
        output::json(outcome);
    }
    let process = &target.holder.process;
    match outcome.ended {
        true => output::note(&format!("{process} has ended")),
        false => output::note(&format!("{process} got {} and goes on", outcome.signal)),
    }
}

fn settle(args: &StopArgs, outcomes: &[Stopped]) -> Result<(), Failure> {
    let port = args.port;
    if outcomes.iter().any(|outcome| !outcome.ended) {
        return Err(Failure::new(Exit::Failed, format!("port {port} is still in use"))
            .hint(format!("end it for sure: portlease stop {port} --kill")));
    }
    match outcomes.last().is_some_and(|outcome| outcome.free) {
        true => output::note(&format!("port {port} is free")),
        false => output::note(&format!("port {port} is not free yet: portlease who {port}")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use portlease_proto::{Holder, Port, Socket, Transport};

    use super::*;

    fn report(sockets: &[(SocketState, Option<u32>, u64)]) -> PortReport {
        let socket = |(state, pid, inode): &(SocketState, Option<u32>, u64)| Socket {
            transport: Transport::Tcp,
            address: "127.0.0.1".parse().unwrap(),
            dual_stack: None,
            state: *state,
            exposed: false,
            remote: None,
            queue: None,
            user: Some("root".to_owned()),
            inode: Some(*inode),
            pid: *pid,
        };
        let holder = |(_, pid, _): &(SocketState, Option<u32>, u64)| PortHolder {
            process: Holder { pid: *pid, user: Some("root".to_owned()), ..Holder::default() },
            ..PortHolder::default()
        };
        PortReport {
            port: Port::constant(3000),
            free: false,
            reason: None,
            excluded: None,
            sockets: sockets.iter().map(socket).collect(),
            holders: sockets.iter().map(holder).collect(),
            lease: None,
            well_known: None,
        }
    }

    #[track_caller]
    fn check(sockets: &[(SocketState, Option<u32>, u64)], expected: Result<&[(u32, u64)], &str>) {
        let report = report(sockets);
        match (targets(&report), expected) {
            (Ok(targets), Ok(expected)) => {
                let found: Vec<_> = targets.iter().map(|target| (target.pid, target.inode)).collect();
                assert_eq!(found, expected);
            }
            (Err(failure), Err(expected)) => assert_eq!(failure.message, expected),
            (Ok(_), Err(expected)) => panic!("found targets, not: {expected}"),
            (Err(failure), Ok(_)) => panic!("{}", failure.message),
        }
    }

    #[test]
    fn who_is_stopped() {
        use SocketState::{Bound, Connected, Listening};
        check(&[], Err("nothing is on port 3000"));
        check(&[(Connected, Some(7), 70)], Err("nothing listens on port 3000"));
        check(&[(Bound, Some(7), 70)], Ok(&[(7, 70)]));
        check(&[(Listening, Some(8), 80), (Bound, Some(7), 70), (Connected, Some(9), 90)], Ok(&[(8, 80)]));
        check(
            &[(Listening, Some(8), 80), (Listening, Some(8), 81), (Listening, Some(9), 90)],
            Ok(&[(8, 80), (9, 90)]),
        );
        check(&[(Listening, None, 80), (Listening, Some(9), 90)], Ok(&[(9, 90)]));
        let unseen = "port 3000 is held by a process that cannot be seen (user root)";
        check(&[(Listening, None, 80)], Err(unseen));
    }

    #[test]
    fn what_this_command_runs_under_is_not_stopped() {
        let report = report(&[(SocketState::Listening, Some(8), 80)]);
        let targets = targets(&report).unwrap();
        assert!(check_ancestors(&targets, &[9, 8, 1]).is_err());
        assert!(check_ancestors(&targets, &[9, 1]).is_ok());
    }
}
