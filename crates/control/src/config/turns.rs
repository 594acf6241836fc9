//! Publishers of one item take turns, so that only other replicas make a transaction fail.

use std::hash::{BuildHasher, RandomState};

use nines_model::ConfigKey;
use tokio::sync::{Mutex, MutexGuard};

const STRIPES: usize = 64;

/// A fixed number of locks shared by all items.
#[derive(Debug)]
pub(super) struct Turns {
    hasher: RandomState,
    stripes: Vec<Mutex<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
        }
    }
}

impl Turns {
    /// Waits for the item's turn; it ends when the guard is dropped.
    pub(super) async fn take(&self, key: &ConfigKey) -> MutexGuard<'_, ()> {
        let stripe = self.hasher.hash_one(key) as usize % STRIPES;
        self.stripes[stripe].lock().await
    }
}
