//! `portlease renew`

use portlease_proto::{Paths, RenewRequest};

use super::{settled::settled, whose::whose};
use crate::{args::RenewArgs, exit::Failure, output, start};

pub(crate) async fn renew(paths: &Paths, args: RenewArgs) -> Result<(), Failure> {
    let whose = whose(&args.names, &[], "renew")?;
    let (project, service) = (settled(paths, &whose).await?, whose.service);
    let service = service.unwrap_or_default();
    let request = RenewRequest { ttl_s: args.ttl };
    let lease = start::ask(paths, async |client| client.renew(&project, &service, &request).await).await?;
    if args.json {
        output::json(&lease);
        return Ok(());
    }
    let until = match (&lease.expires_at, lease.owner_pid) {
        (Some(end), _) => format!("lives until {end}"),
        (None, Some(pid)) => format!("ends with process {pid}; there is nothing to renew"),
        (None, None) => "stays until it is released; there is nothing to renew".to_owned(),
    };
    output::note(&format!("{}/{} (port {}) {until}", lease.project, lease.service, lease.port));
    Ok(())
}
