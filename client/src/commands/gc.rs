//! `portlease gc`

use std::time::Duration;

use portlease_proto::{GcRequest, Lease, Paths};

use crate::{args::GcArgs, exit::Failure, output, start};

pub(crate) async fn gc(paths: &Paths, args: &GcArgs) -> Result<(), Failure> {
    let request = GcRequest { dry_run: !args.yes };
    let report = match args.yes {
        // Asked twice, it would tell of none.
        true => start::connect(paths).await?.gc(&request).await?,
        false => start::ask(paths, async |client| client.gc(&request).await).await?,
    };
    if args.json {
        output::json(&report);
        return Ok(());
    }
    let told = |lease: &Lease, what: &str| {
        let root = lease.root.as_deref().unwrap_or_default();
        output::note(&format!(
            "{}/{} (port {}, {root} is gone) {what}",
            lease.project, lease.service, lease.port
        ));
    };
    for lease in &report.leases {
        told(lease, if args.yes { "is reclaimed" } else { "can go" });
    }
    for waiting in &report.waiting {
        let left = output::rough(Duration::from_secs(waiting.left_s));
        told(&waiting.lease, &format!("is kept for {left} more"));
    }
    match (report.leases.is_empty(), args.yes) {
        (true, _) if report.waiting.is_empty() => output::note("nothing to reclaim: every root is there"),
        (false, false) => output::note("nothing was done yet: portlease gc --yes reclaims them"),
        _ => {}
    }
    Ok(())
}
