//! Keeping the mirror: list, watch, list again when the watch is lost.

use std::time::Duration;

use nines_base::{Backoff, Clock, Rng};
use nines_model::Revision;
use nines_runtime::Health;
use nines_store::{Backend, KeyValue, Keys, Range, Store};

use super::Mirror;
use super::state::State;
use crate::error::Result;
use crate::keys;

/// Changes that the mirror remembers, so that a reconnecting subscriber gets only what it missed.
pub const RECENT_SUBJECTS: usize = 1 << 17;

/// The name of the readiness condition.
const CONDITION: &str = "mirror";

const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(50),
    max: Duration::from_secs(5),
};

/// How often names of services that are no more are forgotten, in batches.
const FORGET_EVERY: u64 = 4096;

/// Keeps a mirror.
#[derive(Debug)]
pub struct Follow {
    pub mirror: Mirror,
    pub store: Backend,
    pub clock: Clock,
    pub health: Health,
    /// How long registrations found without liveness at a listing are left alone: their owners may be about to
    /// come back after the same event that brought the listing about.
    pub grace: Duration,
    /// See [`RECENT_SUBJECTS`].
    pub recent: usize,
}

impl Follow {
    /// Never ends by itself; a lost watch is set up again, and readiness says so meanwhile.
    pub async fn run(self) {
        let mut rng = Rng::from_entropy();
        let mut failures = 0;
        self.health.not_ready(CONDITION, "reading the state for the first time");
        loop {
            let before = self.mirror.revision();
            let error = match self.follow().await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            failures = if self.mirror.revision() > before {
                0
            } else {
                failures + 1
            };
            let wait = BACKOFF.delay_at_least_half(failures, &mut rng);
            self.health
                .not_ready(CONDITION, format!("lost the watch on the store: {error}"));
            tracing::warn!(%error, retry_in = ?wait, revision = before, "the mirror lost its watch on the store");
            tokio::time::sleep(wait).await;
        }
    }

    async fn follow(&self) -> Result<std::convert::Infallible> {
        let revision = self.list().await?;
        let mut watch = self.store.watch(Keys::prefix(keys::ROOT), revision + 1).await?;
        self.health.ready(CONDITION);
        let mut batches: u64 = 0;
        loop {
            let batch = watch.next().await?;
            self.mirror.apply(&batch, self.clock.now());
            batches += 1;
            if batches.is_multiple_of(FORGET_EVERY) {
                self.mirror.0.state.write().forget();
            }
        }
    }

    /// Reads all areas as of one revision. History is not read: it may be a thousand times the rest.
    async fn list(&self) -> Result<Revision> {
        let mut at = None;
        let mut kvs: Vec<KeyValue> = Vec::new();
        for prefix in [
            keys::REGISTRATIONS,
            keys::LIVENESS,
            keys::OVERRIDES,
            keys::CONFIGS,
            keys::RESOURCES,
        ] {
            let mut range = Range::of(Keys::prefix(prefix));
            range.at = at;
            let found = self.store.range(range).await?;
            at = at.or(Some(found.revision));
            kvs.extend(found.kvs);
        }
        let revision = at.unwrap_or_default();
        let mut state = State::new(revision, self.recent);
        state.load(kvs, self.clock.now() + self.grace);
        self.mirror.replace(state);
        Ok(revision)
    }
}
