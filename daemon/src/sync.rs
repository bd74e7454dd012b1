//! The locks that the manager's threads share. A test puts others in their
//! place, of which a scheduler of its own decides who gets them next.

#[cfg(not(feature = "shuttle"))]
pub(crate) use std::sync::{Mutex, MutexGuard, RwLock};

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock};
