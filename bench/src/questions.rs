//! What is asked of portlease, prepared: for leases and for batches of them,
//! under the same names each time, so that cooling ports are in nobody's way.

use crate::{place::Place, wire};

/// Services in a batch.
const BATCH: usize = 16;

/// Requests for leases of projects of their own, and what ends them.
pub(crate) struct Questions {
    pub(crate) get: Vec<Vec<u8>>,
    pub(crate) release: Vec<Vec<u8>>,
}

impl Questions {
    /// For so many leases, of projects whose names begin alike.
    pub(crate) fn of_leases(place: &Place, names: &str, count: usize, keep_alive: bool) -> Self {
        let path = |index| format!("/v1/leases/{names}-{index}/web");
        let all = |method, body| {
            (0..count).map(|index| wire::http(place, method, &path(index), body, keep_alive)).collect()
        };
        Self { get: all("PUT", Some("{}")), release: all("DELETE", None) }
    }

    /// For so many batches of 16 leases.
    pub(crate) fn of_batches(place: &Place, names: &str, count: usize, keep_alive: bool) -> Self {
        let services: Vec<String> = (0..BATCH).map(|service| format!("\"s{service}\":{{}}")).collect();
        let body = format!("{{\"services\":{{{}}}}}", services.join(","));
        let all = |method, kind: &str, body: Option<&str>| {
            let path = |index| format!("/v1/{kind}/{names}-{index}");
            (0..count).map(|index| wire::http(place, method, &path(index), body, keep_alive)).collect()
        };
        Self { get: all("PUT", "projects", Some(&body)), release: all("DELETE", "leases", None) }
    }
}
