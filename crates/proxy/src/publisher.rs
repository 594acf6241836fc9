//! Putting a configuration in force: compile, bind, hand to every worker, close what is no longer wanted.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use nines_base::Clock;
use nines_model::Catalog;
use nines_runtime::Health;
use serde_json::{Value, json};
use tokio::sync::{Mutex, oneshot};

use crate::Error;
use crate::listener::{self, SocketId};
use crate::metrics::Metrics;
use crate::snapshot::{ListenerId, ListenerPlan, Snapshot};
use crate::worker::{Command, Commands};

/// The name of the check at `/readyz`.
const CHECK: &str = "listeners";

/// Where sources hand configurations in. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Publisher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    metrics: Metrics,
    health: Health,
    workers: Vec<Commands>,
    snapshot: ArcSwap<Snapshot>,
    /// One configuration after the other.
    state: Mutex<State>,
    listening: ArcSwap<BTreeMap<SocketId, Bound>>,
    /// Of the catalog in force; the snapshot's own is older when only instances have changed since.
    revision: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Resources of the snapshot in force: if only instances changed, routes are not compiled again.
    catalog: Catalog,
    published: bool,
}

/// A listener that has its sockets.
#[derive(Debug, Clone)]
struct Bound {
    id: ListenerId,
    address: SocketAddr,
}

impl Publisher {
    pub(crate) fn new(clock: Clock, metrics: Metrics, health: Health, workers: Vec<Commands>) -> Self {
        health.not_ready(CHECK, "no configuration yet");
        Self(Arc::new(Inner {
            clock,
            metrics,
            health,
            workers,
            snapshot: ArcSwap::default(),
            state: Mutex::default(),
            listening: ArcSwap::default(),
            revision: AtomicU64::new(0),
        }))
    }

    /// Puts the catalog in force; once this returns every worker serves by it. What of it cannot be used is logged. A
    /// listener whose address is taken leaves the others alone, shows at `/readyz`, and is tried again with the next
    /// configuration; its error is what this gives.
    pub(crate) async fn publish(&self, catalog: &Catalog) -> Result<(), Error> {
        let inner = &*self.0;
        let mut state = inner.state.lock().await;
        let now = inner.clock.now();
        let current = inner.snapshot.load_full();
        let unbound = current.listeners.len() != inner.listening.load().len();
        if state.published && !unbound && state.catalog.resources == catalog.resources {
            current.refresh_endpoints(catalog, now);
            inner.published(catalog.revision);
            state.catalog = catalog.clone();
            return Ok(());
        }
        let (snapshot, problems) = Snapshot::compile(catalog, Some(&current), now);
        for problem in problems {
            tracing::warn!(%problem, "part of the configuration cannot be used");
        }
        let snapshot = Arc::new(snapshot);
        inner.snapshot.store(snapshot.clone());
        inner.hand_out(&snapshot).await;
        inner.published(catalog.revision);
        state.catalog = catalog.clone();
        state.published = true;
        inner.rebind(&snapshot)
    }

    /// Names and addresses of the listeners that are open.
    pub(crate) fn listeners(&self) -> Vec<(String, SocketAddr)> {
        let listening = self.0.listening.load();
        listening
            .values()
            .map(|bound| (bound.id.to_string(), bound.address))
            .collect()
    }

    /// What is in force, for people.
    pub(crate) fn describe(&self) -> Value {
        let mut value = self.0.snapshot.load().describe(self.0.clock.now());
        value["revision"] = json!(self.0.revision.load(Ordering::Relaxed));
        value["listening"] = self
            .listeners()
            .into_iter()
            .map(|(name, address)| json!({"name": name, "address": address.to_string()}))
            .collect();
        value
    }
}

impl Inner {
    fn published(&self, revision: nines_model::Revision) {
        self.revision.store(revision, Ordering::Relaxed);
        self.metrics.published(revision);
    }

    async fn hand_out(&self, snapshot: &Arc<Snapshot>) {
        let mut seen = Vec::new();
        for worker in &self.workers {
            let (done, heard) = oneshot::channel();
            worker.send(Command::Publish(snapshot.clone(), done));
            seen.push(heard);
        }
        for heard in seen {
            // An error means that the worker has ended, and then it serves by nothing at all.
            heard.await.unwrap_or_default();
        }
    }

    /// Opens listeners that are new and closes those that are gone. The first error is given, all are shown.
    fn rebind(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let former = self.listening.load_full();
        let wanted: BTreeMap<SocketId, &Arc<ListenerPlan>> = snapshot
            .listeners
            .iter()
            .map(|plan| (SocketId::of(plan), plan))
            .collect();
        for id in former.keys().filter(|id| !wanted.contains_key(id)) {
            self.workers
                .iter()
                .for_each(|worker| worker.send(Command::Unlisten(id.clone())));
        }
        let mut listening = BTreeMap::new();
        let mut errors = Vec::new();
        for (socket, plan) in wanted {
            let address = match former.get(&socket) {
                Some(bound) => bound.address,
                None => match self.open(&socket, plan) {
                    Ok(address) => address,
                    Err(error) => {
                        errors.push(error);
                        continue;
                    }
                },
            };
            let id = plan.id.clone();
            listening.insert(socket, Bound { id, address });
        }
        let open = listening.len();
        self.listening.store(Arc::new(listening));
        self.tell(open, errors)
    }

    fn open(&self, id: &SocketId, plan: &ListenerPlan) -> Result<SocketAddr, Error> {
        let fail = |source| Error::Listen {
            address: plan.address,
            source,
        };
        let (address, sockets): (SocketAddr, Vec<TcpListener>) =
            listener::bind(plan.address, self.workers.len()).map_err(fail)?;
        for (worker, socket) in self.workers.iter().zip(sockets) {
            worker.send(Command::Listen(id.clone(), socket));
        }
        tracing::info!(listener = %plan.id, %address, "listening");
        Ok(address)
    }

    fn tell(&self, open: usize, errors: Vec<Error>) -> Result<(), Error> {
        for error in &errors {
            tracing::error!(%error, "a listener is not open");
        }
        if errors.is_empty() && open == 0 {
            self.health
                .not_ready(CHECK, "the configuration has no Gateway of class nines with a listener");
        } else if errors.is_empty() {
            self.health.ready(CHECK);
        } else {
            let reasons: Vec<String> = errors.iter().map(Error::to_string).collect();
            self.health.not_ready(CHECK, reasons.join("; "));
        }
        errors.into_iter().next().map_or(Ok(()), Err)
    }
}
