//! Counters per route and per endpoint: a bounded number of series, and one for whatever is beyond the bound.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use super::Count;

/// The name of the series that counts what has none of its own.
pub(super) const OVERFLOW: &str = "_other";

/// Upper bounds of the latency buckets in microseconds; one more bucket takes the rest.
pub(super) const BOUNDS_US: [u64; 15] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

/// One worker's counters of a route.
#[derive(Debug, Default)]
pub(crate) struct Route {
    /// By status class: 1xx to 5xx; the first is for requests that got no answer.
    pub(super) statuses: [Count; 6],
    pub(super) buckets: [Count; BOUNDS_US.len() + 1],
    pub(super) total_us: Count,
}

/// One worker's counters of an endpoint.
#[derive(Debug, Default)]
pub(crate) struct Endpoint {
    pub(crate) connects: Count,
    pub(crate) reuses: Count,
    pub(crate) connect_errors: Count,
    /// Connections that broke before the answer was complete.
    pub(crate) resets: Count,
    pub(crate) timeouts: Count,
    /// Times it was ejected as an outlier.
    pub(crate) ejections: Count,
}

/// Named counters, each with a shard per worker.
#[derive(Debug)]
pub(super) struct Series<T> {
    workers: usize,
    max: usize,
    named: Mutex<BTreeMap<String, Shards<T>>>,
}

type Shards<T> = Arc<[CachePadded<T>]>;

impl Route {
    /// Counts an answered request; `status` 0 is none.
    pub(crate) fn record(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).min(5);
        self.statuses[class].add(1);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.iter().position(|bound| micros <= *bound);
        self.buckets[bucket.unwrap_or(BOUNDS_US.len())].add(1);
        self.total_us.add(micros);
    }
}

impl<T: Default> Series<T> {
    pub(super) fn new(workers: usize, max: usize) -> Self {
        Self {
            workers,
            max,
            named: Mutex::default(),
        }
    }

    /// The counters of that name. At the bound, series that nobody holds any more make room; if all are in use the
    /// common one is given.
    pub(super) fn get(&self, name: &str) -> Shards<T> {
        let mut named = self.named.lock();
        if let Some(shards) = named.get(name) {
            return shards.clone();
        }
        if named.len() >= self.max {
            named.retain(|_, shards| Arc::strong_count(shards) > 1);
        }
        let name = if named.len() < self.max { name } else { OVERFLOW };
        let fresh = || (0..self.workers).map(|_| CachePadded::new(T::default())).collect();
        named.entry(name.to_owned()).or_insert_with(fresh).clone()
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> Vec<(String, Shards<T>)> {
        let named = self.named.lock();
        named
            .iter()
            .map(|(name, shards)| (name.clone(), shards.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_gives_the_same_counters() {
        let series = Series::<Endpoint>::new(1, 10);
        series.get("a")[0].connects.add(2);
        assert_eq!(series.get("a")[0].connects.get(), 2);
    }

    #[test]
    fn beyond_the_bound_one_series_takes_all() {
        let series = Series::<Endpoint>::new(1, 2);
        let held: Vec<_> = ["a", "b", "c", "d"].map(|name| series.get(name)).into();
        held[2][0].connects.add(1);
        assert_eq!(series.get("d")[0].connects.get(), 1);
        assert_eq!(series.all().len(), 3);
    }

    #[test]
    fn series_nobody_holds_make_room() {
        let series = Series::<Endpoint>::new(1, 2);
        for name in ["a", "b", "c"] {
            series.get(name);
        }
        assert_eq!(series.all().len(), 1);
    }

    #[test]
    fn latencies_land_in_their_bucket() {
        let route = Route::default();
        route.record(200, Duration::from_micros(250));
        route.record(503, Duration::from_micros(251));
        route.record(0, Duration::from_secs(60));
        assert_eq!(route.buckets[0].get(), 1);
        assert_eq!(route.buckets[1].get(), 1);
        assert_eq!(route.buckets[BOUNDS_US.len()].get(), 1);
        assert_eq!([0, 2, 5].map(|class| route.statuses[class].get()), [1, 1, 1]);
    }
}
