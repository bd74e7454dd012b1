//! `portlease list`

use portlease_proto::{Leases, Paths};

use crate::{args::ListArgs, exit::Failure, output, start};

pub(crate) async fn list(paths: &Paths, args: &ListArgs) -> Result<(), Failure> {
    let mut leases = start::ask(paths, async |client| client.list(None).await).await?;
    let all = leases.len();
    leases.retain(|lease| args.all || !lease.project.is_anonymous());
    let hidden = all - leases.len();
    if args.json {
        output::json(&Leases { leases });
        return Ok(());
    }
    if leases.is_empty() {
        output::note("no leases yet: portlease get NAME makes one");
    } else {
        output::leases(&leases);
    }
    if hidden > 0 {
        output::note(&format!("anonymous leases: {hidden}; --all lists them, too"));
    }
    Ok(())
}
