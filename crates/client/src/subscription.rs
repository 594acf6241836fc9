//! A subscription: one stream that keeps a catalog as new as the control plane's, for as long as the process lives.
//!
//! How it works: a task holds the stream, applies batches to its catalog and hands the newest state on; whoever
//! consumes it acknowledges a revision once it acts by it. A lost stream is opened again for ever and goes on from the
//! last revision. Each state is also written to the last-known-good file, from which a process starts when the control
//! plane cannot be reached. A full state is honoured whatever it says: whether a mass loss is to be believed is decided
//! by the control plane, where all of it is seen. The one exception is a control plane that has lost its store itself:
//! while its new history knows nothing, the former state stays in force.

mod follow;
mod stream;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nines_base::{Clock, Rng};
use nines_model::{Catalog, ConfigKey, Interest, Revision};
use nines_runtime::Tasks;
use tokio::sync::watch;

use crate::cache;
use crate::connect::{BadServer, Servers};
use follow::Follower;

/// What to subscribe with.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionConfig {
    /// `http://HOST:PORT` of each control-plane replica.
    pub servers: Vec<String>,
    /// For people: what the subscriber is and which one.
    pub subscriber: String,
    /// For gray releases.
    pub labels: BTreeMap<String, String>,
    /// The last-known-good file.
    pub cache: Option<PathBuf>,
}

/// The newest state, and where it comes from.
#[derive(Debug, Clone)]
pub struct Update {
    pub catalog: Arc<Catalog>,
    /// What the catalog was asked for. It lags behind [`Subscription::set_interest`] until the state for the new
    /// interest is whole.
    pub interest: Arc<Interest>,
    pub source: Source,
    /// How often the control plane's history has begun anew since the start; revisions are compared within one epoch.
    pub epoch: u64,
}

impl Update {
    /// What to acknowledge once this state is acted by.
    pub fn applied(&self) -> Applied {
        Applied {
            epoch: self.epoch,
            revision: self.catalog.revision,
        }
    }
}

/// How far a consumer is; see [`Update::applied`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    epoch: u64,
    revision: Revision,
}

/// Where a state comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Live,
    /// The control plane answers, but its history has begun anew (its store was lost, or replaced by an older one) and
    /// knows no documents, or no instances where there were only these. This is what was known before; services that
    /// have registered again are up to date. It ends with the first document that the control plane knows.
    Former,
    /// From the file, this old; the control plane has not answered yet.
    LastKnownGood {
        age: Duration,
    },
}

/// How the stream does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionStatus {
    Connecting,
    Live,
    Reconnecting { attempt: u32, reason: String },
}

/// What a subscriber says of one configuration version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub version: u64,
    /// Why it was not applied; nothing means that it was.
    pub rejected: Option<String>,
}

/// A subscription. Dropping it ends the stream.
#[derive(Debug)]
pub struct Subscription {
    updates: watch::Receiver<Option<Update>>,
    status: watch::Receiver<SubscriptionStatus>,
    wishes: Wishes,
}

/// The consumer's side of the stream: what it wants and what it has done. Clones speak for the same subscription.
#[derive(Debug, Clone)]
pub struct Wishes {
    interest: Arc<watch::Sender<Arc<Interest>>>,
    ack: Arc<watch::Sender<Ack>>,
}

/// The newest acknowledgement. It only grows, so a lost stream loses none; a new epoch is beyond all of the former.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ack {
    applied: Applied,
    verdicts: BTreeMap<ConfigKey, Verdict>,
}

impl Subscription {
    /// Subscribes; the stream's task belongs to `tasks`.
    pub fn start(
        config: SubscriptionConfig,
        interest: Interest,
        tasks: &Tasks,
        clock: Clock,
    ) -> Result<Self, BadServer> {
        let servers = Servers::new(&config.servers, Rng::from_entropy())?;
        let (updates_in, updates) = watch::channel(None);
        let (status_in, status) = watch::channel(SubscriptionStatus::Connecting);
        let interest = watch::Sender::new(Arc::new(interest));
        let wishes = Wishes {
            interest: Arc::new(interest),
            ack: Arc::default(),
        };
        let (states, newest) = watch::channel(None);
        if let Some(path) = config.cache.clone() {
            tasks.spawn("last-known-good file", cache::keep(path, newest, tasks.stopping()));
        }
        let follower = Follower::new(config, servers, &wishes, updates_in, status_in, states, clock);
        tasks.spawn("subscription", follower.run(tasks.stopping()));
        Ok(Self {
            updates,
            status,
            wishes,
        })
    }

    /// Waits for the next state; states that came and went meanwhile are skipped. Nothing once the process stops.
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            self.updates.changed().await.ok()?;
            if let Some(update) = self.updates.borrow_and_update().clone() {
                return Some(update);
            }
        }
    }

    /// The newest state so far.
    pub fn current(&self) -> Option<Update> {
        self.updates.borrow().clone()
    }

    pub fn status(&self) -> watch::Receiver<SubscriptionStatus> {
        self.status.clone()
    }

    /// The consumer's side, for another task.
    pub fn wishes(&self) -> Wishes {
        self.wishes.clone()
    }

    /// As [`Wishes::ack`].
    pub fn ack(&self, applied: Applied, verdicts: impl IntoIterator<Item = (ConfigKey, Verdict)>) {
        self.wishes.ack(applied, verdicts);
    }

    /// As [`Wishes::set_interest`].
    pub fn set_interest(&self, interest: Interest) {
        self.wishes.set_interest(interest);
    }
}

impl Wishes {
    /// Says that everything up to an update's [`Update::applied`] has been acted upon, and how the configuration versions in it fared. A
    /// drain waits for this word.
    pub fn ack(&self, applied: Applied, verdicts: impl IntoIterator<Item = (ConfigKey, Verdict)>) {
        self.ack.send_if_modified(|ack| {
            let before = ack.clone();
            ack.applied = ack.applied.max(applied);
            ack.verdicts.extend(verdicts);
            *ack != before
        });
    }

    /// Asks for something else. The catalog goes over to it as a whole, once the state for it is there.
    pub fn set_interest(&self, interest: Interest) {
        self.interest.send_if_modified(|current| {
            let differs = **current != interest;
            if differs {
                *current = Arc::new(interest);
            }
            differs
        });
    }
}

#[cfg(test)]
mod tests;
