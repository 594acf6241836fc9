//! What the hub knows of one subscriber.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use nines_model::{ConfigKey, Revision, ServiceKey};
use nines_wire::convert::Subscribe;
use nines_wire::proto;
use parking_lot::RwLock;

use crate::mirror::Watcher;

/// The longest reason of a refused configuration that is kept.
const MAX_REASON: usize = 1024;

/// What the hub knows of one subscriber. Its stream writes, everybody reads.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) peer: Option<SocketAddr>,
    pub(super) since: SystemTime,
    profile: RwLock<Profile>,
    sent: AtomicU64,
    acked: AtomicU64,
    left: AtomicBool,
}

/// What it said of itself.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) subscribe: Subscribe,
    pub(super) watcher: Arc<Watcher>,
    pub(super) verdicts: BTreeMap<ConfigKey, Verdict>,
}

/// What it said of a configuration item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) version: u64,
    pub(super) rejected: Option<String>,
}

impl Subscriber {
    pub(super) fn new(
        subscribe: Subscribe,
        watcher: Arc<Watcher>,
        peer: Option<SocketAddr>,
        since: SystemTime,
    ) -> Self {
        Self {
            peer,
            since,
            profile: RwLock::new(Profile {
                subscribe,
                watcher,
                verdicts: BTreeMap::new(),
            }),
            sent: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            left: AtomicBool::new(false),
        }
    }

    pub(super) fn profile<T>(&self, look: impl FnOnce(&Profile) -> T) -> T {
        look(&self.profile.read())
    }

    /// Another interest: nothing of it has been sent or acknowledged yet. Verdicts on items that it still follows stay.
    pub(super) fn replace(&self, subscribe: Subscribe, watcher: Arc<Watcher>) {
        let mut profile = self.profile.write();
        profile.verdicts.retain(|key, _| subscribe.interest.wants_config(key));
        profile.subscribe = subscribe;
        profile.watcher = watcher;
        self.acked.store(0, Ordering::Release);
    }

    /// It resumed: what it said it has applied it has.
    pub(super) fn resumed(&self, revision: Revision) {
        self.sent.fetch_max(revision, Ordering::AcqRel);
        self.acked.fetch_max(revision, Ordering::AcqRel);
    }

    pub(super) fn sent(&self, revision: Revision) {
        self.sent.fetch_max(revision, Ordering::AcqRel);
    }

    /// Takes an acknowledgement in. A revision that was never sent is one of another history, which the subscriber has
    /// not got over yet: it says nothing of this one and is not counted.
    pub(super) fn ack(&self, ack: proto::Ack) {
        let sent = self.sent.load(Ordering::Acquire);
        if !ack.verdicts.is_empty() {
            self.take_verdicts(ack.verdicts);
        }
        if ack.revision <= sent {
            self.acked.fetch_max(ack.revision, Ordering::AcqRel);
        }
    }

    /// Verdicts on items that it does not follow are of no use to anybody, and would grow without bound.
    fn take_verdicts(&self, verdicts: Vec<proto::ConfigVerdict>) {
        let mut profile = self.profile.write();
        for verdict in verdicts {
            let key = ConfigKey::new(verdict.namespace, verdict.name);
            if !profile.subscribe.interest.wants_config(&key) {
                continue;
            }
            let rejected = (!verdict.rejected.is_empty()).then(|| verdict.rejected.chars().take(MAX_REASON).collect());
            let version = verdict.version;
            profile.verdicts.insert(key, Verdict { version, rejected });
        }
    }

    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Release);
    }

    /// Whether it may still act on a state of the service from before `revision`.
    pub(super) fn lacks(&self, service: &ServiceKey, revision: Revision) -> bool {
        !self.left.load(Ordering::Acquire)
            && self.acked_revision() < revision
            && self.profile(|profile| profile.subscribe.interest.wants_service(service))
    }

    /// Whether everything up to `revision` that concerns it is acknowledged, or it has left.
    pub(super) fn has(&self, revision: Revision) -> bool {
        let acked = self.acked_revision();
        self.left.load(Ordering::Acquire) || acked >= revision || acked >= self.wanted()
    }

    /// The newest revision that concerned it.
    pub(super) fn wanted(&self) -> Revision {
        self.profile(|profile| profile.watcher.wanted())
    }

    pub(super) fn sent_revision(&self) -> Revision {
        self.sent.load(Ordering::Acquire)
    }

    pub(super) fn acked_revision(&self) -> Revision {
        self.acked.load(Ordering::Acquire)
    }
}
