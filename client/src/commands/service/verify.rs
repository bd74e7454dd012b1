//! Whether the service answers, by both ways in.

use std::net::SocketAddr;

use portlease::{Address, Client};
use portlease_proto::{Health, Paths};

use super::line;
use crate::{
    exit::{Exit, Failure},
    output,
};

/// Asks the daemon that must have that pid, and says where it answers.
pub(super) async fn verify(paths: &Paths, pid: Option<u32>) -> Result<(), Failure> {
    let mut client = Client::connect(paths).await?;
    let health = client.health().await?;
    if !matches!(client.address(), Address::Unix(_)) {
        return Err(elsewhere(format!("nobody answers on {}", paths.socket().display())));
    }
    is_it(&health, pid)?;
    line("answers", &format!("on {}", paths.socket().display()));
    for address in &health.endpoint.addresses {
        over_tcp(paths, address, pid).await?;
        line("answers", &format!("on http://{address}"));
    }
    line("daemon", &format!("pid {}, version {}", health.endpoint.pid, health.endpoint.version));
    port(&health);
    health.notices.iter().for_each(|notice| output::note(notice));
    Ok(())
}

async fn over_tcp(paths: &Paths, address: &str, pid: Option<u32>) -> Result<(), Failure> {
    let address: SocketAddr =
        address.parse().map_err(|_| elsewhere(format!("the daemon's address {address} is none")))?;
    // Whose a listener is, a client can tell on Linux alone.
    if cfg!(target_os = "linux") {
        let mut client = Client::builder().paths(paths.clone()).tcp(address).connect().await?;
        is_it(&client.health().await?, pid)?;
    }
    Ok(())
}

fn is_it(health: &Health, pid: Option<u32>) -> Result<(), Failure> {
    match pid {
        Some(pid) if pid != health.endpoint.pid => Err(elsewhere(format!(
            "the service's process is {pid}, and another one answers ({})",
            health.endpoint.pid
        ))),
        _ => Ok(()),
    }
}

/// What there is to know about its TCP port.
fn port(health: &Health) {
    let wanted = health.wanted_port;
    if health.endpoint.port == Some(wanted) {
        return;
    }
    let holder = health.wanted_port_holder.as_ref().map(ToString::to_string);
    let held = holder.map_or_else(|| "is not to be had".to_owned(), |holder| format!("is held by {holder}"));
    let instead = match &health.endpoint.url {
        Some(url) => format!("the API is on {url} instead"),
        None => "the API is on its Unix socket alone".to_owned(),
    };
    output::note(&format!("port {wanted} {held}: {instead}, and goes back there when it is free"));
}

fn elsewhere(message: String) -> Failure {
    Failure::new(Exit::Failed, message).hint("see portlease service status, portlease service logs")
}
