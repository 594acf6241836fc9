//! Refusing while the process is short of processor time.
//!
//! While the processors are busier than a threshold, no more calls may be in flight than the process is able to work on:
//! by Little's law its best throughput times its best latency, of the last ten seconds (the BBR limiter of go-kratos/aegis
//! and Sentinel, after the congestion control of that name). If calls are refused and the others take hardly longer, more
//! are let in flight, by a tenth with each sample: what keeps the processors busy may be a neighbour. Below the threshold
//! every call is let through. So a burst that the machine can bear is borne, and in an overload those calls go first that
//! would only have waited.
//!
//! [`Shedder::feed`] brings the load, which [`cpu::Meter`](super::cpu::Meter) measures, and judges what was counted since
//! the last time; a check reads two words. After the last sample over the threshold calls are bounded for one second more,
//! so that the load does not swing; and if the samples stop, nothing is refused from then on: a meter that is dead must
//! not take the service with it.
//!
//! Where few calls take very much longer than the others by nature (1 in 20 takes 200 times as long), the best mean latency
//! is that of the quick ones: beside a busy neighbour the bound stays far too low for such calls.
//!
//! **Bound.** While the load is over the threshold never more in flight than the bound's share of the call's
//! [`Priority`]; calls that were in flight before end as they will.

mod capacity;

use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use nines_model::Cause;

use super::Priority;
use super::cpu::{self, Meter};
use crate::invalid::ensure;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::time::{Origin, nanos};
use crate::{Evidence, Invalid, Measure, Outcome, Refused, stripe};

use capacity::{Capacity, Load};

/// When to shed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShedderConfig {
    /// The share of the processor time open to the process from which on calls are bounded, in `(0, 1]`; 0.9 by default
    /// (go-zero).
    pub cpu: f64,
    /// The best throughput and latency of this time count, 1 s to 10 min; 10 s by default (aegis).
    pub window: Duration,
    /// So long after the last sample over the threshold calls are still bounded, 100 ms to 1 min; 1 s by default (aegis,
    /// go-zero).
    pub cool_off: Duration,
}

/// Refuses calls while the processors are too busy.
#[derive(Debug)]
pub struct Shedder {
    config: ShedderConfig,
    origin: Origin,
    in_flight: CachePadded<AtomicU32>,
    /// Until when calls are bounded, in nanoseconds of the origin.
    until: AtomicU64,
    bound: AtomicU32,
    /// Whether the bound has refused a call since it was found.
    full: AtomicBool,
    /// The bits of the last sample.
    cpu: AtomicU64,
    passed: Box<[CachePadded<Passed>]>,
    capacity: Mutex<Capacity>,
}

/// Calls that succeeded, and their latencies in nanoseconds, since the beginning.
#[derive(Debug, Default)]
struct Passed {
    calls: AtomicU64,
    nanos: AtomicU64,
}

/// A call in flight. It goes back by [`Shedder::record`] or [`Shedder::release`].
#[derive(Debug)]
#[must_use = "a ticket goes back to its shedder by `record` or `release`"]
pub struct ShedTicket {
    begun: u64,
}

/// A shedder as people look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShedSnapshot {
    /// The last sample.
    pub cpu: f64,
    pub in_flight: u32,
    /// How many may be in flight; `None` while the load is below the threshold.
    pub bound: Option<u32>,
}

impl Default for ShedderConfig {
    fn default() -> Self {
        Self {
            cpu: 0.9,
            window: Duration::from_secs(10),
            cool_off: Duration::from_secs(1),
        }
    }
}

impl ShedderConfig {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        let share = self.cpu > 0.0 && self.cpu <= 1.0;
        ensure(share, "shed.cpu", self.cpu, "more than 0 up to 1")?;
        let window = (Duration::from_secs(1)..=Duration::from_secs(600)).contains(&self.window);
        ensure(window, "shed.window", self.window, "1s to 10m")?;
        let cool_off = (Duration::from_millis(100)..=Duration::from_secs(60)).contains(&self.cool_off);
        ensure(cool_off, "shed.coolOff", self.cool_off, "100ms to 1m")
    }
}

impl Shedder {
    /// A shedder that knows of no load yet, and so refuses nothing.
    pub fn new(config: ShedderConfig, now: Instant) -> Result<Self, Invalid> {
        config.validate()?;
        Ok(Self {
            origin: Origin::new(now),
            in_flight: CachePadded::default(),
            until: AtomicU64::new(0),
            bound: AtomicU32::new(u32::MAX),
            full: AtomicBool::new(false),
            cpu: AtomicU64::new(0.0f64.to_bits()),
            passed: (0..stripe::count()).map(|_| CachePadded::default()).collect(),
            capacity: Mutex::new(Capacity::new(nanos(config.window))),
            config,
        })
    }

