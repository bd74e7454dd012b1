//! A store for leases that end with the program.

use super::{Store, StoreError};
use crate::registry::{Change, Registry};

/// Saves nothing, on purpose.
#[derive(Debug, Clone, Copy)]
pub struct Unsaved;

impl Store for Unsaved {
    fn commit(&mut self, _changes: &[Change]) -> Result<(), StoreError> {
        Ok(())
    }

    fn rewrite(&mut self, _registry: &Registry) -> Result<(), StoreError> {
        Ok(())
    }

    fn in_place(&self) -> bool {
        true
    }

    fn check(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn verify(&mut self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    // Memory survives nothing, one way or the other.
    fn set_durability(&mut self, _durability: super::Durability) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_amiss_with_what_is_not_saved() {
        let mut store = Unsaved;
        assert!(store.commit(&[]).is_ok() && store.check().is_ok() && store.in_place());
        assert_eq!(store.verify().unwrap(), None);
    }
}
