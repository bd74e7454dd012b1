//! Where the app really listens, looked at for a while after it began.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use portlease::{Client, Error};
use portlease_proto::{Lease, LeaseState, Paths, Port, ProjectLeases, ServiceName, SocketState};
use portleased::clock::Stopwatch;

use super::{
    notes::{App, elsewhere, exposed},
    plan::Plan,
};
use crate::{output, start};

/// For how long it is looked at.
const WHILE: Duration = Duration::from_secs(30);
/// How often.
const STEP: Duration = Duration::from_millis(250);
/// For how long an app is on another port before that is where it stays: many
/// open one for their own ends first.
const SETTLED: Duration = Duration::from_millis(1500);

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
    let mut strays: BTreeMap<ServiceName, (Port, Stopwatch)> = BTreeMap::new();
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
            if let Some(port) = listens(lease, &mut strays)
                && said.insert(port)
            {
                let _gone = tell(&mut client, plan, leases, lease, port).await;
            }
        }
    }
}

/// Where the app of a lease listens, once that is settled.
fn listens(lease: &Lease, strays: &mut BTreeMap<ServiceName, (Port, Stopwatch)>) -> Option<Port> {
    let Some(real) = lease.real_port else {
        strays.remove(&lease.service);
        return (lease.state == LeaseState::Bound).then_some(lease.port);
    };
    let since = match strays.get(&lease.service) {
        Some((port, since)) if *port == real => since.elapsed(),
        _ => {
            strays.insert(lease.service.clone(), (real, Stopwatch::start()));
            Duration::ZERO
        }
    };
    (since >= SETTLED).then_some(real)
}

/// What is to be said of a lease whose app listens on `port`.
async fn tell(
    client: &mut Client,
    plan: &Plan,
    leases: &ProjectLeases,
    lease: &Lease,
    port: Port,
) -> Result<(), Error> {
    let report = client.port(port).await?;
    let command = report.holders.iter().find_map(|holder| holder.process.command.as_deref());
    let variable = plan.variable(&lease.service, leases);
    let app = App { plan, lease, port, command: command.unwrap_or_default(), variable: variable.as_deref() };
    if port != lease.port {
        output::note(&elsewhere(&app));
    }
    let mut listening = report.sockets.iter().filter(|socket| socket.state == SocketState::Listening);
    if let Some(socket) = listening.find(|socket| socket.exposed) {
        output::note(&exposed(&app, socket.address));
    }
    Ok(())
}
