//! One call, as the governor sees it.

use std::time::Instant;

use crate::adaptive::{self, Priority};
use crate::deadline::Deadline;
use crate::hedge::Race;
use crate::limit::Standing;
use crate::retry::{Attempts, History, OuterAttempt};
use crate::{breaker, bulkhead};

/// What is known of a call before it is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Whether making it twice has the effect of making it once.
    pub idempotent: bool,
    pub priority: Priority,
    /// Which attempt of the hop before it is.
    pub outer: OuterAttempt,
    /// What the caller gives it.
    pub deadline: Option<Deadline>,
}

impl Default for Call {
    /// Nothing is known: it may not be made twice.
    fn default() -> Self {
        Self {
            idempotent: false,
            priority: Priority::default(),
            outer: OuterAttempt::FIRST,
            deadline: None,
        }
    }
}

/// What a call holds while it is under way. Give it back with [`Governor::finish`](super::Governor::finish) or
/// [`Governor::abandon`](super::Governor::abandon).
#[derive(Debug)]
#[must_use]
pub struct Admission {
    pub(super) call: Call,
    pub(super) begun: Instant,
    /// When it must be over, whether that is enforced or only counted.
    pub(super) due: Option<Deadline>,
    /// The same as far as it is enforced.
    pub(super) deadline: Option<Deadline>,
    pub(super) held: Held,
    pub(super) race: Race,
    /// Attempts sent, hedges included.
    pub(super) sent: u32,
    /// Made when the first attempt has failed.
    pub(super) attempts: Option<Box<Attempts>>,
    /// What is left of the rate limit that has least left.
    pub(super) standing: Option<Standing>,
    /// It waited or was repeated, so how long it took says nothing of the callee.
    pub(super) stretched: bool,
}

/// The places that a call takes up.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) shed: Option<adaptive::ShedTicket>,
    pub(super) place: Option<bulkhead::Slot>,
    pub(super) concurrency: Option<adaptive::Ticket>,
    /// It runs beside a bulkhead in shadow mode that has no place for it.
    pub(super) beside: bool,
}

/// How a call gets in.
#[derive(Debug)]
#[must_use]
pub enum Arrival {
    /// At once.
    In,
    /// When this resolves, with the place to give to [`Governor::seat`](super::Governor::seat).
    Queued(bulkhead::Enter),
}

/// An attempt under way. Give it back with [`Governor::settle`](super::Governor::settle),
/// [`Governor::leave`](super::Governor::leave), [`Governor::lose`](super::Governor::lose) or
/// [`Governor::cut`](super::Governor::cut), with the same breaker that it was made with.
#[derive(Debug)]
#[must_use]
pub struct Ticket {
    pub(super) breaker: Option<breaker::Ticket>,
    pub(super) begun: Instant,
    /// From 1.
    pub(super) number: u32,
    /// A throttle in shadow mode has counted it as refused, and counts nothing else of it.
    pub(super) throttled: bool,
}

impl Admission {
    /// When the call came.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// When the call must be stopped, and what the next hop is told: the earlier one of the caller's deadline and the
    /// policy's. `None` where the policy does not act.
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// What is left of the rate limit that has least left, since this call passed it; `None` if there is none.
    pub fn standing(&self) -> Option<Standing> {
        self.standing
    }

    /// Attempts sent, hedges included.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    pub(super) fn note_standing(&mut self, standing: Standing) {
        if self.standing.is_none_or(|least| standing.remaining < least.remaining) {
            self.standing = Some(standing);
        }
    }

    /// What came of the attempts that failed.
    pub fn history(&self) -> Option<&History> {
        self.attempts.as_deref().map(Attempts::history)
    }

    /// Gives the attempt that failed last its error's text.
    pub fn note(&mut self, text: &str) {
        if let Some(attempts) = &mut self.attempts {
            attempts.note(text);
        }
    }
}

impl Ticket {
    /// When the attempt began.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Its number among the attempts of the call, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }
}
