//! The hub: one stream for each subscriber, with everything it needs to hear.
//!
//! A subscriber has a position in the mirror's recent past and no queue. Whenever its stream accepts a message it gets
//! the newest state of what changed since its position, or everything when that is too long ago; so a slow subscriber
//! costs no memory and never works off a backlog. It acknowledges what it has applied; a drain waits for that.

mod census;
mod cursor;
mod encode;
mod grpc;
mod metrics;
mod receipts;
mod stream;
mod subscriber;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nines_base::Clock;
use nines_model::{Revision, ServiceKey};
use nines_runtime::Tasks;
use nines_store::History;
use parking_lot::RwLock;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::mirror::Mirror;

pub use census::{Running, SubscriberView};
pub use cursor::Cursor;
pub use grpc::Grpc;
pub use metrics::Metrics;
use subscriber::Subscriber;

/// Bounds and times of the hub.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Open subscriptions, at most.
    pub max_subscribers: usize,
    /// A subscriber that heard nothing for so long is told the revision, so that its resume point moves on.
    pub mark_every: Duration,
    /// A subscriber must say what it wants within this time.
    pub first_message: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_subscribers: 100_000,
            mark_every: Duration::from_secs(5),
            first_message: Duration::from_secs(10),
        }
    }
}

/// The hub; clones share it.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Config,
    mirror: Mirror,
    /// What the mirror's revisions count in.
    history: History,
    clock: Clock,
    tasks: Tasks,
    metrics: Metrics,
    subscribers: RwLock<HashMap<u64, Arc<Subscriber>>>,
    next: AtomicU64,
    /// Moves whenever somebody acknowledges, leaves or changes its interest.
    receipts: watch::Sender<()>,
}

/// How a wait for acknowledgements ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Everybody has acknowledged.
    pub complete: bool,
    /// Those who had not when the time was up.
    pub outstanding: usize,
}

impl Hub {
    pub fn new(config: Config, mirror: Mirror, history: History, clock: Clock, tasks: Tasks, metrics: Metrics) -> Self {
        Self(Arc::new(Shared {
            config,
            mirror,
            history,
            clock,
            tasks,
            metrics,
            subscribers: RwLock::default(),
            next: AtomicU64::new(0),
            receipts: watch::Sender::new(()),
        }))
    }

    /// Waits until everybody who follows the service has applied `revision` or has left. Whoever joins meanwhile and
    /// has not applied it yet is waited for as well: it may be one who has just reconnected.
    pub async fn drained(&self, service: &ServiceKey, revision: Revision, deadline: Instant) -> Drained {
        let mut receipts = self.0.receipts.subscribe();
        loop {
            receipts.mark_unchanged();
            let mut waiting = self.waiting_for(service, revision);
            if waiting.is_empty() {
                return Drained {
                    complete: true,
                    outstanding: 0,
                };
            }
            if !pass(&mut waiting, &mut receipts, deadline, |s| !s.lacks(service, revision)).await {
                return Drained {
                    complete: false,
                    outstanding: self.waiting_for(service, revision).len(),
                };
            }
        }
    }

    fn waiting_for(&self, service: &ServiceKey, revision: Revision) -> Vec<Arc<Subscriber>> {
        let subscribers = self.0.subscribers.read();
        subscribers
            .values()
            .filter(|s| s.lacks(service, revision))
            .cloned()
            .collect()
    }

    fn join(&self, subscriber: Subscriber) -> Result<Joined> {
        let max = self.0.config.max_subscribers;
        let mut subscribers = self.0.subscribers.write();
        if subscribers.len() >= max {
            return Err(Error::Exhausted(format!(
                "{max} subscribers are connected, no more are taken; connect to another server"
            )));
        }
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let subscriber = Arc::new(subscriber);
        subscribers.insert(id, subscriber.clone());
        self.0.metrics.subscribers.set(subscribers.len() as i64);
        Ok(Joined {
            hub: self.clone(),
            id,
            subscriber,
        })
    }
}

/// A subscriber's place in the hub; dropping it is leaving.
#[derive(Debug)]
struct Joined {
    hub: Hub,
    id: u64,
    subscriber: Arc<Subscriber>,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.subscriber.leave();
        let mut subscribers = self.hub.0.subscribers.write();
        subscribers.remove(&self.id);
        self.hub.0.metrics.subscribers.set(subscribers.len() as i64);
        drop(subscribers);
        self.hub.0.receipts.send_replace(());
    }
}

/// Waits until all have passed; `false` when the deadline came first. All must pass, so it is enough to look at the
/// last of them until it has.
async fn pass(
    waiting: &mut Vec<Arc<Subscriber>>,
    receipts: &mut watch::Receiver<()>,
    deadline: Instant,
    passed: impl Fn(&Subscriber) -> bool,
) -> bool {
    while let Some(last) = waiting.last() {
        if passed(last) {
            waiting.pop();
            continue;
        }
        tokio::select! {
            // The sender lives in the hub, which the caller holds.
            _ = receipts.changed() => {}
            () = tokio::time::sleep_until(deadline) => return false,
        }
    }
    true
}
