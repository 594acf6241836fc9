//! How long to wait before trying again.

use std::time::Duration;

use crate::Rng;

/// Exponential backoff with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015):
/// before try `n` (from 0) wait a random time in `[0, min(max, base * 2^n)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the first wait.
    pub base: Duration,
    /// Upper bound of every wait.
    pub max: Duration,
}

impl Backoff {
    /// The upper bound of the wait before try `attempt`.
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let factor = 2u32.saturating_pow(attempt.min(31));
        self.base.saturating_mul(factor).min(self.max)
    }

    /// The wait before try `attempt`, drawn from `[0, ceiling]`.
    pub fn delay(&self, attempt: u32, rng: &mut Rng) -> Duration {
        self.ceiling(attempt).mul_f64(rng.unit())
    }

    /// The wait before try `attempt`, drawn from `[ceiling / 2, ceiling]`: for reconnects, where a wait near zero
    /// would make a tight loop against a peer that is down.
    pub fn delay_at_least_half(&self, attempt: u32, rng: &mut Rng) -> Duration {
        self.ceiling(attempt).mul_f64(0.5 + rng.unit() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prop_assert, proptest};

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_millis(25),
        max: Duration::from_millis(250),
    };

    #[test]
    fn the_ceiling_doubles_up_to_the_maximum() {
        let ceilings: Vec<u128> = (0..6).map(|n| BACKOFF.ceiling(n).as_millis()).collect();
        assert_eq!(ceilings, [25, 50, 100, 200, 250, 250]);
    }

    proptest! {
        #[test]
        fn a_delay_never_passes_its_ceiling(seed: u64, attempt: u32) {
            let mut rng = Rng::seeded(seed);
            prop_assert!(BACKOFF.delay(attempt, &mut rng) <= BACKOFF.ceiling(attempt));
            let half = BACKOFF.delay_at_least_half(attempt, &mut rng);
            prop_assert!(half >= BACKOFF.ceiling(attempt) / 2 && half <= BACKOFF.ceiling(attempt));
        }
    }
}
