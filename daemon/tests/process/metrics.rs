//! The counts of one process: how often it refused, and why.

use crate::{daemon::Home, support::http::request};

#[test]
fn every_refusal_is_counted_by_its_code_also_at_the_door() {
    let home = Home::new();
    let mut daemon = home.start();
    for name in ["-a/web", "-b/web"] {
        assert_eq!(daemon.put(name).status, 422);
    }
    assert_eq!(daemon.ask("GET", "/v1/leases/nobody/web", "").status, 404);
    assert_eq!(daemon.ask("GET", "/nowhere-that-a-caller-wrote", "").status, 404);
    assert_eq!(daemon.ask("BREW", "/v1/health", "").status, 405);
    let mut tcp = crate::support::http::Connection::tcp(([127, 0, 0, 1], home.api()).into()).unwrap();
    tcp.send(request("GET", "/v1/health", ""));
    assert_eq!(tcp.answer().status, 403);

    let text = String::from_utf8(daemon.ask("GET", "/metrics", "").body).unwrap();
    let mut refusals: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("portlease_refusals_total")).collect();
    refusals.sort_unstable();
    assert_eq!(
        refusals,
        [
            "{code=\"forbidden_host\"} 1",
            "{code=\"invalid_name\"} 2",
            "{code=\"method_not_allowed\"} 1",
            "{code=\"no_such_lease\"} 1",
            "{code=\"not_found\"} 1",
        ]
    );
    assert!(!text.contains("nowhere"), "{text}");
}
