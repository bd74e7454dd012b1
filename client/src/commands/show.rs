//! `portlease show`

use portlease_proto::{Leases, Paths};

use super::{settled::settled, whose::whose};
use crate::{args::ShowArgs, exit::Failure, output, start};

pub(crate) async fn show(paths: &Paths, args: &ShowArgs) -> Result<(), Failure> {
    let whose = whose(&args.names, &[], "show")?;
    let (project, service) = (settled(paths, &whose).await?, whose.service);
    if let Some(service) = &service {
        let lease = start::ask(paths, async |client| client.show(&project, service).await).await?;
        if args.json {
            output::json(&lease);
        } else {
            output::lease(&lease);
        }
        return Ok(());
    }
    let leases = start::ask(paths, async |client| client.list(Some(&project)).await).await?;
    if args.json {
        output::json(&Leases { leases });
        return Ok(());
    }
    for (i, lease) in leases.iter().enumerate() {
        if i > 0 {
            output::value("");
        }
        output::lease(lease);
    }
    Ok(())
}
