//! Looks at the ports of leases all the time, so that whoever listens to the
//! events learns who came and who went.

use std::{future::pending, io, sync::Arc, time::Duration};

use crate::{
    events::Events,
    manager::{Error, Manager},
    readable::Readable,
    sockets::{Closed, Closings},
};

/// From one look to the next while somebody listens to the events.
const LISTENED_TO: Duration = Duration::from_millis(50);
/// The same while nobody does.
const AT_REST: Duration = Duration::from_millis(900);

/// From one look for the sake of closed listeners to the next, however many
/// there are.
const BREATH: Duration = Duration::from_millis(20);

/// Looks for as long as it runs.
pub async fn run(manager: Arc<Manager>, events: Arc<Events>) {
    let mut said = false;
    let departures = Departures::listen();
    if let Err(error) = &departures {
        tracing::debug!("who leaves a port is seen by looking alone: {error}");
    }
    loop {
        match look(&manager).await {
            Ok(()) => said = false,
            Err(error) if !said => {
                tracing::error!("who comes to the ports of leases cannot be seen: {error}");
                said = true;
            }
            Err(_) => {}
        }
        let pause = if events.streams() > 0 { LISTENED_TO } else { AT_REST };
        tokio::select! {
            // The kernel does not tell who begins to listen.
            () = sleep(pause) => {}
            () = departure(departures.as_ref().ok(), &manager) => {}
            () = events.stream_opened() => {}
        }
    }
}

/// What the kernel tells of listeners that were closed.
struct Departures {
    closings: Closings,
    bell: Readable,
}

impl Departures {
    fn listen() -> io::Result<Self> {
        let closings = Closings::listen()?;
        Ok(Self { bell: Readable::of(closings.bell()?)?, closings })
    }

    /// Waits until a listener on the port of a lease may have been closed.
    async fn one(&self, manager: &Manager) {
        sleep(BREATH).await;
        loop {
            match self.closings.read() {
                Closed::On(ports) if ports.is_empty() => self.bell.rings().await,
                Closed::On(ports) if ports.iter().any(|port| manager.has_lease_on(*port)) => return,
                // Those of other ports must not keep us busy, be they ever so many.
                Closed::On(_) => sleep(BREATH).await,
                Closed::Unknown => return,
            }
        }
    }
}

async fn departure(departures: Option<&Departures>, manager: &Manager) {
    match departures {
        Some(departures) => departures.one(manager).await,
        None => pending().await,
    }
}

async fn sleep(time: Duration) {
    #[expect(clippy::disallowed_methods, reason = "looking goes by time")]
    tokio::time::sleep(time).await;
}

async fn look(manager: &Arc<Manager>) -> Result<(), Error> {
    let changed = manager.glance()?;
    if changed.is_empty() {
        return Ok(());
    }
    let manager = manager.clone();
    // A panic there is in the log; the next look is another one.
    tokio::task::spawn_blocking(move || manager.look_closer(changed)).await.unwrap_or(Ok(()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use portlease_proto::{GetRequest, Port};

    use super::*;
    use crate::{doubles::Doubles, registry::LeaseKey};

    #[test]
    fn a_listener_that_leaves_the_port_of_a_lease_is_told_of_by_the_kernel() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let manager = Doubles::default().manager();
            let app = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = Port::new(app.local_addr().unwrap().port()).unwrap();
            let key = LeaseKey { project: "app".parse().unwrap(), service: "web".parse().unwrap() };
            let request = GetRequest { port: Some(port), force: true, ..GetRequest::default() };
            manager.get(&key, &request).unwrap();
            let departures = Departures::listen().unwrap();
            drop(TcpListener::bind("127.0.0.1:0").unwrap());
            drop(app);
            let told = tokio::time::timeout(Duration::from_secs(10), departures.one(&manager));
            told.await.expect("nobody said that it left");
        });
    }
}
