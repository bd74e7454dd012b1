//! One reading of the machine's listeners for all who ask at about the same
//! time: a page that asks in a loop must not keep the kernel walking its tables.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use super::{SocketDetail, SocketError, Sockets};
use crate::{clock::Clock, sync::Mutex};

/// How old a reading may be that is given again.
const FRESH: Duration = Duration::from_millis(30);

/// The last reading.
#[derive(Debug, Default)]
pub struct SharedListeners(Mutex<Option<(Duration, Arc<[SocketDetail]>)>>);

impl SharedListeners {
    /// The listeners as they are, or were a moment ago. Whoever asks while
    /// they are read waits for that reading. Slow.
    ///
    /// # Errors
    /// As [`Sockets::listeners`]; a failure is not shared.
    pub fn read(&self, sockets: &dyn Sockets, clock: &dyn Clock) -> Result<Arc<[SocketDetail]>, SocketError> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.now().boot;
        if let Some((read, listeners)) = last.as_ref()
            && now.saturating_sub(*read) < FRESH
        {
            return Ok(listeners.clone());
        }
        let listeners: Arc<[SocketDetail]> = sockets.listeners()?.into();
        *last = Some((now, listeners.clone()));
        Ok(listeners)
    }
}

#[cfg(test)]
mod tests {
    use portlease_proto::Port;

    use super::*;
    use crate::{doubles::Doubles, sockets::SocketError};

    #[test]
    fn a_reading_is_shared_for_a_moment() {
        let doubles = Doubles::default();
        let shared = SharedListeners::default();
        let count = || shared.read(doubles.sockets.as_ref(), doubles.clock.as_ref()).map(|all| all.len());
        assert_eq!(count().unwrap(), 0);
        doubles.stranger(Port::constant(3000));
        assert_eq!(count().unwrap(), 0);
        assert_eq!(doubles.sockets.kernel().asked.listeners, 1);
        doubles.clock.advance(FRESH);
        assert_eq!(count().unwrap(), 1);

        doubles.clock.advance(FRESH);
        doubles.sockets.kernel().fails = Some(|| SocketError::NotWhole("TCP"));
        assert!(count().is_err(), "an old reading does not stand in for one that failed");
        doubles.sockets.kernel().fails = None;
        assert_eq!(count().unwrap(), 1);
    }
}
