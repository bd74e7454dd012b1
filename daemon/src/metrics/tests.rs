//! What is counted where, and what Prometheus reads of it.

use std::time::Duration;

use portlease_proto::{Change, GetRequest, Lease, Port, Protocol};

use super::*;
use crate::{
    doubles::Doubles,
    registry::LeaseKey,
    sockets::{Leftovers, SocketError},
};

const PORT: Port = Port::constant(20_000);

/// The value of a sample.
fn value(text: &str, sample: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

#[test]
fn every_probe_and_every_commit_is_measured_whatever_comes_of_it() {
    let doubles = Doubles::default();
    let metrics = Metrics::default();
    let sockets = metrics.sockets(doubles.sockets.clone());
    sockets.probe(PORT, Protocol::Both, Leftovers::Ignored).unwrap();
    doubles.sockets.kernel().fails = Some(|| SocketError::Garbled("a test"));
    sockets.probe(PORT, Protocol::Both, Leftovers::Ignored).unwrap_err();
    let mut store = metrics.store(Box::new(Arc::clone(&doubles.store)));
    doubles.store.fail_after(2);
    for _ in 0..2 {
        store.commit(&[]).unwrap();
    }
    store.commit(&[]).unwrap_err();

    let text = metrics.text(&States::default());
    assert_eq!(value(&text, "portlease_probe_seconds_count"), Some(2.0), "{text}");
    assert_eq!(value(&text, "portlease_store_commit_seconds_count"), Some(3.0), "{text}");
    for name in ["probe", "store_commit"] {
        let bucket = |end: &str| value(&text, &format!("portlease_{name}_seconds_bucket{{le=\"{end}\"}}"));
        assert!(bucket("0.000001").is_some() && bucket("1") == bucket("+Inf"), "{text}");
    }
}

#[test]
fn every_state_is_there_even_without_leases() {
    let metrics = Metrics::default();
    for (states, expected) in [(States::default(), [0.0; 5]), (States::unknown(7), [0.0, 0.0, 0.0, 0.0, 7.0])]
    {
        let text = metrics.text(&states);
        let found = States::ALL.map(|state| value(&text, &format!("portlease_leases{{state=\"{state}\"}}")));
        assert_eq!(found, expected.map(Some));
    }
}

#[test]
fn grants_and_what_it_is_are_told() {
    let metrics = Metrics::default();
    let text = metrics.text(&States::default());
    assert_eq!(value(&text, "portlease_grants_total"), Some(0.0));
    let key = LeaseKey { project: "myapp".parse().unwrap(), service: "web".parse().unwrap() };
    let lease = Doubles::default().manager().get(&key, &GetRequest::default()).unwrap().lease;
    let granted = |created, changed| Granted { lease: Lease { changed, ..lease.clone() }, created };
    let moved = Change { from: PORT, to: Port::constant(20_001), because: "a test".to_owned() };
    metrics.granted(&[granted(true, None), granted(false, None), granted(false, Some(moved))]);
    let text = metrics.text(&States::default());
    assert_eq!(value(&text, "portlease_grants_total"), Some(2.0));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(value(&text, &format!("portlease_build_info{{version=\"{version}\"}}")), Some(1.0));
    assert!(value(&text, "portlease_uptime_seconds").unwrap() >= 0.0);
}

#[test]
#[ignore = "a measurement, to be read: cargo test --release -p portleased --lib cost -- --ignored --nocapture"]
fn cost() {
    const ROUNDS: u32 = 1_000_000;
    let metrics = Metrics::default();
    let time = Stopwatch::start();
    for _ in 0..ROUNDS {
        let inner = Stopwatch::start();
        metrics.probes.observe(inner.elapsed().as_secs_f64());
    }
    let each = time.elapsed() / ROUNDS;
    println!("{each:?} for each measured call");
    assert!(each < Duration::from_micros(1));
}
