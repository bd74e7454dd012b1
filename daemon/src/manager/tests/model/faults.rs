//! Writes that fail, and a daemon that is killed in the middle of one.

use std::{
    sync::{Arc, Mutex},
    thread::{self, ThreadId},
};

use crate::{
    registry::{Change, Registry},
    store::{Durability, SqliteStore, Store, StoreError},
};

/// What becomes of the next writes. `S` is what a model saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Fault<S = ()> {
    #[default]
    None,
    /// The disk is full: all fail.
    Full,
    /// The daemon is killed before the first of them is saved.
    Before,
    /// The daemon is killed when the first of them is saved, and nobody is told.
    After,
    /// It was killed; perhaps something was saved just then.
    Dead(Option<S>),
}

/// A write that was not done, as far as one can tell.
pub(super) struct Failed;

impl<S> Fault<S> {
    /// What is saved now.
    pub(super) fn commit(&mut self, next: S) -> Result<S, Failed> {
        match std::mem::take(self) {
            Self::None => Ok(next),
            Self::Full => {
                *self = Self::Full;
                Err(Failed)
            }
            Self::Before => self.dead(None),
            Self::After => self.dead(Some(next)),
            Self::Dead(saved) => self.dead(saved),
        }
    }

    fn dead(&mut self, saved: Option<S>) -> Result<S, Failed> {
        *self = Self::Dead(saved);
        Err(Failed)
    }

    /// What was saved when it was killed, if that is how it ended. Afterwards
    /// nothing fails.
    pub(super) fn died(&mut self) -> Option<S> {
        match std::mem::take(self) {
            Self::Dead(saved) => saved,
            Self::None | Self::Full | Self::Before | Self::After => None,
        }
    }
}

/// A store that does what its fault says.
pub(super) struct Faulty<T> {
    pub(super) inner: T,
    pub(super) fault: Arc<Mutex<Fault>>,
    /// Whose write was saved, and not told of.
    pub(super) last: Arc<Mutex<Option<ThreadId>>>,
}

impl<T: Store> Store for Faulty<T> {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut fault = self.fault.lock().unwrap();
        let kills = *fault == Fault::After;
        if fault.commit(()).is_ok() {
            return self.inner.commit(changes);
        }
        if kills {
            self.inner.commit(changes)?;
            *self.last.lock().unwrap() = Some(thread::current().id());
        }
        Err(StoreError::Row("the test says so".to_owned()))
    }

    fn rewrite(&mut self, registry: &Registry) -> Result<(), StoreError> {
        self.inner.rewrite(registry)
    }

    fn in_place(&self) -> bool {
        self.inner.in_place()
    }

    fn check(&mut self) -> Result<(), StoreError> {
        self.inner.check()
    }

    fn verify(&mut self) -> Result<Option<String>, StoreError> {
        self.inner.verify()
    }

    fn set_durability(&mut self, durability: Durability) -> Result<(), StoreError> {
        self.inner.set_durability(durability)
    }
}

/// The store of a real daemon, with faults.
pub(super) type FaultyFile = Faulty<SqliteStore>;
