//! Leases with an end do not end under a running app.

use std::time::{Duration, SystemTime};

use portlease_proto::{Lease, Paths, ProjectLeases, RenewRequest};

use crate::start;

/// Shorter than a TTL by this: two renewals may fail.
const PART: u32 = 3;
/// What no TTL is shorter than.
const LEAST: Duration = Duration::from_millis(300);

/// Renews what ends, for as long as it is awaited.
pub(super) async fn keep(paths: &Paths, leases: &ProjectLeases) {
    let ending: Vec<&Lease> = leases.leases.iter().filter(|lease| lease.expires_at.is_some()).collect();
    let Some(shortest) = ending.iter().filter_map(|lease| ttl(lease)).min() else { return };
    let mut often = tokio::time::interval((shortest / PART).max(LEAST));
    loop {
        often.tick().await;
        for lease in &ending {
            // One that somebody released meanwhile stays so; a daemon that is
            // not there now may be there next time.
            let _next_time = start::ask(paths, async |client| {
                client.renew(&lease.project, &lease.service, &RenewRequest::default()).await
            })
            .await;
        }
    }
}

/// For how long a renewal is good.
fn ttl(lease: &Lease) -> Option<Duration> {
    let read = |text: &str| -> Option<SystemTime> { humantime::parse_rfc3339(text).ok() };
    read(lease.expires_at.as_deref()?)?.duration_since(read(&lease.renewed_at)?).ok()
}
