//! Programs that come to ports of the pool without asking anybody.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::WINDOW;
use crate::{
    clock,
    torture::{daemon::POOL, random::Random},
};

const AT: [&str; 4] = ["127.0.0.1", "0.0.0.0", "::1", "::"];
/// How many ports one of them has at a time.
const HELD: usize = 8;

/// Which ports they have, as far as they have told.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    /// Since when each is bound, and until when if it no longer is.
    ports: Mutex<BTreeMap<u16, (Instant, Option<Instant>)>>,
}

impl Strangers {
    fn ports(&self) -> MutexGuard<'_, BTreeMap<u16, (Instant, Option<Instant>)>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a port was theirs from before then until now: nobody may have
    /// been given it meanwhile (promise G).
    pub(crate) fn has_had(&self, port: u16, since: Instant) -> bool {
        self.ports().get(&port).is_some_and(|(begun, ended)| *begun < since && ended.is_none())
    }

    /// Whether a port was theirs within this time: then a lease may have moved.
    pub(crate) fn had(&self, port: u16, within: Duration) -> bool {
        let ports = self.ports();
        ports.get(&port).is_some_and(|(_, ended)| ended.is_none_or(|ended| ended.elapsed() < within))
    }

    /// Comes and goes until told to stop.
    pub(crate) fn come_and_go(&self, mut random: Random, stop: &AtomicBool) {
        let mut held: Vec<(u16, TcpListener)> = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let port = POOL.0 + u16::try_from(random.below(WINDOW)).unwrap_or(0);
            let at = random.one(&AT).copied().unwrap_or("127.0.0.1");
            if let Ok(listener) = TcpListener::bind((at, port)) {
                self.ports().insert(port, (clock::now(), None));
                held.push((port, listener));
            }
            if held.len() > HELD {
                let (port, listener) = held.swap_remove(random.below(held.len()));
                // Told before it is so: what is thought to be theirs must be.
                if let Some(entry) = self.ports().get_mut(&port) {
                    entry.1 = Some(clock::now());
                }
                drop(listener);
            }
            clock::pause(Duration::from_millis(2));
        }
        for (port, _) in &held {
            if let Some(entry) = self.ports().get_mut(port) {
                entry.1 = Some(clock::now());
            }
        }
    }
}
