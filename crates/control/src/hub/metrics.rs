//! What the hub counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The hub's numbers. Clones share them; register once, under `nines_hub`.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Open subscriptions.
    pub subscribers: Gauge,
    /// Revisions that the slowest subscriber is behind what concerns it.
    pub lag: Gauge,
    /// From a commit being seen to the last acknowledgement of those whom it concerns.
    pub last_ack: Histogram,
    /// Batches of changes sent.
    pub batches: Counter,
    /// Full states sent.
    pub full: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            subscribers: Gauge::default(),
            lag: Gauge::default(),
            last_ack: Histogram::new(exponential_buckets(0.0005, 2.0, 18)),
            batches: Counter::default(),
            full: Counter::default(),
        }
    }
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("subscribers", "Open subscriptions", self.subscribers.clone());
        registry.register(
            "lag_revisions",
            "Revisions the slowest subscriber is behind",
            self.lag.clone(),
        );
        registry.register_with_unit(
            "last_ack",
            "From a commit to the last acknowledgement of those whom it concerns (sampled)",
            Unit::Seconds,
            self.last_ack.clone(),
        );
        registry.register("batches", "Batches of changes sent", self.batches.clone());
        registry.register("full_states", "Full states sent", self.full.clone());
    }
}