    /// How busy the processors that the process may use were since the last time, in `[0, 1]`. Bring it about every
    /// 250 ms (go-zero); `NaN` is passed over.
    pub fn feed(&self, cpu: f64, now: Instant) {
        if cpu.is_nan() {
            return;
        }
        let now = self.origin.nanos(now);
        self.cpu.store(cpu.clamp(0.0, 1.0).to_bits(), Ordering::Relaxed);
        let (calls, total) = self.passed();
        let busy = cpu >= self.config.cpu;
        let mut capacity = self.capacity.lock();
        if capacity.add(calls, total, now) {
            capacity.judge(self.load(busy, now));
            self.bound.store(capacity.bound(), Ordering::Relaxed);
        }
        if busy {
            let until = now.saturating_add(nanos(self.config.cool_off));
            self.until.fetch_max(until, Ordering::Relaxed);
        }
    }

    /// Brings what the meter measures now. On an error the last sample stands until it is too old.
    pub fn feed_from(&self, meter: &mut Meter, now: Instant) -> Result<(), cpu::Error> {
        if let Some(load) = meter.sample(now)? {
            self.feed(load, now);
        }
        Ok(())
    }

    /// Whether one more call may be in flight.
    pub fn try_enter(&self, priority: Priority, now: Instant) -> Result<ShedTicket, Refused> {
        let now = self.origin.nanos(now);
        let until = self.until.load(Ordering::Relaxed);
        if now >= until {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
            return Ok(ShedTicket { begun: now });
        }
        let bound = self.bound.load(Ordering::Relaxed);
        let most = priority.share(bound);
        let room = |in_flight: u32| (in_flight < most).then(|| in_flight + 1);
        match self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room) {
            Ok(_) => Ok(ShedTicket { begun: now }),
            Err(in_flight) => Err(self.refused(in_flight, most, bound, until - now)),
        }
    }

    /// Takes in what a call came to. The latency of successes counts: a quick failure says nothing of what the process can
    /// do.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is used up")]
    pub fn record(&self, ticket: ShedTicket, outcome: Outcome, now: Instant) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if outcome != Outcome::Success {
            return;
        }
        let latency = self.origin.nanos(now).saturating_sub(ticket.begun);
        let mine = &self.passed[stripe::mine(self.passed.len())];
        mine.calls.fetch_add(1, Ordering::Relaxed);
        mine.nanos.fetch_add(latency, Ordering::Relaxed);
    }

    /// Takes back the ticket of a call that was cancelled: it says nothing.
    pub fn release(&self, _ticket: ShedTicket) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many calls are in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The numbers, for people.
    pub fn snapshot(&self, now: Instant) -> ShedSnapshot {
        let bounded = self.origin.nanos(now) < self.until.load(Ordering::Relaxed);
        ShedSnapshot {
            cpu: self.last_cpu(),
            in_flight: self.in_flight(),
            bound: bounded.then(|| self.bound.load(Ordering::Relaxed)),
        }
    }

    fn load(&self, busy: bool, now: u64) -> Load {
        let full = self.full.swap(false, Ordering::Relaxed);
        match (busy || now < self.until.load(Ordering::Relaxed), full) {
            (false, _) => Load::Below,
            (true, false) => Load::Over,
            (true, true) => Load::Full,
        }
    }

    fn last_cpu(&self) -> f64 {
        f64::from_bits(self.cpu.load(Ordering::Relaxed))
    }

    fn passed(&self) -> (u64, u64) {
        let each = self.passed.iter();
        each.fold((0, 0), |(calls, total): (u64, u64), passed| {
            let (more, longer) = (
                passed.calls.load(Ordering::Relaxed),
                passed.nanos.load(Ordering::Relaxed),
            );
            (calls.wrapping_add(more), total.wrapping_add(longer))
        })
    }

    /// A call that a more important one would have got through is told so.
    #[cold]
    fn refused(&self, in_flight: u32, most: u32, bound: u32, nanos: u64) -> Refused {
        if !self.full.load(Ordering::Relaxed) {
            self.full.store(true, Ordering::Relaxed);
        }
        let (measure, value, bound) = if most < bound {
            (Measure::Priority, f64::from(in_flight), f64::from(most))
        } else {
            (Measure::Cpu, self.last_cpu(), self.config.cpu)
        };
        Refused {
            cause: Cause::Overloaded,
            evidence: Evidence {
                measure,
                value,
                bound,
                calls: 0,
            },
            retry_after: Some(Duration::from_nanos(nanos)),
        }
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
