//! A breaker as people look at it.

use std::time::Instant;

use super::word::Phase;
use super::{Breaker, Mode};
use crate::Evidence;
use crate::sync::atomic::Ordering;
use crate::window::Counts;

/// What a breaker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls flow and are counted.
    Closed,
    /// Calls are refused.
    Open,
    /// Some calls probe the callee, the others are refused.
    HalfOpen,
    /// An operator has calls refused.
    ForcedOpen,
    /// An operator lets calls flow, uncounted.
    Disabled,
    /// An operator lets calls flow, counted.
    MetricsOnly,
}

/// A breaker at one moment. Of calls that end while it is taken some may be missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snapshot {
    pub state: State,
    /// When the state began.
    pub since: Instant,
    /// The calls in the window.
    pub window: Counts,
    /// Where `consecutive_failures` is set.
    pub failures_in_a_row: u32,
    /// When an open breaker lets the next probe through.
    pub next_probe: Option<Instant>,
    /// What opened it last.
    pub reason: Option<Evidence>,
    /// Openings since it was last healthy: so often the open time has been doubled, but for the first.
    pub opened_in_a_row: u32,
    /// Openings since the beginning.
    pub trips: u64,
    /// Probes in flight or succeeded, of a half-open breaker.
    pub probes: u32,
    /// Of these, in flight.
    pub probes_in_flight: u32,
}

impl State {
    /// The stable name, as in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half_open",
            State::ForcedOpen => "forced_open",
            State::Disabled => "disabled",
            State::MetricsOnly => "metrics_only",
        }
    }
}

impl Breaker {
    /// What it does with calls.
    pub fn state(&self) -> State {
        let word = self.word();
        match (word.mode(), word.phase()) {
            (Mode::Automatic, Phase::Closed) => State::Closed,
            (Mode::Automatic, Phase::Open) => State::Open,
            (Mode::Automatic, Phase::HalfOpen) => State::HalfOpen,
            (Mode::ForcedOpen, _) => State::ForcedOpen,
            (Mode::Disabled, _) => State::Disabled,
            (Mode::MetricsOnly, _) => State::MetricsOnly,
        }
    }

    /// Whether a call would be refused for sure: it is open, and the time of the next probe has not come.
    pub fn is_open(&self, now: Instant) -> bool {
        let until = || self.until.load(Ordering::Relaxed);
        match self.state() {
            State::ForcedOpen => true,
            State::Open => self.origin.nanos(now) < until(),
            _ => false,
        }
    }

    /// State and numbers, for people.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let turn = self.turn.lock();
        let (state, word) = (self.state(), self.word());
        let until = self.until.load(Ordering::Relaxed);
        Snapshot {
            state,
            since: self.origin.instant(turn.since),
            window: self.window.sum(word.generation(), self.origin.nanos(now)),
            failures_in_a_row: self.row.get(word.generation()),
            next_probe: (state == State::Open).then(|| self.origin.instant(until)),
            reason: turn.reason,
            opened_in_a_row: turn.opened_in_a_row,
            trips: turn.trips,
            probes: word.probes(),
            probes_in_flight: word.probes() - word.successes(),
        }
    }
}
