//! The attempts of one call.

use std::fmt;
use std::time::{Duration, Instant};

use nines_base::Rng;

use super::{Attempt, Budget, Config, History, OuterAttempt};
use crate::deadline::Deadline;
use crate::{Observed, Outcome, Repeat};

/// The state of one call: how often it was tried, and what came of it. Costs nothing until an attempt fails.
#[derive(Debug, Clone)]
pub struct Attempts {
    config: Config,
    outer: OuterAttempt,
    begun: Instant,
    made: u32,
    history: History,
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// The answer stands.
    Done,
    /// Wait so long, then try again; the budget has paid.
    Again(Duration),
    /// The answer is a failure, and there is no other try.
    GiveUp(GiveUp),
}

/// Why there is no other try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GiveUp {
    /// The same call would fail again.
    NotRepeatable,
    /// It may have been processed, and doing it twice is not doing it once.
    NotIdempotent,
    /// All attempts are made, or retries are switched off.
    Exhausted,
    /// An outer hop repeats this call already.
    OuterRepeats,
    /// The callee asks for more time than is waited for.
    AskedTooLong(Duration),
    /// The wait would end at or after the deadline.
    Deadline,
    /// Too many retries and hedges as it is.
    Budget,
    /// The breaker is open by now, so that another attempt would be refused.
    BreakerOpen,
    /// Another attempt was refused on our side.
    Refused,
}

impl Attempts {
    /// The call begins with its first attempt, `now`. `outer` is the number it bears from the hop before.
    pub fn new(config: Config, outer: OuterAttempt, now: Instant) -> Self {
        Self {
            config,
            outer,
            begun: now,
            made: 1,
            history: History::default(),
        }
    }

    /// An attempt after a wait begins, `now`: its latency counts from here, and not from when it was decided.
    pub fn begin(&mut self, now: Instant) {
        self.begun = now;
    }

    /// The number of the attempt that is under way, from 1: what goes out as `x-nines-attempt`.
    pub fn number(&self) -> u32 {
        self.made
    }

    /// Decides after an attempt. Withdraws from `budget` only if nothing else speaks against another try.
    pub fn next(
        &mut self,
        observed: Observed,
        idempotent: bool,
        deadline: Option<Deadline>,
        budget: &Budget,
        now: Instant,
        rng: &mut Rng,
    ) -> Next {
        if matches!(observed.outcome, Outcome::Success | Outcome::Ignored) && observed.repeat == Repeat::Never {
            return Next::Done;
        }
        self.history.push(Attempt {
            number: self.made,
            outcome: observed.outcome,
            latency: now.saturating_duration_since(self.begun),
            text: Box::default(),
        });
        let wait = match self.wait(observed, idempotent, deadline, now, rng) {
            Ok(wait) => wait,
            Err(reason) => return Next::GiveUp(reason),
        };
        if !budget.try_withdraw(now) {
            return Next::GiveUp(GiveUp::Budget);
        }
        self.made += 1;
        self.begun = now.checked_add(wait).unwrap_or(now);
        Next::Again(wait)
    }

    /// Gives the attempt that ended last its error's text.
    pub fn note(&mut self, text: &str) {
        self.history.note(text);
    }

    /// What came of the attempts that did not satisfy.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The same, for the final error.
    pub fn into_history(self) -> History {
        self.history
    }

    fn wait(
        &self,
        observed: Observed,
        idempotent: bool,
        deadline: Option<Deadline>,
        now: Instant,
        rng: &mut Rng,
    ) -> Result<Duration, GiveUp> {
        self.may_repeat(observed, idempotent)?;
        let asked = observed.retry_after.unwrap_or_default();
        if asked > self.config.max_retry_after {
            return Err(GiveUp::AskedTooLong(asked));
        }
        let jitter = self.config.backoff.delay(self.made - 1, rng);
        let Some(deadline) = deadline else {
            return Ok(asked.saturating_add(jitter));
        };
        let left = deadline.remaining(now).unwrap_or_default();
        fit(asked, jitter, left).ok_or(GiveUp::Deadline)
    }

    fn may_repeat(&self, observed: Observed, idempotent: bool) -> Result<(), GiveUp> {
        match observed.repeat {
            Repeat::Never => return Err(GiveUp::NotRepeatable),
            Repeat::IfIdempotent if !idempotent => return Err(GiveUp::NotIdempotent),
            Repeat::IfIdempotent | Repeat::Safe => {}
        }
        if self.made > self.config.attempts {
            return Err(GiveUp::Exhausted);
        }
        if self.outer.is_repetition() {
            return Err(GiveUp::OuterRepeats);
        }
        Ok(())
    }
}

/// The wait that begins an attempt before `left` is over: what was asked for with jitter on top, so that those who were
/// told the same time do not come together; without the jitter if that does not fit.
fn fit(asked: Duration, jitter: Duration, left: Duration) -> Option<Duration> {
    let both = asked.saturating_add(jitter);
    let least = if asked.is_zero() { both } else { asked };
    [both, least].into_iter().find(|wait| *wait < left)
}

impl GiveUp {
    /// The stable name, as in logs and counters.
    pub fn as_str(self) -> &'static str {
        match self {
            GiveUp::NotRepeatable => "not_repeatable",
            GiveUp::NotIdempotent => "not_idempotent",
            GiveUp::Exhausted => "exhausted",
            GiveUp::Refused => "refused",
            GiveUp::OuterRepeats => "outer_repeats",
            GiveUp::AskedTooLong(_) => "asked_too_long",
            GiveUp::Deadline => "deadline",
            GiveUp::Budget => "budget",
            GiveUp::BreakerOpen => "breaker_open",
        }
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
