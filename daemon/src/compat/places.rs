//! Room for connections. Nobody who is idle keeps others out: when all places
//! are taken, the connection that has been there longest goes.

use std::collections::VecDeque;

use tokio::task::AbortHandle;

/// The connections at one place, the oldest first.
#[derive(Debug)]
pub(super) struct Places {
    open: VecDeque<AbortHandle>,
    most: usize,
}

impl Places {
    /// For so many, and at least one.
    pub(super) fn new(most: usize) -> Self {
        Self { open: VecDeque::new(), most: most.max(1) }
    }

    /// Takes a place for a connection. One is answered within a few
    /// microseconds of having asked, so the oldest one has not asked.
    pub(super) fn take(&mut self, connection: AbortHandle) {
        while self.open.front().is_some_and(AbortHandle::is_finished) {
            self.open.pop_front();
        }
        if self.open.len() >= self.most {
            self.open.retain(|connection| !connection.is_finished());
        }
        if self.open.len() >= self.most
            && let Some(oldest) = self.open.pop_front()
        {
            oldest.abort();
        }
        self.open.push_back(connection);
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinHandle;

    use super::*;

    #[tokio::test]
    async fn the_oldest_that_is_still_there_goes() {
        let mut places = Places::new(2);
        let idle = || tokio::spawn(std::future::pending::<()>());
        let (oldest, next) = (idle(), idle());
        places.take(oldest.abort_handle());
        places.take(next.abort_handle());
        let last = idle();
        places.take(last.abort_handle());
        tokio::task::yield_now().await;
        assert!(oldest.is_finished(), "nobody makes way");
        assert!(oldest.await.unwrap_err().is_cancelled());
        assert!(!next.is_finished() && !last.is_finished());

        // One that has ended makes room by itself.
        last.abort();
        assert!(ended(last).await);
        let another = idle();
        places.take(another.abort_handle());
        tokio::task::yield_now().await;
        assert!(!next.is_finished());
    }

    async fn ended(handle: JoinHandle<()>) -> bool {
        handle.await.is_err()
    }
}
