//! Whether a lease could be granted at this moment.

use portlease_proto::{API_PORT, Protocol};

use super::{Error, Manager};

impl Manager {
    /// Asks the kernel one question and the store whether it would save. Waits
    /// for the disk when that is nearly full.
    ///
    /// # Errors
    /// [`Error::Sockets`], [`Error::Store`]: what is missing.
    pub fn ready(&self) -> Result<(), Error> {
        // Any port would do. A look-up, and no probe: that would bind, and be in
        // the way of whoever binds just then.
        self.edges.sockets.look_up(API_PORT, Protocol::Both).map_err(Error::Sockets)?;
        let mut inner = self.lock();
        match inner.store.check() {
            // The next commit writes it anew, so this one does.
            Err(crate::store::StoreError::Gone) => Ok(inner.rewrite()?),
            checked => Ok(checked?),
        }
    }
}
