//! `portlease release`

use portlease_proto::{Leases, Paths};

use super::{settled::settled, whose::whose};
use crate::{args::ReleaseArgs, exit::Failure, output, start};

pub(crate) async fn release(paths: &Paths, args: &ReleaseArgs) -> Result<(), Failure> {
    let whose = whose(&args.names, &[], "release")?;
    let (project, service) = (settled(paths, &whose).await?, whose.service);
    let (project, service) = (&project, service.as_ref());
    let leases = start::ask(paths, async |client| match service {
        Some(service) => Ok(vec![client.show(project, service).await?]),
        None => client.list(Some(project)).await,
    })
    .await?;
    // Asked twice, it would say that there is no such lease.
    start::connect(paths).await?.release(project, service).await?;
    if args.json {
        output::json(&Leases { leases });
        return Ok(());
    }
    for lease in leases {
        let running = match &lease.holder {
            Some(holder) => format!("; {holder} is still on it"),
            None => String::new(),
        };
        output::note(&format!("released {}/{} (port {}){running}", lease.project, lease.service, lease.port));
    }
    Ok(())
}
