//! Deleting the registrations of instances whose lease has ended.
//!
//! The one place where an expiry becomes a removal, so that protection against a mass loss has one place to sit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use nines_base::{Backoff, Clock, Rng};
use nines_model::{InstanceKey, Revision};
use nines_store::{Backend, Compare, MAX_OPS, Op, Store, Txn};
use prometheus_client::metrics::counter::Counter;

use super::CATCH_UP;
use crate::error::Result;
use crate::keys;
use crate::mirror::{Mirror, Orphan};

/// Each removal is two compares.
const PER_TXN: usize = MAX_OPS / 2;
/// Transactions in flight: they share the store's syncs.
const AT_ONCE: usize = 8;

const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(100),
    max: Duration::from_secs(5),
};

/// Deletes registrations without liveness. Several replicas may run it: each removal compares that the liveness is
/// still absent and the registration unchanged.
#[derive(Debug)]
pub struct Reaper {
    pub store: Backend,
    pub mirror: Mirror,
    pub clock: Clock,
    /// Registrations removed.
    pub expired: Counter,
}

type Batch = Vec<(InstanceKey, Revision)>;

impl Reaper {
    /// Never ends by itself.
    pub async fn run(self) {
        let mut rng = Rng::from_entropy();
        let mut failures = 0;
        let mut revisions = self.mirror.revisions();
        loop {
            revisions.mark_unchanged();
            let (batch, next) = self
                .mirror
                .read(|state| due(state.orphans(), self.clock.now(), PER_TXN * AT_ONCE));
            if batch.is_empty() {
                self.idle(&mut revisions, next).await;
                continue;
            }
            match self.reap(batch).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    let wait = BACKOFF.delay_at_least_half(failures, &mut rng);
                    failures += 1;
                    tracing::warn!(%error, retry_in = ?wait, "expired registrations could not be removed");
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Until the mirror moves or an orphan's grace ends.
    async fn idle(&self, revisions: &mut tokio::sync::watch::Receiver<Revision>, next: Option<Instant>) {
        let grace = async {
            match next {
                Some(next) => tokio::time::sleep(next.saturating_duration_since(self.clock.now())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = revisions.changed() => if changed.is_err() { std::future::pending().await },
            () = grace => {}
        }
    }

    async fn reap(&self, batch: Batch) -> Result<()> {
        let chunks = batch.chunks(PER_TXN).map(|chunk| self.reap_chunk(chunk.to_vec()));
        let revisions = try_join_all(chunks).await?;
        let newest = revisions.into_iter().max().unwrap_or_default();
        self.mirror.caught_up(newest, CATCH_UP).await
    }

    /// One transaction for all; where one of them came back meanwhile, halves until the others are gone.
    async fn reap_chunk(&self, chunk: Batch) -> Result<Revision> {
        let mut left = vec![chunk];
        let mut newest = 0;
        while let Some(mut chunk) = left.pop() {
            let done = self.store.txn(removal(&chunk)).await?;
            newest = newest.max(done.revision);
            if done.succeeded {
                self.expired.inc_by(chunk.len() as u64);
                report(&chunk);
            } else if chunk.len() > 1 {
                left.push(chunk.split_off(chunk.len() / 2));
                left.push(chunk);
            }
        }
        Ok(newest)
    }
}

/// At most `limit` orphans whose time has come, and the time of the next.
fn due(orphans: &BTreeMap<InstanceKey, Orphan>, now: Instant, limit: usize) -> (Batch, Option<Instant>) {
    let (ready, waiting): (Vec<_>, Vec<_>) = orphans.iter().partition(|(_, orphan)| orphan.after <= now);
    let next = waiting.iter().map(|(_, orphan)| orphan.after).min();
    let batch = ready
        .into_iter()
        .take(limit)
        .map(|(key, orphan)| (key.clone(), orphan.registered));
    (batch.collect(), next)
}

fn removal(batch: &[(InstanceKey, Revision)]) -> Txn {
    let compares = batch.iter().flat_map(|(key, registered)| {
        [
            Compare::Version(keys::liveness(key).into(), 0),
            Compare::ModRevision(keys::registration(key).into(), *registered),
        ]
    });
    Txn {
        compares: compares.collect(),
        then: batch
            .iter()
            .map(|(key, _)| Op::delete(keys::registration(key)))
            .collect(),
        otherwise: Vec::new(),
    }
}

fn report(batch: &[(InstanceKey, Revision)]) {
    if let [(key, _)] = batch {
        tracing::info!(instance = %key, "expired: its lease was not kept alive");
    } else if let Some((first, _)) = batch.first() {
        tracing::info!(count = batch.len(), %first, "expired: their lease was not kept alive");
    }
}
