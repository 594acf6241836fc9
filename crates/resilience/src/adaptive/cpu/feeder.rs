//! The load, brought to a shedder by the calls that it judges.

use std::time::Instant;

use super::{INTERVAL, Meter};
use crate::adaptive::Shedder;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::{Origin, nanos};

/// A meter that needs no task of its own: one call in every [`INTERVAL`] reads it, which takes two small files of the
/// system, and all others go on.
#[derive(Debug)]
pub struct Feeder {
    origin: Origin,
    /// When the meter is read next.
    next: AtomicU64,
    meter: Mutex<Meter>,
}

impl Feeder {
    /// Feeds what the meter measures.
    pub fn new(meter: Meter, now: Instant) -> Self {
        Self {
            origin: Origin::new(now),
            next: AtomicU64::new(0),
            meter: Mutex::new(meter),
        }
    }

    /// A call comes: brings the shedder the load, if it is time. If the meter cannot be read the last sample stands until
    /// it is too old, and from then on nothing is refused.
    pub fn feed(&self, shedder: &Shedder, now: Instant) {
        let nanos_now = self.origin.nanos(now);
        let next = self.next.load(Ordering::Relaxed);
        if nanos_now < next {
            return;
        }
        let after = nanos_now.saturating_add(nanos(INTERVAL));
        let mine = self
            .next
            .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_ok() {
            let _unread = shedder.feed_from(&mut self.meter.lock(), now);
        }
    }
}
