//! Latency as a moving average that believes bad news at once and good news slowly.

use std::time::{Duration, Instant};

/// Peak EWMA (Finagle's load metric): a sample above the average replaces it, a sample below it decays it by
/// `w = exp(-elapsed / decay)`.
#[derive(Debug, Clone, Copy)]
pub struct PeakEwma {
    value: f64,
    stamp: Instant,
    decay: f64,
}

impl PeakEwma {
    /// Starts at `initial`; `decay` is the time in which an old value loses 63 % of its weight.
    pub fn new(initial: Duration, decay: Duration, now: Instant) -> Self {
        Self {
            value: initial.as_secs_f64(),
            stamp: now,
            decay: decay.as_secs_f64().max(f64::MIN_POSITIVE),
        }
    }

    /// Takes one measurement into account. A clock that stepped back counts as no time passed.
    pub fn observe(&mut self, sample: Duration, now: Instant) {
        let sample = sample.as_secs_f64();
        self.value = if sample >= self.value {
            sample
        } else {
            self.mix(sample, now)
        };
        self.stamp = self.stamp.max(now);
    }

    /// The average in seconds as of `now`: without new samples it fades towards zero, so that an endpoint that was
    /// slow once is tried again.
    pub fn seconds(&self, now: Instant) -> f64 {
        self.mix(0.0, now)
    }

    fn mix(&self, sample: f64, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(self.stamp).as_secs_f64();
        let keep = (-elapsed / self.decay).exp();
        self.value * keep + sample * (1.0 - keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;

    #[test]
    fn a_peak_counts_at_once_and_fades() {
        let (clock, hand) = Clock::manual();
        let mut ewma = PeakEwma::new(Duration::from_millis(30), Duration::from_secs(10), clock.now());
        ewma.observe(Duration::from_millis(500), clock.now());
        assert!((ewma.seconds(clock.now()) - 0.5).abs() < 1e-9);
        hand.advance(Duration::from_secs(10));
        assert!((ewma.seconds(clock.now()) - 0.5 / std::f64::consts::E).abs() < 1e-6);
    }

    #[test]
    fn a_good_sample_pulls_slowly() {
        let (clock, hand) = Clock::manual();
        let mut ewma = PeakEwma::new(Duration::from_secs(1), Duration::from_secs(10), clock.now());
        hand.advance(Duration::from_secs(1));
        ewma.observe(Duration::from_millis(1), clock.now());
        let value = ewma.seconds(clock.now());
        assert!(value > 0.9 && value < 0.91, "{value}");
    }
}
