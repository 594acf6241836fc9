//! What the handles, the watches and the writer share.

use std::sync::Arc;

use nines_base::Rng;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::config::Config;
use super::hub::Hub;
use super::lease::Leases;
use super::log::Log;
use super::queue::Queue;
use super::state::State;
use super::table::{Loaded, Table};
use crate::types::{History, Revision};

/// The open store. Only the writer changes it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) table: Table,
    pub(super) state: RwLock<State>,
    pub(super) log: RwLock<Log>,
    pub(super) leases: Mutex<Leases>,
    pub(super) hub: Arc<Hub>,
    pub(super) queue: Queue,
    pub(super) history: History,
    /// See [`Embedded::trouble`](super::Embedded::trouble).
    pub(super) trouble: watch::Sender<Option<String>>,
}

impl Shared {
    /// A store with what its file held. Every lease has its whole time again.
    pub(super) fn new(config: Config, table: Table, loaded: Loaded) -> Self {
        let mut leases = Leases::default();
        let now = config.clock.now();
        for (id, ttl) in loaded.leases {
            leases.grant(id, ttl, now);
        }
        let hub = Arc::new(Hub::new(loaded.state.revision, config.metrics.watches.clone()));
        let history = History {
            store: loaded.name,
            opening: Rng::from_entropy().next_u64(),
            opened_at: loaded.state.revision,
        };
        let log = RwLock::new(Log::new(config.recent));
        let shared = Self {
            config,
            table,
            state: RwLock::new(loaded.state),
            log,
            leases: Mutex::new(leases),
            hub,
            queue: Queue::default(),
            history,
            trouble: watch::Sender::new(None),
        };
        shared.gauge();
        shared
    }

    /// The oldest revision that can be read.
    pub(super) fn oldest(&self) -> Revision {
        self.state.read().compacted
    }

    /// Brings the gauges up to date.
    pub(super) fn gauge(&self) {
        let metrics = &self.config.metrics;
        let state = self.state.read();
        metrics.revision.set(state.revision.cast_signed());
        metrics.compacted.set(state.compacted.cast_signed());
        metrics.keys.set(state.live().cast_signed());
        metrics.leases.set(self.leases.lock().len().cast_signed() as i64);
    }
}
