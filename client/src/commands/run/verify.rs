//! Where the app really listens, looked at for a while after it began.

use std::{collections::BTreeSet, time::Duration};

use portlease::{Client, Error};
use portlease_proto::{Lease, LeaseState, Paths, Port, ProjectLeases, Socket, SocketState};
use portleased::{clock::Stopwatch, frameworks};

use super::plan::Plan;
use crate::{output, start};

/// For how long it is looked at.
const WHILE: Duration = Duration::from_secs(30);
/// How often.
const STEP: Duration = Duration::from_millis(250);

/// Says so if the app listens on another port than its own, or to other
/// machines. Quiet when all is well, and when the daemon is gone.
pub(super) async fn verify(paths: &Paths, plan: &Plan, leases: &ProjectLeases) {
    // An app that ran before is not the one that was started.
    let before: BTreeSet<Port> = leases
        .leases
        .iter()
        .filter(|lease| lease.state == LeaseState::Bound)
        .map(|lease| lease.port)
        .collect();
    let Ok(mut client) = start::connect(paths).await else { return };
    let mut said: BTreeSet<Port> = BTreeSet::new();
    let mut often = tokio::time::interval(STEP);
    let since = Stopwatch::start();
    while since.elapsed() < WHILE {
        often.tick().await;
        let Ok(now) = client.list(Some(&leases.project)).await else {
            // The daemon may have been restarted.
            let Ok(anew) = start::connect(paths).await else { return };
            client = anew;
            continue;
        };
        let own = now.iter().filter(|lease| plan.is_of(&lease.service) && !before.contains(&lease.port));
        for lease in own {
            let port = lease.real_port.unwrap_or(lease.port);
            let there = lease.state == LeaseState::Bound || lease.real_port.is_some();
            if there && said.insert(port) {
                let _gone = tell(&mut client, lease, port).await;
            }
        }
    }
}

/// What is to be said of a lease whose app listens on `port`.
async fn tell(client: &mut Client, lease: &Lease, port: Port) -> Result<(), Error> {
    let report = client.port(port).await?;
    let name = format!("{}/{}", lease.project, lease.service);
    let holder = report.holders.iter().find_map(|holder| holder.process.command.as_deref());
    let command = holder.unwrap_or_default();
    if port != lease.port {
        let option = frameworks::option_for(command, "{port}")
            .unwrap_or_else(|| "CMD with its option for the port, --port {port} or the like".to_owned());
        output::note(&format!(
            "{name} listens on {port} in place of its port {}: portlease run -- {option}",
            lease.port
        ));
    }
    let exposed = |socket: &&Socket| socket.exposed && socket.state == SocketState::Listening;
    if let Some(socket) = report.sockets.iter().find(exposed) {
        let fix = frameworks::loopback_fix(command, port);
        let fix = fix.map(|fix| format!("; to keep it to this one: {fix}")).unwrap_or_default();
        output::note(&format!(
            "{name} listens on {} port {port}, where other machines can reach it{fix}",
            socket.address
        ));
    }
    Ok(())
}
