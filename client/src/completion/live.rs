//! What is so at this moment: asked of a daemon that runs, and of the working
//! directory. A person waits at the keyboard: who does not answer at once is
//! not heard.

use std::{fs, time::Duration};

use portlease::{Client, Error};
use portlease_local::paths;
use portlease_proto::{Endpoint, Lease, Listener, Paths};

use super::candidates::Here;

/// For all questions together.
const PATIENCE: Duration = Duration::from_millis(150);

/// Every lease; none if they are not to be had.
pub(super) fn leases() -> Vec<Lease> {
    let mut leases = Vec::new();
    ask(async |client| {
        leases = client.list(None).await?;
        Ok(())
    });
    leases
}

/// The same, and what listens on this machine.
pub(super) fn leases_and_listeners() -> (Vec<Lease>, Vec<Listener>) {
    let (mut leases, mut listeners) = (Vec::new(), Vec::new());
    ask(async |client| {
        leases = client.list(None).await?;
        listeners = client.ports(false).await?;
        Ok(())
    });
    (leases, listeners)
}

/// The project of the working directory, and the services that it names.
pub(super) fn here() -> Here {
    let identity = std::env::current_dir()
        .ok()
        .and_then(|dir| portlease::identify(&dir, std::env::home_dir().as_deref()).ok().flatten());
    let Some(identity) = identity else { return Here::default() };
    let services = identity.manifest.iter().flat_map(|manifest| manifest.services.keys());
    Here {
        services: services.map(ToString::to_string).collect(),
        project: Some(identity.project.to_string()),
    }
}

fn ask(questions: impl AsyncFnOnce(&mut Client) -> Result<(), Error>) {
    let Some(paths) = paths::from_env().filter(runs) else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let _unheard = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, async { questions(&mut Client::connect(&paths).await?).await }).await
    });
    // Whatever still looks for the daemon is not waited for.
    runtime.shutdown_background();
}

/// Whether a daemon runs, by what it published. Where a service manager listens
/// in its place, to connect would be to start it.
fn runs(paths: &Paths) -> bool {
    let endpoint = fs::read(paths.endpoint()).ok();
    let endpoint = endpoint.and_then(|json| serde_json::from_slice::<Endpoint>(&json).ok());
    endpoint.is_some_and(|endpoint| is_daemon(endpoint.pid))
}

/// Not what got its number later, nor what has ended and was not yet waited for:
/// that has no program any more.
#[cfg(target_os = "linux")]
fn is_daemon(pid: u32) -> bool {
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let name = program.as_ref().and_then(|program| program.file_name());
    // portlease, portleased, or one that was replaced since: "portlease (deleted)".
    name.is_some_and(|name| name.as_encoded_bytes().starts_with(b"portlease"))
}

#[cfg(not(target_os = "linux"))]
fn is_daemon(pid: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid).is_ok())
}
