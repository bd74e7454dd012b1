//! A store without a file, which can be made to fail.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::{
    registry::{Change, Registry},
    store::{Durability, Store, StoreError},
};

/// A store without a file.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore(Mutex<Saved>);

/// What [`MemoryStore`] has saved.
#[derive(Debug, Default)]
struct Saved {
    registry: Registry,
    commits: Vec<Vec<Change>>,
    /// How many writes succeed before one fails.
    fails_after: Option<usize>,
    /// What it fails with; a row that makes no sense if nothing is said.
    failure: Option<fn() -> StoreError>,
    gone: bool,
}

impl Saved {
    fn may_write(&mut self) -> Result<(), StoreError> {
        match self.fails_after.take() {
            None => Ok(()),
            Some(0) => Err(self
                .failure
                .map_or_else(|| StoreError::Row("the test says so".to_owned()), |with| with())),
            Some(good) => {
                self.fails_after = Some(good - 1);
                Ok(())
            }
        }
    }
}

impl MemoryStore {
    fn inner(&self) -> MutexGuard<'_, Saved> {
        self.0.lock().unwrap()
    }

    /// Lets every commit wait until the answer is dropped.
    pub(crate) fn hang(&self) -> impl Sized + '_ {
        self.inner()
    }

    /// What a restarted daemon would load.
    pub(crate) fn saved(&self) -> Registry {
        self.inner().registry.clone()
    }

    /// Every commit that succeeded.
    pub(crate) fn commits(&self) -> Vec<Vec<Change>> {
        self.inner().commits.clone()
    }

    /// Lets `good` commits and rewrites succeed, and the one after them fail.
    pub(crate) fn fail_after(&self, good: usize) {
        self.inner().fails_after = Some(good);
    }

    /// The same, and it fails with this.
    pub(crate) fn fail_after_with(&self, good: usize, failure: fn() -> StoreError) {
        let mut saved = self.inner();
        (saved.fails_after, saved.failure) = (Some(good), Some(failure));
    }

    /// Takes the file away, with all that is in it.
    pub(crate) fn take_away(&self) {
        let mut saved = self.inner();
        saved.gone = true;
        saved.registry = Registry::default();
    }
}

impl Store for Arc<MemoryStore> {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut saved = self.inner();
        if saved.gone {
            return Err(StoreError::Gone);
        }
        saved.may_write()?;
        for change in changes {
            saved.registry.apply(change);
        }
        saved.commits.push(changes.to_vec());
        Ok(())
    }

    fn rewrite(&mut self, registry: &Registry) -> Result<(), StoreError> {
        let mut saved = self.inner();
        saved.may_write()?;
        saved.gone = false;
        saved.registry = registry.clone();
        Ok(())
    }

    fn in_place(&self) -> bool {
        !self.inner().gone
    }

    fn verify(&mut self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    // Memory survives nothing, one way or the other.
    fn set_durability(&mut self, _durability: Durability) -> Result<(), StoreError> {
        Ok(())
    }

    fn check(&mut self) -> Result<(), StoreError> {
        let mut saved = self.inner();
        if saved.gone {
            return Err(StoreError::Gone);
        }
        saved.may_write()
    }
}
