//! How many.

use std::time::Duration;

use crate::Invalid;
use crate::invalid::ensure;

/// How many calls may be in flight and how many may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// 1 to 1,000,000; 25 by default (resilience4j).
    pub max_in_flight: u32,
    /// How many may wait, at most 1,000,000. 0, the default, refuses in place of queueing.
    pub max_queue: u32,
    /// How long one may wait, 1 ms to 1 h; 1 s by default.
    pub max_wait: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_in_flight: 25,
            max_queue: 0,
            max_wait: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        let calls = (1..=1_000_000).contains(&self.max_in_flight);
        ensure(calls, "bulkhead.maxInFlight", self.max_in_flight, "1 to 1000000")?;
        let queue = self.max_queue <= 1_000_000;
        ensure(queue, "bulkhead.maxQueue", self.max_queue, "0 to 1000000")?;
        let wait = (Duration::from_millis(1)..=Duration::from_secs(3600)).contains(&self.max_wait);
        ensure(wait, "bulkhead.maxWait", self.max_wait, "1ms to 1h")
    }
}
