//! What the embedded store counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The numbers of one store. Clones share them; register once, under a prefix such as `nines_store`.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Groups of transactions synced to disk.
    pub commits: Counter,
    /// Groups that the disk refused.
    pub failures: Counter,
    /// Requests that shared one sync.
    pub group_size: Histogram,
    /// Time to write and sync a group, in seconds.
    pub commit_seconds: Histogram,
    /// The newest revision.
    pub revision: Gauge,
    /// The oldest revision that can be read.
    pub compacted: Gauge,
    /// Keys that exist.
    pub keys: Gauge,
    /// Leases that live.
    pub leases: Gauge,
    /// Open watches.
    pub watches: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            commits: Counter::default(),
            failures: Counter::default(),
            group_size: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            commit_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 14)),
            revision: Gauge::default(),
            compacted: Gauge::default(),
            keys: Gauge::default(),
            leases: Gauge::default(),
            watches: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Makes the numbers visible in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("commits", "Groups of writes synced to disk", self.commits.clone());
        registry.register(
            "commit_failures",
            "Groups of writes that the disk refused",
            self.failures.clone(),
        );
        registry.register("group_size", "Requests that shared one sync", self.group_size.clone());
        registry.register_with_unit(
            "commit",
            "Time to write and sync a group",
            Unit::Seconds,
            self.commit_seconds.clone(),
        );
        registry.register("revision", "The newest revision", self.revision.clone());
        registry.register(
            "compacted_revision",
            "The oldest readable revision",
            self.compacted.clone(),
        );
        registry.register("keys", "Keys that exist", self.keys.clone());
        registry.register("leases", "Leases that live", self.leases.clone());
        registry.register("watches", "Open watches", self.watches.clone());
    }
}
