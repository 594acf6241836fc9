//! The changes of phase: rare, each under a lock, each beginning a new generation.

use std::time::Duration;

use nines_base::Rng;
use nines_model::Cause;

use super::ticket::Kind;
use super::word::{Phase, Word};
use super::{Breaker, Config, Mode, Ticket, refused};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::nanos;
use crate::{Evidence, Measure, Observed, Refused};

/// What only changes of phase write.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) rng: Rng,
    /// When the phase began, in nanoseconds of the breaker's origin.
    pub(super) since: u64,
    /// Openings since it was last healthy.
    pub(super) opened_in_a_row: u32,
    /// Openings since the beginning.
    pub(super) trips: u64,
    pub(super) reason: Option<Evidence>,
}

impl Turn {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            since: 0,
            opened_in_a_row: 0,
            trips: 0,
            reason: None,
        }
    }
}

/// Why it is open, readable without the lock. Written before the word, so that whoever sees an open breaker sees its
/// reason or a later one.
#[derive(Debug, Default)]
pub(super) struct Reason {
    /// The calls, and below them in eight bits the measure.
    what: AtomicU64,
    value: AtomicU64,
}

impl Reason {
    fn set(&self, evidence: &Evidence) {
        let measure = match evidence.measure {
            Measure::SlowCallRate => 1,
            Measure::ConsecutiveFailures => 2,
            Measure::AskedPause => 3,
            _ => 0,
        };
        self.what.store(evidence.calls << 8 | measure, Ordering::Relaxed);
        self.value.store(evidence.value.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn refused(&self, config: &Config, after: Duration) -> Refused {
        let what = self.what.load(Ordering::Relaxed);
        let (measure, bound) = match what & 0xff {
            1 => (Measure::SlowCallRate, config.slow_calls.map(|slow| slow.rate)),
            2 => (Measure::ConsecutiveFailures, config.consecutive_failures.map(f64::from)),
            3 => (Measure::AskedPause, None),
            _ => (Measure::FailureRate, Some(config.probe_failure_rate())),
        };
        let value = f64::from_bits(self.value.load(Ordering::Relaxed));
        let mut refused = refused(measure, value, bound.unwrap_or_default(), Some(after));
        refused.evidence.calls = what >> 8;
        debug_assert_eq!(refused.cause, Cause::BreakerOpen);
        refused
    }
}

impl Breaker {
    /// From `seen`, closed or half-open, to open. If somebody was quicker nothing happens.
    pub(super) fn open(&self, seen: Word, found: Evidence, observed: Observed, now: u64) {
        let mut turn = self.turn.lock();
        if self.word().generation() != seen.generation() {
            return;
        }
        let healthy = nanos(self.config.healthy_after);
        if seen.phase() == Phase::Closed && now.saturating_sub(turn.since) >= healthy {
            turn.opened_in_a_row = 0;
        }
        let time = self.open_time(&mut turn, &found, observed.retry_after);
        turn.trips += 1;
        turn.reason = Some(found);
        self.reason.set(&found);
        self.until.store(now.saturating_add(time), Ordering::Relaxed);
        self.begin(&mut turn, seen, now, Mode::Automatic, Phase::Open);
    }

    /// What the callee asked for, where that opened it; else doubled with each opening in a row and shortened by jitter, and
    /// at least what the callee asked for.
    fn open_time(&self, turn: &mut Turn, found: &Evidence, asked: Option<Duration>) -> u64 {
        let asked = asked.unwrap_or_default().min(self.config.max_open_for);
        if found.measure == Measure::AskedPause {
            return nanos(asked);
        }
        let factor = 2u32.saturating_pow(turn.opened_in_a_row.min(31));
        let full = self
            .config
            .open_for
            .saturating_mul(factor)
            .min(self.config.max_open_for);
        let jittered = full.mul_f64(1.0 - self.config.jitter * turn.rng.unit());
        turn.opened_in_a_row = turn.opened_in_a_row.saturating_add(1);
        nanos(jittered.max(asked)).max(1)
    }

    /// From `seen`, open or half-open and stuck, to half-open, with the caller's probe. Whoever meets another at it is
    /// refused, and never waits.
    pub(super) fn half_open(&self, seen: Word, now: u64) -> Result<Ticket, Refused> {
        let met = || refused(Measure::Probes, 1.0, f64::from(self.config.half_open_calls), None);
        let mut turn = self.turn.try_lock().ok_or_else(met)?;
        if self.word().generation() != seen.generation() {
            return Err(met());
        }
        let lost_at = now.saturating_add(nanos(self.config.lost_after()));
        self.until.store(lost_at, Ordering::Relaxed);
        let begun = self.begin(&mut turn, seen, now, Mode::Automatic, Phase::HalfOpen);
        drop(turn);
        let reserve = |word: Word| (word.probes() < self.config.half_open_calls).then(|| word.with_probe());
        let probe = self.try_update(begun.generation(), reserve).ok_or_else(met)?;
        Ok(Ticket::new(Kind::Probe, probe, now))
    }

    /// To closed, with an empty window.
    pub(super) fn close(&self, turn: &mut Turn, seen: Word, now: u64, mode: Mode) {
        self.begin(turn, seen, now, mode, Phase::Closed);
    }

    /// The next generation. The window is empty before anybody can see it. Probes may still come and go in the word, so
    /// that it is exchanged until it holds still; its generation cannot change, because that takes the lock.
    fn begin(&self, turn: &mut Turn, seen: Word, now: u64, mode: Mode, phase: Phase) -> Word {
        turn.since = now;
        let next = seen.next(mode, phase);
        self.window.clear(next.generation());
        self.update(seen.generation(), |_| next)
            .expect("the generation changes under the lock only")
    }
}
