//! Between which bounds, and how quickly.

use std::time::Duration;

use crate::Invalid;
use crate::invalid::ensure;

/// How the limit is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Algorithm {
    /// The queue against the latency without one, which is measured anew again and again: while the limit is reached,
    /// about one window in fifty is a probe under half of it.
    ///
    /// Does not see a queue that fewer than a tenth of the calls meet: `max` bounds that.
    #[default]
    Adaptive,
    /// TCP Vegas as in Netflix's concurrency-limits: the queue against the smallest latency since the last probe; gains
    /// of 3 and 6 times `log10(limit)`.
    ///
    /// Takes a standing queue for normal: in lasting overload calls take 3 to 25 times as long as they need, in
    /// simulations where they take twice as long with `Adaptive`. Refuses up to two fifths of what a healthy callee is
    /// asked whose calls take seconds, some more and some fewer.
    Vegas,
    /// Gradient2 of Netflix's concurrency-limits: the ratio of long-term to present latency. For callees whose latency
    /// without load is never seen.
    ///
    /// Drifts upwards under lasting overload, up to `max` within an hour of 5 % too many calls. Refuses a quarter and
    /// more of what a healthy callee is asked whose calls take seconds, some more and some fewer.
    Gradient,
}

/// An adaptive limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    pub algorithm: Algorithm,
    /// The limit never falls below; 1 by default (failsafe-go).
    pub min: u32,
    /// It never rises above, at most 1,000,000; 200 by default (failsafe-go).
    pub max: u32,
    /// Where it begins; 20 by default (failsafe-go, Netflix).
    pub initial: u32,
    /// A window lasts at least so long, 10 ms to 1 min; 1 s by default (failsafe-go).
    pub min_window: Duration,
    /// A window with too few calls ends after so long, at most 10 min; 30 s by default (failsafe-go).
    pub max_window: Duration,
    /// Calls in a window, 1 to 100,000; 50 by default (failsafe-go).
    pub min_samples: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Adaptive,
            min: 1,
            max: 200,
            initial: 20,
            min_window: Duration::from_secs(1),
            max_window: Duration::from_secs(30),
            min_samples: 50,
        }
    }
}

impl Config {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        ensure(self.min >= 1, "concurrency.min", self.min, "1 or more")?;
        let max = (self.min..=1_000_000).contains(&self.max);
        ensure(max, "concurrency.max", self.max, "concurrency.min to 1000000")?;
        let initial = (self.min..=self.max).contains(&self.initial);
        let allowed = "concurrency.min to concurrency.max";
        ensure(initial, "concurrency.initial", self.initial, allowed)?;
        let window = (Duration::from_millis(10)..=Duration::from_secs(60)).contains(&self.min_window);
        ensure(window, "concurrency.minWindow", self.min_window, "10ms to 1m")?;
        let window = (self.min_window..=Duration::from_secs(600)).contains(&self.max_window);
        let allowed = "concurrency.minWindow to 10m";
        ensure(window, "concurrency.maxWindow", self.max_window, allowed)?;
        let samples = (1..=100_000).contains(&self.min_samples);
        ensure(samples, "concurrency.minSamples", self.min_samples, "1 to 100000")
    }
}
