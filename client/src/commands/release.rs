//! `portlease release`

use portlease_proto::{Leases, Paths};

use crate::{args::ReleaseArgs, exit::Failure, output, start};

pub(crate) async fn release(paths: &Paths, args: &ReleaseArgs) -> Result<(), Failure> {
    let mut client = start::connect(paths).await?;
    let leases = match &args.service {
        Some(service) => vec![client.show(&args.name, service).await?],
        None => client.list(Some(&args.name)).await?,
    };
    client.release(&args.name, args.service.as_ref()).await?;
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
