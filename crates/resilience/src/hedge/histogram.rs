//! Latencies in log-linear buckets, by half windows.
//!
//! A value in microseconds falls into the octave of its highest bit, and there into one of 16 equal buckets, so a
//! bucket is at most 1/16 as wide as its lower edge (HdrHistogram's layout with four bits). Values of a minute and more
//! share the last bucket.

use crossbeam_utils::CachePadded;

use crate::stripe;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Bits of the position in an octave.
const SUB_BITS: u32 = 4;
const SUB: usize = 1 << SUB_BITS;
/// Octaves above the first, linear one: up to 2^26 microseconds, 67 s.
const OCTAVES: usize = 22;
const BUCKETS: usize = (OCTAVES + 1) * SUB;
/// The half window that is written, the one before it, and one that is clean for the next.
const GENERATIONS: u64 = 3;
const MICRO: u64 = 1000;

/// The latencies of at least one and at most two half windows.
#[derive(Debug)]
pub(super) struct Histogram {
    half_nanos: u64,
    /// The half window that is written.
    current: CachePadded<AtomicU64>,
    stripes: Box<[CachePadded<Stripe>]>,
}

type Stripe = [[AtomicU32; BUCKETS]; GENERATIONS as usize];

/// The sum over stripes and half windows at one time.
#[derive(Debug)]
pub(super) struct Merged {
    counts: [u64; BUCKETS],
}

impl Histogram {
    pub(super) fn new(half_nanos: u64) -> Self {
        let cell = || std::array::from_fn(|_| std::array::from_fn(|_| AtomicU32::new(0)));
        Self {
            half_nanos,
            current: CachePadded::default(),
            stripes: (0..stripe::count()).map(|_| CachePadded::new(cell())).collect(),
        }
    }

    /// Counts one latency; `now` and it in nanoseconds.
    pub(super) fn record(&self, latency: u64, now: u64) {
        let half = self.turn(now);
        let stripe = &self.stripes[stripe::mine(self.stripes.len())];
        stripe[place(half)][bucket(latency / MICRO)].fetch_add(1, Ordering::Relaxed);
    }

    /// What counts at `now`.
    pub(super) fn merged(&self, now: u64) -> Merged {
        let half = self.turn(now);
        let mut counts = [0; BUCKETS];
        for stripe in &self.stripes {
            for generation in [place(half), place(half + GENERATIONS - 1)] {
                for (sum, count) in counts.iter_mut().zip(&stripe[generation]) {
                    *sum += u64::from(count.load(Ordering::Relaxed));
                }
            }
        }
        Merged { counts }
    }

    /// The half window to write. Whoever is first in a new one cleans what will be written after it, or all after a long
    /// silence. A clock that stepped back goes on in the newest.
    fn turn(&self, now: u64) -> u64 {
        let half = now / self.half_nanos;
        let current = self.current.load(Ordering::Relaxed);
        if half <= current {
            return current;
        }
        let turned = self
            .current
            .compare_exchange(current, half, Ordering::Relaxed, Ordering::Relaxed);
        match turned {
            Err(other) => other.max(current),
            Ok(_) if half == current + 1 => {
                self.clean(place(half + 1));
                half
            }
            Ok(_) => {
                (0..GENERATIONS as usize).for_each(|generation| self.clean(generation));
                half
            }
        }
    }

    fn clean(&self, generation: usize) {
        let counts = self.stripes.iter().flat_map(|stripe| &stripe[generation]);
        counts.for_each(|count| count.store(0, Ordering::Relaxed));
    }
}

impl Merged {
    pub(super) fn samples(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The upper edge, in nanoseconds, of the bucket that holds the quantile: of `n` samples in order the one at
    /// `ceil(q * n)` (nearest rank). 0 without samples.
    pub(super) fn quantile(&self, q: f64) -> u64 {
        let rank = (q * self.samples() as f64).ceil() as u64;
        let mut below = 0;
        let reaches = |count: &u64| {
            below += count;
            below >= rank.max(1)
        };
        let found = self.counts.iter().position(reaches);
        found.map_or(0, |bucket| upper_edge(bucket) * MICRO)
    }
}

fn place(half: u64) -> usize {
    (half % GENERATIONS) as usize
}

fn bucket(micros: u64) -> usize {
    if micros < SUB as u64 {
        return micros as usize;
    }
    let octave = (63 - SUB_BITS - micros.leading_zeros()) as usize;
    let within = (micros >> octave) as usize & (SUB - 1);
    ((octave + 1) * SUB + within).min(BUCKETS - 1)
}

/// The least number of microseconds that is above the bucket.
fn upper_edge(bucket: usize) -> u64 {
    if bucket < SUB {
        return bucket as u64 + 1;
    }
    let (octave, within) = (bucket / SUB - 1, bucket % SUB);
    (SUB + within + 1) as u64 * (1 << octave)
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
