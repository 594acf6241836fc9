//! Putting a configuration in force: bind, compile, hand to every worker, open what is new, close what is no longer wanted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use nines_base::Clock;
use nines_model::Catalog;
use nines_runtime::Health;
use serde_json::{Value, json};
use tokio::sync::{Mutex, oneshot};

use crate::Error;
use crate::metrics::Metrics;
use crate::snapshot::{Snapshot, listeners};
use crate::sockets::{Claims, Sockets};
use crate::worker::{Command, Commands};

/// Where sources hand configurations in. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Publisher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    metrics: Metrics,
    workers: Vec<Commands>,
    snapshot: ArcSwap<Snapshot>,
    /// One configuration after the other.
    state: Mutex<State>,
    sockets: Sockets,
    /// Of the catalog in force; the snapshot's own is older when only instances have changed since.
    revision: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Resources of the snapshot in force: if only instances changed, routes are not compiled again.
    catalog: Catalog,
    published: bool,
}

/// What became of a configuration.
#[derive(Debug)]
#[must_use]
pub(crate) enum Published {
    Whole,
    /// It is in force, but for listeners that could not be opened; the first one's error.
    Partly(Error),
    /// A listener that is new in it cannot be opened, so everything stays as it was, except that endpoints are up to
    /// date.
    Refused(Error),
}

impl Published {
    /// An error unless all of it is in force.
    pub(crate) fn whole(self) -> Result<(), Error> {
        match self {
            Published::Whole => Ok(()),
            Published::Partly(error) | Published::Refused(error) => Err(error),
        }
    }
}

impl Publisher {
    pub(crate) fn new(clock: Clock, metrics: Metrics, health: Health, workers: Vec<Commands>) -> Self {
        Self(Arc::new(Inner {
            clock,
            metrics,
            sockets: Sockets::new(health, workers.clone()),
            workers,
            snapshot: ArcSwap::default(),
            state: Mutex::default(),
            revision: AtomicU64::new(0),
        }))
    }

    /// Puts the catalog in force; once this returns every worker serves by it. What of it cannot be used is logged.
    ///
    /// New sockets are bound first: if one of them cannot be, nothing that serves is given up for it. Where nothing
    /// serves yet the other listeners come into force without it. Either way the same catalog tries it again.
    pub(crate) async fn publish(&self, catalog: &Catalog) -> Published {
        let inner = &*self.0;
        let mut state = inner.state.lock().await;
        let current = inner.snapshot.load_full();
        if state.published && state.catalog.resources == catalog.resources {
            if state.catalog != *catalog {
                current.refresh_endpoints(catalog, inner.clock.now());
                inner.published(catalog.revision);
                state.catalog = catalog.clone();
            }
            return inner.open(inner.sockets.claim(&current.listeners));
        }
        let mut claims = inner.sockets.claim(&listeners(catalog));
        if !current.listeners.is_empty()
            && let Some(error) = claims.take_error_of_new(&current.listeners)
        {
            state.catalog.instances = catalog.instances.clone();
            current.refresh_endpoints(&state.catalog, inner.clock.now());
            return Published::Refused(error);
        }
        let (snapshot, problems) = Snapshot::compile(catalog, Some(&current), &inner.clock);
        for problem in problems {
            tracing::warn!(%problem, "part of the configuration cannot be used");
        }
        let snapshot = Arc::new(snapshot);
        inner.snapshot.store(snapshot.clone());
        inner.hand_out(&snapshot).await;
        inner.published(catalog.revision);
        state.catalog = catalog.clone();
        state.published = true;
        inner.open(claims)
    }

    /// Names and addresses of the listeners that are open.
    pub(crate) fn listeners(&self) -> Vec<(String, SocketAddr)> {
        self.0.sockets.open()
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

    fn open(&self, claims: Claims) -> Published {
        self.sockets.take(claims).map_or(Published::Whole, Published::Partly)
    }
}

#[cfg(test)]
mod tests;
