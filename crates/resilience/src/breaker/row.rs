//! Failures in a row.

use super::word::is_older;
use crate::sync::atomic::{AtomicU64, Ordering};

/// From the top: the generation (32 bits), the count (32), so that a result of a generation that is over changes nothing.
#[derive(Debug, Default)]
pub(super) struct Row(AtomicU64);

impl Row {
    /// Counts one result and gives the failures in a row with it. A success writes only when there was a failure before.
    pub(super) fn count(&self, generation: u32, failed: bool) -> u32 {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let before = of(seen, generation);
            if before == 0 && !failed || is_older(generation, generation_of(seen)) {
                return 0;
            }
            let after = if failed { before.saturating_add(1) } else { 0 };
            let word = u64::from(generation) << 32 | u64::from(after);
            match self
                .0
                .compare_exchange_weak(seen, word, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return after,
                Err(now) => seen = now,
            }
        }
    }

    /// The failures in a row of that generation.
    pub(super) fn get(&self, generation: u32) -> u32 {
        of(self.0.load(Ordering::Relaxed), generation)
    }
}

fn generation_of(word: u64) -> u32 {
    (word >> 32) as u32
}

fn of(word: u64, generation: u32) -> u32 {
    if generation_of(word) == generation {
        word as u32
    } else {
        0
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_generation_counts() {
        let row = Row::default();
        for (generation, failed, expected) in [
            (0, true, 1),
            (0, true, 2),
            (0, false, 0),
            (0, true, 1),
            (1, true, 1),
            (0, true, 0),
            (0, false, 0),
            (1, true, 2),
        ] {
            assert_eq!(row.count(generation, failed), expected);
        }
        assert_eq!((row.get(1), row.get(0)), (2, 0));
    }
}
