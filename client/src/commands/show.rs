//! `portlease show`

use portlease_proto::{Leases, Paths};

use crate::{args::ShowArgs, exit::Failure, output, start};

pub(crate) async fn show(paths: &Paths, args: &ShowArgs) -> Result<(), Failure> {
    if let Some(service) = &args.service {
        let lease = start::ask(paths, async |client| client.show(&args.name, service).await).await?;
        if args.json {
            output::json(&lease);
        } else {
            output::lease(&lease);
        }
        return Ok(());
    }
    let leases = start::ask(paths, async |client| client.list(Some(&args.name)).await).await?;
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
