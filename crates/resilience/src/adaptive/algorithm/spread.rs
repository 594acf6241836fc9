//! How the latencies of a window spread over its calls.
//!
//! Where few calls are slow by nature, the mean of a window says mostly how many of them it happened to hold. A queue
//! delays many calls. So a window is seen as five quantiles, each of which stands for a fifth of the calls, and each
//! with the bounds between which it lies: those of its bucket in the histogram, and two standard errors of its rank
//! (which are far apart only where the latencies are).

use crate::histogram::Merged;

const FIFTHS: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];
const STANDARD_ERRORS: f64 = 2.0;

/// The middles of the five fifths of the calls, the quickest first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Spread([Quantile; FIFTHS.len()]);

/// In seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quantile {
    pub(super) least: f64,
    pub(super) at: f64,
    pub(super) most: f64,
}

impl Spread {
    pub(in super::super) fn of(samples: &Merged) -> Self {
        let count = samples.samples().max(1) as f64;
        Self(FIFTHS.map(|share| {
            let off = STANDARD_ERRORS * (share * (1.0 - share) / count).sqrt();
            let (lower, upper) = bucket(samples, share);
            Quantile {
                least: bucket(samples, share - off).0,
                at: f64::midpoint(lower, upper),
                most: bucket(samples, share + off).1,
            }
        }))
    }

    pub(super) fn median(&self) -> Quantile {
        self.0[FIFTHS.len() / 2]
    }

    /// The middle of the slowest fifth, in seconds.
    pub(in super::super) fn slowest(&self) -> f64 {
        self.0[FIFTHS.len() - 1].at
    }

    /// In seconds, without those that are much slower than most.
    pub(super) fn mean(&self) -> f64 {
        self.0.iter().map(|quantile| quantile.at).sum::<f64>() / FIFTHS.len() as f64
    }

    /// By how much calls take longer than those, on average, in seconds; less than 0 if they are quicker.
    pub(super) fn later(&self, than: &Self) -> f64 {
        self.mean() - than.mean()
    }

    /// The part of it that is no chance: what lies between the bounds of both.
    pub(super) fn surely_later(&self, than: &Self) -> f64 {
        let both = self.0.iter().zip(&than.0);
        let surely = both.map(|(mine, other)| (mine.least - other.most).max(0.0));
        surely.sum::<f64>() / FIFTHS.len() as f64
    }

    pub(super) fn midpoint(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|fifth| {
            let (mine, other) = (self.0[fifth], other.0[fifth]);
            Quantile {
                least: f64::midpoint(mine.least, other.least),
                at: f64::midpoint(mine.at, other.at),
                most: f64::midpoint(mine.most, other.most),
            }
        }))
    }
}

/// The edges of the bucket that holds the quantile, in seconds. No bucket is wider than a 17th of its upper edge, but for
/// those of the first 16 microseconds, which are one wide.
fn bucket(samples: &Merged, quantile: f64) -> (f64, f64) {
    let upper = samples.quantile(quantile.clamp(0.0, 1.0)) as f64 / 1e9;
    ((upper - (upper / 17.0).max(1e-6)).max(0.0), upper)
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;
    use crate::histogram::Histogram;

    /// The calls of a window by their latencies in milliseconds.
    fn spread(calls: &[(u64, u64)]) -> Spread {
        let histogram = Histogram::new(u64::MAX);
        for (count, millis) in calls {
            (0..*count).for_each(|_| histogram.record(millis * 1_000_000, 0));
        }
        Spread::of(&histogram.drain())
    }

    #[test]
    fn what_all_wait_is_seen_and_what_few_take_is_not() {
        let usual = spread(&[(95, 5), (5, 1000)]);
        for (calls, least, most) in [
            (&[(95, 5), (5, 1000)][..], 0.0, 0.0),
            (&[(100, 5)], 0.0, 0.0),
            (&[(90, 5), (10, 1000)], 0.0, 0.0),
            // Half of a kind that was rare before is no chance.
            (&[(50, 5), (50, 1000)], 0.15, 0.25),
            (&[(95, 25), (5, 1020)], 0.014, 0.021),
        ] {
            let surely = spread(calls).surely_later(&usual);
            assert!((least..=most).contains(&surely), "{calls:?}: {surely}");
        }
        assert_eq!(usual.surely_later(&spread(&[(95, 25), (5, 1020)])), 0.0, "quicker");
    }

    /// In the gap between two kinds of calls a quantile may be anywhere.
    #[test]
    fn two_kinds_of_calls_as_frequent_as_each_other_are_no_queue() {
        let (more, fewer) = (spread(&[(55, 5), (45, 1000)]), spread(&[(45, 5), (55, 1000)]));
        assert_eq!(fewer.surely_later(&more), 0.0);
        assert!(fewer.later(&more) > 0.1, "{}", fewer.later(&more));
    }

    #[test]
    fn a_window_with_no_call_or_one_has_bounds_too() {
        assert_eq!(spread(&[]).slowest(), 0.0);
        let one = spread(&[(1, 100)]).median();
        assert!(
            one.least <= 0.1 && 0.1 <= one.most && one.most < 1.07 * one.least,
            "{one:?}"
        );
    }
}
