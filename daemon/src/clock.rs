//! The one place that reads clocks.

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};

use rustix::time::ClockId;

/// An instant on both clocks: one to show, one to count with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Wall time, for people and for the store. It may jump.
    pub wall: SystemTime,
    /// Time since the machine started, suspend included. It never jumps.
    pub boot: Duration,
    /// Time since the machine started, without the time that it was suspended:
    /// what a lease's TTL is counted in, because who sleeps cannot renew.
    pub awake: Duration,
    /// Which start of the machine `boot` and `awake` count from.
    pub boot_id: BootId,
}

/// One start of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub u128);

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Now;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    fn now(&self) -> Now {
        Now {
            wall: SystemTime::now(),
            boot: of_machine(read(WITH_SUSPEND), ahead().boot),
            awake: of_machine(read(WITHOUT_SUSPEND), ahead().awake),
            boot_id: boot_id(),
        }
    }
}

#[cfg(target_os = "linux")]
const WITH_SUSPEND: ClockId = ClockId::Boottime;
#[cfg(target_os = "linux")]
const WITHOUT_SUSPEND: ClockId = ClockId::Monotonic;
// On macOS CLOCK_MONOTONIC is the one that goes on during sleep, and the other
// (CLOCK_UPTIME_RAW) is not one that rustix knows.
#[cfg(not(target_os = "linux"))]
const WITH_SUSPEND: ClockId = ClockId::Monotonic;
#[cfg(not(target_os = "linux"))]
const WITHOUT_SUSPEND: ClockId = ClockId::Monotonic;

fn read(clock: ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// How far the clocks of this process's time namespace are ahead of the
/// machine's, in nanoseconds. The registry may have been written in another
/// namespace, so what is kept counts by the machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ahead {
    boot: i128,
    awake: i128,
}

fn ahead() -> Ahead {
    static READ: OnceLock<Ahead> = OnceLock::new();
    *READ.get_or_init(|| {
        Ahead::parse(&std::fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default())
    })
}

impl Ahead {
    /// time_namespaces(7): a line for each clock, its seconds and nanoseconds.
    fn parse(text: &str) -> Self {
        let of = |clock: &str| {
            let mut words = text
                .lines()
                .map(str::split_whitespace)
                .find_map(|mut line| (line.next() == Some(clock)).then_some(line))?;
            let (seconds, nanos): (i128, i128) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some(seconds * 1_000_000_000 + nanos)
        };
        Self { boot: of("boottime").unwrap_or(0), awake: of("monotonic").unwrap_or(0) }
    }
}

fn of_machine(time: Duration, ahead: i128) -> Duration {
    let nanos = i128::try_from(time.as_nanos()).unwrap_or(i128::MAX).saturating_sub(ahead);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// When a process started, in clock ticks (100 a second) since the machine
/// did, given what `/proc/PID/stat` says in this time namespace.
#[cfg(target_os = "linux")]
pub(crate) fn start_on_machine(ticks: u64) -> u64 {
    let ahead = i64::try_from(ahead().boot / 10_000_000).unwrap_or(0);
    ticks.saturating_add_signed(-ahead)
}

/// proc(5), `/proc/sys/kernel/random/boot_id`. Where there is none, every
/// start of the machine looks the same.
fn boot_id() -> BootId {
    static READ: OnceLock<BootId> = OnceLock::new();
    *READ.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        BootId(uuid::Uuid::parse_str(text.trim()).map_or(0, |id| id.as_u128()))
    })
}

/// The processor time that this process has taken.
#[must_use]
pub fn taken() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// Measures how long something takes; only to be told, never to decide by.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since then; a suspended machine may or may not count.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// RFC 3339 in UTC with milliseconds, as the API writes every time.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn one_start_of_the_machine_has_one_id() {
        let [first, second] = [SystemClock.now(), SystemClock.now()];
        assert_ne!(first.boot_id, BootId(0));
        assert_eq!(first.boot_id, second.boot_id);
        assert!(first.awake <= second.awake && first.awake <= second.boot);
    }

    #[test]
    fn a_time_namespace_moves_nothing() {
        let ahead = Ahead::parse("monotonic           5         0\nboottime         -100         7\n");
        assert_eq!(ahead, Ahead { boot: -99_999_999_993, awake: 5_000_000_000 });
        assert_eq!(Ahead::parse(""), Ahead::default());
        assert_eq!(of_machine(Duration::from_secs(8), ahead.awake), Duration::from_secs(3));
        assert_eq!(of_machine(Duration::from_nanos(7), ahead.boot), Duration::from_secs(100));
    }

    #[test]
    fn times_are_written_in_utc() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_792_000_000_123);
        assert_eq!(rfc3339(time), "2026-10-14T17:46:40.123Z");
    }
}
