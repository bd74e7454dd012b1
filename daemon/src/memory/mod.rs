//! Memory at rest. Starting and answering read code that an idle daemon never
//! looks at again, and it stays in memory as long as nobody asks the kernel to
//! forget it. So a daemon that has come to rest does, once each time.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

use std::time::Duration;

#[cfg(target_os = "linux")]
pub use linux::give_back_code;
#[cfg(not(target_os = "linux"))]
pub use other::give_back_code;

/// Less than this in a stretch of ten seconds is rest: the daemon's own
/// housekeeping takes a fifth of it.
const LITTLE: Duration = Duration::from_millis(50);

/// Notices that the daemon comes to rest.
#[derive(Debug, Default)]
pub struct Rest {
    /// What the process had taken when this was last told.
    taken: Duration,
    rests: bool,
}

impl Rest {
    /// Told of all the processor time that the process has taken, every ten
    /// seconds or so. Whether it has just come to rest.
    pub fn comes(&mut self, taken: Duration) -> bool {
        let rests = taken.saturating_sub(self.taken) < LITTLE;
        let comes = rests && !self.rests;
        (self.taken, self.rests) = (taken, rests);
        comes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_comes_once_after_each_work() {
        let mut rest = Rest::default();
        let told =
            [(100, false), (110, true), (120, false), (165, false), (300, false), (349, true), (350, false)];
        for (taken, comes) in told {
            assert_eq!(rest.comes(Duration::from_millis(taken)), comes, "at {taken} ms");
        }
    }
}
