//! `portlease list`

use portlease_proto::{Leases, Paths};

use crate::{args::ListArgs, exit::Failure, output, start};

pub(crate) async fn list(paths: &Paths, args: &ListArgs) -> Result<(), Failure> {
    let leases = start::ask(paths, async |client| client.list(None).await).await?;
    if args.json {
        output::json(&Leases { leases });
    } else if leases.is_empty() {
        output::note("no leases yet: portlease get NAME makes one");
    } else {
        output::table(&leases);
    }
    Ok(())
}
