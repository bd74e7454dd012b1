//! A suite that ends, and leaves more leases than anybody should wait for.

use std::{num::NonZeroU32, time::Duration};

use portlease_proto::AnonymousRequest;

use super::*;
use crate::manager::life::AT_ONCE;

/// Leases of process 7: so many without a name, and one that has a name.
fn crowd(doubles: &Doubles, count: usize) -> Manager {
    let pool = "20000-20999".parse::<portlease_proto::PortRange>().unwrap();
    let manager = doubles.manager_with(Settings { pool: Pool::from(pool), ..Settings::default() });
    doubles.owners.begin(7);
    let owner_pid = NonZeroU32::new(7);
    let count = NonZeroU32::new(u32::try_from(count).unwrap());
    manager.get_anonymous(&AnonymousRequest { count, owner_pid, ..AnonymousRequest::default() }).unwrap();
    manager.lease("app/web", &GetRequest { owner_pid, ..any() });
    manager
}

#[test]
fn a_crowd_ends_a_part_at_a_time() {
    let doubles = Doubles::default();
    let manager = crowd(&doubles, 2 * AT_ONCE + 1);
    doubles.owners.end(7);
    assert_eq!(manager.expire().unwrap(), Some(Duration::ZERO), "there is more to be done at once");
    assert_eq!(manager.len(), AT_ONCE + 1);
    assert!(doubles.store.saved().all().all(|record| record.key.project.is_anonymous()), "names end first");
    assert_eq!(manager.expire().unwrap(), Some(Duration::ZERO));
    assert_eq!(manager.expire().unwrap(), None);
    assert!(manager.is_empty() && doubles.store.saved().is_empty() && manager.claimed().is_empty());
    assert!(doubles.owners.watched().is_empty());
}

#[test]
fn whoever_asks_meanwhile_waits_for_a_part_alone() {
    let doubles = Doubles::default();
    let manager = crowd(&doubles, 3 * AT_ONCE);
    doubles.owners.end(7);
    manager.lease("app/db", &any());
    assert_eq!(manager.len(), 2 * AT_ONCE + 1);
    // Nobody reads about a lease that is over, by its name.
    assert!(matches!(manager.show(&key("app/web")), Err(Error::NoSuchLease { .. })));

    // What a store that was away could not end is not forgotten.
    doubles.store.fail_after(0);
    assert!(manager.expire().is_err());
    while manager.expire().unwrap().is_some() {}
    assert_eq!(manager.len(), 1);
}
