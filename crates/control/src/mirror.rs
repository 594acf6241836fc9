//! The whole state in memory, kept by one watch on the store.
//!
//! Reads, long polls and the hub are served from here. A change is applied under a short write lock, then those
//! whom it concerns are woken, then the revision is published. A caller that wrote at revision R waits for R first,
//! so everybody reads their own writes.

mod delta;
mod follow;
mod log;
mod state;
#[cfg(test)]
mod tests;
mod wakes;

use std::sync::Arc;
use std::time::Duration;

use nines_model::{ConfigKey, InstanceKey, Interest, ResourceKey, Revision};
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::error::{Error, Result};
use wakes::Wakes;

pub use delta::{Delta, Item};
pub use follow::{Follow, RECENT_SUBJECTS};
pub use state::{Document, Entry, Liveness, Orphan, Published, Service, State};
pub use wakes::Watcher;

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Instance(InstanceKey),
    Resource(ResourceKey),
    Config(ConfigKey),
}

/// A handle on the mirror; clones share it.
#[derive(Debug, Clone)]
pub struct Mirror(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: RwLock<State>,
    revision: watch::Sender<Revision>,
    filled: watch::Sender<bool>,
    wakes: Arc<Wakes>,
}

impl Default for Mirror {
    fn default() -> Self {
        Self(Arc::new(Shared {
            state: RwLock::new(State::empty()),
            revision: watch::Sender::new(0),
            filled: watch::Sender::new(false),
            wakes: Arc::new(Wakes::default()),
        }))
    }
}

impl Mirror {
    /// A mirror of nothing; [`Follow::run`] fills it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The revision it has reached; 0 before the first listing.
    pub fn revision(&self) -> Revision {
        *self.0.revision.borrow()
    }

    /// Looks at the state. The state does not move meanwhile: keep `look` short.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.0.state.read())
    }

    /// Waits for the first listing. Before that it is empty, which must never be taken for the state.
    pub async fn filled(&self) {
        let mut filled = self.0.filled.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        drop(filled.wait_for(|filled| *filled).await);
    }

    /// Waits until it has reached a revision.
    pub async fn reached(&self, revision: Revision) {
        let mut seen = self.0.revision.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        drop(seen.wait_for(|now| *now >= revision).await);
    }

    /// As [`Mirror::reached`], with a limit: the write at `revision` is done, only this server lags.
    pub async fn caught_up(&self, revision: Revision, limit: Duration) -> Result<()> {
        let lagging = |_| {
            Error::Lagging(format!(
                "revision {revision} is written, but this server has only seen {}; read again later",
                self.revision()
            ))
        };
        tokio::time::timeout(limit, self.reached(revision))
            .await
            .map_err(lagging)
    }

    /// A receiver that sees every revision it reaches.
    pub fn revisions(&self) -> watch::Receiver<Revision> {
        self.0.revision.subscribe()
    }

    /// Asks to be woken by what concerns `interest`.
    pub fn watch(&self, interest: Interest) -> Watcher {
        Watcher::new(self.0.wakes.clone(), interest)
    }

    /// What somebody who has applied `position` has yet to hear; `None` as a position asks for everything.
    pub fn delta(&self, interest: &Interest, position: Option<Revision>) -> Delta {
        self.read(|state| delta::delta(state, interest, position))
    }

    fn replace(&self, state: State) {
        let revision = state.revision();
        *self.0.state.write() = state;
        self.0.wakes.wake_all(revision);
        self.0.revision.send_replace(revision);
        self.0.filled.send_replace(true);
    }

    fn apply(&self, batch: &nines_store::WatchBatch, now: std::time::Instant) {
        let changed = self.0.state.write().apply(batch, now);
        self.0.wakes.wake(batch.revision, &changed);
        self.0.revision.send_replace(batch.revision);
    }
}
