//! What a service manager is told (sd_notify(3)): that the daemon answers, how
//! it is, and, again and again, that it lives. Where none listens, nothing is.

use std::{sync::Arc, time::Duration};

use portlease_proto::{Endpoint, Health};
use sd_notify::NotifyState;
use tokio::time::MissedTickBehavior;

use crate::{manager::Manager, status::Status};

/// How often it shows that it lives in the time that it is given for that.
const SIGNS: u32 = 3;

/// The API answers.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// No more is taken on.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what was asked")]);
}

/// The settings are read anew; [`ready`] ends that.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!("the service manager is not told of a reload: {error}"),
    }
}

/// Tells how the daemon is, when that changes, and that it lives, for as long
/// as it does. To be spawned on the event loop that serves.
pub async fn run(manager: Arc<Manager>, status: Arc<Status>) {
    let watchdog = sd_notify::watchdog_enabled().filter(|time| !time.is_zero());
    live(&manager, &status, watchdog, tell).await;
}

/// `told` is called from nowhere else than here: after the event loop has come
/// round, and with the lock on the leases just taken. Where either hangs, it
/// falls silent, as all requests do.
async fn live(
    manager: &Manager,
    status: &Status,
    watchdog: Option<Duration>,
    told: impl Fn(&[NotifyState<'_>]),
) {
    const NEVER: Duration = Duration::from_secs(u32::MAX as u64);
    let mut ticks = tokio::time::interval(watchdog.map_or(NEVER, |time| time / SIGNS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut moves, mut said) = (status.moves(), String::new());
    loop {
        tokio::select! {
            _tick = ticks.tick() => {}
            moved = moves.changed() => if moved.is_err() { return },
        }
        let text = describe(&status.health(manager.len()));
        if watchdog.is_some() {
            told(&[NotifyState::Watchdog]);
        }
        if text != said {
            told(&[NotifyState::Status(&text)]);
            said = text;
        }
    }
}

/// One line for `systemctl status`.
fn describe(health: &Health) -> String {
    let Health { leases, endpoint: Endpoint { url, port, .. }, wanted_port, .. } = health;
    let leases = match leases {
        1 => "1 lease".to_owned(),
        leases => format!("{leases} leases"),
    };
    match url {
        None => format!("{leases}; on the Unix socket alone: port {wanted_port} was not to be had"),
        Some(url) if port == &Some(*wanted_port) => format!("{leases}; {url}"),
        Some(url) => format!("{leases}; {url}, since port {wanted_port} is somebody else's"),
    }
}

/// That nobody listens is usual, and that somebody does not any more is theirs.
fn tell(news: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(news) {
        tracing::debug!("the service manager is not told {news:?}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Receiver, RecvTimeoutError, channel},
        thread,
        time::SystemTime,
    };

    use portlease_proto::{GetRequest, Port};

    use super::*;
    use crate::{doubles::Doubles, registry::LeaseKey};

    const WATCHDOG: Duration = Duration::from_millis(150);
    const PATIENCE: Duration = Duration::from_secs(20);

    fn key(service: &str) -> LeaseKey {
        LeaseKey { project: "app".parse().unwrap(), service: service.parse().unwrap() }
    }

    fn status() -> Arc<Status> {
        Arc::new(Status::new(SystemTime::UNIX_EPOCH, Port::constant(62893), Vec::new()))
    }

    /// Lives in a thread of its own until the test ends.
    fn living(manager: Arc<Manager>, status: Arc<Status>) -> Receiver<String> {
        let (sender, told) = channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let tell = |news: &[NotifyState<'_>]| {
                news.iter().for_each(|news| sender.send(news.to_string()).unwrap_or_default());
            };
            runtime.block_on(live(&manager, &status, Some(WATCHDOG), tell));
        });
        told
    }

    fn next_sign(told: &Receiver<String>) {
        while told.recv_timeout(PATIENCE).expect("a sign of life") != "WATCHDOG=1" {}
    }

    #[test]
    fn while_the_lock_on_leases_hangs_it_gives_no_sign_of_life() {
        let doubles = Doubles::default();
        let manager = Arc::new(doubles.manager());
        let told = living(manager.clone(), status());
        next_sign(&told);
        next_sign(&told);

        let disk = doubles.store.hang();
        let getting = {
            let manager = manager.clone();
            thread::spawn(move || manager.get(&key("web"), &GetRequest::default()).map(|_| ()))
        };
        // Signs under way before the commit hung may still come; then none may.
        let silent = (0..20).any(|_| told.recv_timeout(WATCHDOG * 2) == Err(RecvTimeoutError::Timeout));
        assert!(silent, "it gives signs of life, and nobody gets a lease");
        assert!(!getting.is_finished(), "the commit went through");
        drop(disk);
        next_sign(&told);
        getting.join().unwrap().unwrap();
    }

    #[test]
    fn it_says_how_many_leases_and_where_when_that_changes() {
        let (manager, status) = (Arc::new(Doubles::default().manager()), status());
        let told = living(manager.clone(), status.clone());
        let says = |wanted: &str| {
            let said = (0..100).any(|_| told.recv_timeout(PATIENCE).expect(wanted) == wanted);
            assert!(said, "never: {wanted}");
        };
        says("STATUS=0 leases; on the Unix socket alone: port 62893 was not to be had");
        manager.get(&key("web"), &GetRequest::default()).unwrap();
        says("STATUS=1 lease; on the Unix socket alone: port 62893 was not to be had");
        status.moved_to(vec!["127.0.0.1:62894".parse().unwrap()], portlease_proto::Auth::User, None);
        says("STATUS=1 lease; http://127.0.0.1:62894, since port 62893 is somebody else's");
        status.moved_to(vec!["127.0.0.1:62893".parse().unwrap()], portlease_proto::Auth::User, None);
        manager.get(&key("db"), &GetRequest::default()).unwrap();
        says("STATUS=2 leases; http://127.0.0.1:62893");
    }
}
