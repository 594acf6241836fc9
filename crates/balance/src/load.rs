//! Latency of one endpoint as a peak EWMA that all workers update without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// In this time an old latency loses 63 % of its weight.
pub const DECAY: Duration = Duration::from_secs(10);

/// Ticks a second. Two samples within one tick count as simultaneous: only a peak among them has an effect.
const TICKS_PER_SECOND: u64 = 64;
const TICK_NANOS: u32 = 1_000_000_000 / TICKS_PER_SECOND as u32;

/// A point in time as ticks since the endpoint was added. It wraps after two years; differences up to half of that hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticks(u32);

/// Peak EWMA (Finagle's load metric): value and time stamp share one word, so that an
/// update is one compare-and-swap. The upper half is the value in seconds as `f32`, the lower half the stamp.
#[derive(Debug)]
pub(crate) struct Load(AtomicU64);

impl Ticks {
    pub(crate) fn from_age(age: Duration) -> Self {
        let ticks = age.as_secs() * TICKS_PER_SECOND + u64::from(age.subsec_nanos() / TICK_NANOS);
        Self(ticks as u32)
    }

    /// Seconds since `earlier`, 0 if that lies in the future: workers read the clock at slightly different times.
    fn seconds_since(self, earlier: Ticks) -> f32 {
        let ticks = self.0.wrapping_sub(earlier.0) as i32;
        ticks.max(0) as f32 / TICKS_PER_SECOND as f32
    }
}

impl Load {
    pub(crate) fn new(seconds: f32, at: Ticks) -> Self {
        Self(AtomicU64::new(pack(seconds, at)))
    }

    /// Takes one measurement into account: a sample above the average replaces it, one below pulls it down slowly.
    pub(crate) fn observe(&self, sample: f32, at: Ticks) {
        self.change(|old| next(old, sample, at));
    }

    /// Takes a time into account that would have become longer: it may raise the average and never pulls it down.
    pub(crate) fn observe_at_least(&self, sample: f32, at: Ticks) {
        self.change(|old| {
            if sample > faded(old, at) {
                next(old, sample, at)
            } else {
                old
            }
        });
    }

    fn change(&self, change: impl Fn(u64) -> u64) {
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            let new = change(old);
            if new == old {
                return;
            }
            match self
                .0
                .compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(seen) => old = seen,
            }
        }
    }

    /// The average as of `at`: it fades without samples, so that an endpoint that was slow once is tried again.
    pub(crate) fn seconds(&self, at: Ticks) -> f32 {
        faded(self.0.load(Ordering::Relaxed), at)
    }
}

fn faded(word: u64, at: Ticks) -> f32 {
    let (value, stamp) = unpack(word);
    value * keep(at.seconds_since(stamp))
}

fn next(old: u64, sample: f32, at: Ticks) -> u64 {
    let (value, stamp) = unpack(old);
    let elapsed = at.seconds_since(stamp);
    let stamp = if elapsed > 0.0 { at } else { stamp };
    let keep = keep(elapsed);
    // Against the faded value: one that was slow long ago is believed when it is well again.
    if sample >= value * keep {
        return pack(sample, stamp);
    }
    pack(value * keep + sample * (1.0 - keep), stamp)
}

fn keep(elapsed: f32) -> f32 {
    if elapsed == 0.0 {
        return 1.0;
    }
    (-elapsed / DECAY.as_secs_f32()).exp()
}

fn pack(seconds: f32, at: Ticks) -> u64 {
    (u64::from(seconds.to_bits()) << 32) | u64::from(at.0)
}

fn unpack(word: u64) -> (f32, Ticks) {
    (f32::from_bits((word >> 32) as u32), Ticks(word as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, prop_assert, proptest};

    fn at(millis: u64) -> Ticks {
        Ticks::from_age(Duration::from_millis(millis))
    }

    #[test]
    fn a_peak_counts_at_once_and_fades() {
        let load = Load::new(0.03, at(0));
        load.observe(0.5, at(0));
        assert_eq!(load.seconds(at(0)), 0.5);
        let faded = load.seconds(at(10_000));
        assert!((faded - 0.5 / std::f32::consts::E).abs() < 1e-3, "{faded}");
    }

    #[test]
    fn a_stamp_from_another_workers_past_changes_nothing_but_peaks() {
        let load = Load::new(0.2, at(5_000));
        load.observe(0.1, at(1_000));
        assert_eq!(load.seconds(at(5_000)), 0.2);
        load.observe(0.3, at(1_000));
        assert_eq!(load.seconds(at(5_000)), 0.3);
    }

    #[test]
    fn a_time_that_would_have_become_longer_only_raises() {
        let load = Load::new(0.2, at(0));
        load.observe_at_least(0.1, at(0));
        assert_eq!(load.seconds(at(0)), 0.2);
        load.observe_at_least(0.1, at(20_000));
        assert_eq!(load.seconds(at(20_000)), 0.1, "what is known has faded below it");
        load.observe_at_least(0.3, at(20_000));
        assert_eq!(load.seconds(at(20_000)), 0.3);
    }

    #[test]
    fn ticks_may_wrap() {
        let before = Ticks(u32::MAX - 63);
        let after = Ticks(0);
        assert_eq!(after.seconds_since(before), 1.0);
        assert_eq!(before.seconds_since(after), 0.0);
    }

    proptest! {
        #[test]
        fn it_follows_the_formula(steps in prop::collection::vec((0u64..200, 1u64..2_000), 1..50)) {
            let load = Load::new(0.03, at(0));
            let (mut value, mut age) = (0.03f64, Duration::ZERO);
            for (ticks, sample) in steps {
                // Whole ticks, so that the rounding of stamps does not count as a difference.
                let step = Duration::from_nanos(u64::from(TICK_NANOS) * ticks);
                let sample = Duration::from_millis(sample);
                let keep = (-step.as_secs_f64() / DECAY.as_secs_f64()).exp();
                let mixed = value * keep + sample.as_secs_f64() * (1.0 - keep);
                value = if sample.as_secs_f64() >= value * keep { sample.as_secs_f64() } else { mixed };
                age += step;
                load.observe(sample.as_secs_f32(), Ticks::from_age(age));
                let found = f64::from(load.seconds(Ticks::from_age(age)));
                prop_assert!((value - found).abs() <= value * 1e-3, "{value} {found}");
            }
        }
    }
}
