//! What the data plane counts: each worker in a shard of its own, summed when somebody asks.

mod collector;
mod series;
mod shard;

use std::sync::Arc;

use crossbeam_utils::CachePadded;
use nines_runtime::Registry;

pub(crate) use series::{Endpoint, Route};
pub(crate) use shard::{Count, Shard};

use series::Series;

/// So many routes have series of their own; the rest share one.
const MAX_ROUTES: usize = 2000;
/// So many endpoints have series of their own; the rest share one.
const MAX_ENDPOINTS: usize = 1000;

/// All counters of one data plane. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    workers: Vec<CachePadded<Shard>>,
    routes: Series<Route>,
    endpoints: Series<Endpoint>,
    /// Of the configuration that is in force; written by whoever publishes.
    revision: Count,
    swaps: Count,
}

impl Metrics {
    pub(crate) fn new(workers: usize) -> Self {
        Self(Arc::new(Inner {
            workers: (0..workers).map(|_| CachePadded::default()).collect(),
            routes: Series::new(workers, MAX_ROUTES),
            endpoints: Series::new(workers, MAX_ENDPOINTS),
            revision: Count::default(),
            swaps: Count::default(),
        }))
    }

    /// Shows them at `/metrics`.
    pub(crate) fn register(&self, registry: &Registry) {
        let collector = Box::new(collector::Collector(self.clone()));
        registry.register("nines_proxy", |r| r.register_collector(collector));
    }

    /// How many workers there are; at least one.
    pub(crate) fn workers(&self) -> usize {
        self.0.workers.len()
    }

    /// The counters of one worker. Only that worker may count on them.
    pub(crate) fn worker(&self, index: usize) -> &Shard {
        &self.0.workers[index]
    }

    /// The counters of a route, the same for the same name.
    pub(crate) fn route(&self, name: &str) -> Arc<[CachePadded<Route>]> {
        self.0.routes.get(name)
    }

    /// The counters of an endpoint, the same for the same address.
    pub(crate) fn endpoint(&self, address: &str) -> Arc<[CachePadded<Endpoint>]> {
        self.0.endpoints.get(address)
    }

    /// Notes that a snapshot of that revision is in force.
    pub(crate) fn published(&self, revision: u64) {
        self.0.revision.set(revision);
        self.0.swaps.add(1);
    }

    /// A sum over all workers.
    pub(crate) fn sum(&self, of: impl Fn(&Shard) -> u64) -> u64 {
        self.0.workers.iter().map(|shard| of(shard)).sum()
    }

    /// Requests being answered now.
    pub(crate) fn in_flight(&self) -> u64 {
        self.sum(|s| s.requests_begun.get().saturating_sub(s.requests_ended.get()))
    }

    /// Client connections open now.
    pub(crate) fn connections(&self) -> u64 {
        self.sum(|s| s.connections_opened.get().saturating_sub(s.connections_closed.get()))
    }
}
