//! The hedges of one call.

use std::fmt;
use std::time::{Duration, Instant};

use super::Hedge;
use crate::deadline::Deadline;
use crate::retry::{Budget, OuterAttempt};

/// One call and the hedges beside it. It decides; whoever drives it waits, sends, takes the first good answer and drops
/// the others.
#[derive(Debug, Clone, Copy)]
pub struct Race {
    idempotent: bool,
    outer: OuterAttempt,
    deadline: Option<Deadline>,
    sent: u32,
}

/// What to do when a hedge is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Fire {
    /// Send another attempt, with this number from 2; the budget has paid.
    Go(u32),
    /// Send nothing more beside what is under way.
    Suppressed(Suppressed),
}

/// Why there is no hedge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suppressed {
    /// Doing it twice is not doing it once.
    NotIdempotent,
    /// An outer hop repeats this call already.
    OuterRepeats,
    /// As many as there may be are under way.
    MaxHedges,
    /// The deadline has passed.
    Deadline,
    /// Too many retries and hedges as it is.
    Budget,
}

impl Race {
    /// The call's first attempt is sent.
    pub fn new(idempotent: bool, outer: OuterAttempt, deadline: Option<Deadline>) -> Self {
        Self {
            idempotent,
            outer,
            deadline,
            sent: 0,
        }
    }

    /// How long to wait from `now`, when the attempt before was sent, until the next hedge is due. `None` if there will be
    /// none: it may not be hedged, too few latencies are known, or the deadline comes first.
    pub fn next(&self, hedge: &Hedge, now: Instant) -> Option<Duration> {
        self.may_send(hedge).ok()?;
        let delay = hedge.delay(now)?;
        let in_time = self
            .deadline
            .is_none_or(|deadline| deadline.remaining(now).is_some_and(|left| delay < left));
        in_time.then_some(delay)
    }

    /// Decides when a hedge is due. Withdraws from `budget` only if nothing else speaks against it.
    pub fn fire(&mut self, hedge: &Hedge, budget: &Budget, now: Instant) -> Fire {
        if let Err(reason) = self.may_send(hedge) {
            return Fire::Suppressed(reason);
        }
        if self.deadline.is_some_and(|deadline| deadline.is_over(now)) {
            return Fire::Suppressed(Suppressed::Deadline);
        }
        if !budget.try_withdraw(now) {
            return Fire::Suppressed(Suppressed::Budget);
        }
        self.sent += 1;
        Fire::Go(self.sent + 1)
    }

    /// Hedges sent.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    fn may_send(&self, hedge: &Hedge) -> Result<(), Suppressed> {
        if !self.idempotent {
            return Err(Suppressed::NotIdempotent);
        }
        if self.outer.is_repetition() {
            return Err(Suppressed::OuterRepeats);
        }
        if self.sent >= hedge.config().max_hedges {
            return Err(Suppressed::MaxHedges);
        }
        Ok(())
    }
}

impl Suppressed {
    /// The stable name, as in logs and counters.
    pub fn as_str(self) -> &'static str {
        match self {
            Suppressed::NotIdempotent => "not_idempotent",
            Suppressed::OuterRepeats => "outer_repeats",
            Suppressed::MaxHedges => "max_hedges",
            Suppressed::Deadline => "deadline",
            Suppressed::Budget => "budget",
        }
    }
}

impl fmt::Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
