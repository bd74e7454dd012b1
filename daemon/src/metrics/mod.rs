//! What the daemon counts and measures, and how Prometheus reads it. No label
//! holds anything that a caller wrote.

mod measured;

use std::sync::{Arc, LazyLock};

use portlease_proto::{Lease, LeaseState};
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
    core::Collector, proto::MetricFamily,
};

pub use measured::Measured;

use crate::{clock::Stopwatch, manager::Granted, sockets::Sockets, store::Store};

/// The format that [`Metrics::text`] is in.
pub const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The upper ends of the buckets, in seconds: 1 µs to 1 s.
const BUCKETS: [f64; 19] = [
    1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1,
    0.25, 0.5, 1.0,
];

/// An answer is made in places that know nothing of the daemon around them,
/// so these are the process's.
static REFUSALS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let opts = Opts::new("portlease_refusals_total", "Answers of problem+json, by their code.");
    good(IntCounterVec::new(opts, &["code"]))
});

/// Counts an answer of problem+json.
pub(crate) fn refused(code: &str) {
    REFUSALS.with_label_values(&[code]).inc();
}

/// What one daemon counts and measures.
pub struct Metrics {
    registry: Registry,
    started: Stopwatch,
    grants: IntCounter,
    asked: IntCounterVec,
    probes: Histogram,
    commits: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        let grants = "Ports granted: new leases, and leases that moved to another port.";
        let metrics = Self {
            started: Stopwatch::start(),
            grants: good(IntCounter::new("portlease_grants_total", grants)),
            asked: good(IntCounterVec::new(
                Opts::new(
                    "portlease_port_server_requests_total",
                    "Requests for a port by a foreign protocol.",
                ),
                &["protocol", "outcome"],
            )),
            probes: seconds(
                "portlease_probe_seconds",
                "How long the kernel took to say whether a port is free.",
            ),
            commits: seconds("portlease_store_commit_seconds", "How long the store took to save a change."),
            registry,
        };
        let all: [Box<dyn Collector>; 5] = [
            Box::new(REFUSALS.clone()),
            Box::new(metrics.grants.clone()),
            Box::new(metrics.asked.clone()),
            Box::new(metrics.probes.clone()),
            Box::new(metrics.commits.clone()),
        ];
        for collector in all {
            good(metrics.registry.register(collector));
        }
        metrics
    }
}

impl Metrics {
    /// `sockets`, with its probes measured.
    pub fn sockets(&self, sockets: Arc<dyn Sockets>) -> Measured<Arc<dyn Sockets>> {
        Measured::new(sockets, self.probes.clone())
    }

    /// `store`, with its commits measured.
    pub fn store(&self, store: Box<dyn Store>) -> Measured<Box<dyn Store>> {
        Measured::new(store, self.commits.clone())
    }

    /// Counts the ports that were granted, and not those that were there.
    pub fn granted(&self, granted: &[Granted]) {
        let new = granted.iter().filter(|granted| granted.created || granted.lease.changed.is_some());
        self.grants.inc_by(new.count() as u64);
    }

    /// Counts what was asked for by a foreign protocol, and what came of it.
    pub(crate) fn asked(&self, protocol: &'static str, outcome: &'static str) {
        self.asked.with_label_values(&[protocol, outcome]).inc();
    }

    /// Everything, in the text format of Prometheus; `leases` are those of
    /// this moment, by their state.
    pub fn text(&self, leases: &States) -> String {
        let mut families = self.registry.gather();
        families.extend(leases.families());
        families.extend(self.about());
        let text = TextEncoder::new().encode_to_string(&families);
        // The encoder fails on a family without samples, and there is none.
        text.unwrap_or_default()
    }

    fn about(&self) -> Vec<MetricFamily> {
        let version = Opts::new("portlease_build_info", "The version of the daemon; always 1.");
        let build = good(IntGaugeVec::new(version, &["version"]));
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let uptime = good(prometheus::Gauge::new("portlease_uptime_seconds", "How long the daemon runs."));
        uptime.set(self.started.elapsed().as_secs_f64());
        [build.collect(), uptime.collect()].concat()
    }
}

/// How many leases are in each state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct States([i64; 5]);

impl States {
    const ALL: [LeaseState; 5] =
        [LeaseState::Reserved, LeaseState::Bound, LeaseState::Taken, LeaseState::Stale, LeaseState::Unknown];

    /// Counts leases.
    #[must_use]
    pub fn of(leases: &[Lease]) -> Self {
        let count = |state| leases.iter().filter(|lease| lease.state == state).count();
        Self(Self::ALL.map(|state| i64::try_from(count(state)).unwrap_or(i64::MAX)))
    }

    /// So many leases whose state cannot be told: the kernel does not answer.
    #[must_use]
    pub fn unknown(leases: usize) -> Self {
        Self([0, 0, 0, 0, i64::try_from(leases).unwrap_or(i64::MAX)])
    }

    fn families(&self) -> Vec<MetricFamily> {
        let help = "Leases by what is on their ports; unknown when the sockets cannot be read.";
        let gauge = good(IntGaugeVec::new(Opts::new("portlease_leases", help), &["state"]));
        for (state, count) in Self::ALL.iter().zip(self.0) {
            gauge.with_label_values(&[state.as_str()]).set(count);
        }
        gauge.collect()
    }
}

fn seconds(name: &str, help: &str) -> Histogram {
    good(Histogram::with_opts(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec())))
}

#[expect(clippy::expect_used, reason = "names and labels are fixed, well-formed and distinct")]
fn good<T>(made: prometheus::Result<T>) -> T {
    made.expect("a well-formed metric")
}

#[cfg(test)]
mod tests;
