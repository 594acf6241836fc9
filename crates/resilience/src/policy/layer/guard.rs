//! What a call holds, given back whatever happens to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use crate::deadline::Deadline;
use crate::layer::checked::unwinding;
use crate::layer::{chance, now};
use crate::policy::{Admission, Ticket};
use crate::{Observed, Outcome, Refusal, Refused, Repeat};

/// A call's places and attempts. Dropped before the call ended, it gives back the places and says nothing of the callee:
/// whoever waited for it went away.
#[derive(Debug)]
pub(super) struct Guard<I> {
    pub(super) state: Arc<State<I>>,
    pub(super) admission: Admission,
    /// The attempt whose future is held inline.
    pub(super) main: Option<Ticket>,
    /// Those of the hedges, in the order of their futures.
    pub(super) hedges: Vec<Ticket>,
    pub(super) over: bool,
}

/// A panic says that the callee failed, and would fail the same way again.
const PANICKED: Observed = Observed {
    repeat: Repeat::Never,
    ..Observed::FAILURE
};

impl<I> Guard<I> {
    pub(super) fn new(state: Arc<State<I>>, admission: Admission) -> Self {
        Self {
            state,
            admission,
            main: None,
            hedges: Vec::new(),
            over: false,
        }
    }

    /// Whether the callee may be asked; the number of the attempt.
    pub(super) fn attempt(&mut self, now: Instant) -> Result<u32, Refused> {
        let governor = &self.state.governor;
        let ticket = governor.attempt(&mut self.admission, None, now, chance::unit)?;
        Ok(self.main.insert(ticket).number())
    }

    /// Whether it may be asked beside the attempt under way.
    pub(super) fn hedge(&mut self, now: Instant) -> Option<u32> {
        let governor = &self.state.governor;
        if !governor.hedge(&mut self.admission, now) {
            return None;
        }
        let ticket = governor.attempt(&mut self.admission, None, now, chance::unit).ok()?;
        let number = ticket.number();
        self.hedges.push(ticket);
        Some(number)
    }

    /// The ticket of the first attempt, or of the hedge at that place.
    pub(super) fn take(&mut self, hedge: Option<usize>) -> Ticket {
        match hedge {
            Some(place) => self.hedges.remove(place),
            None => self.main.take().expect("the attempt has a ticket"),
        }
    }

    pub(super) fn settle(&self, ticket: Ticket, observed: Observed, now: Instant) {
        self.state.governor.settle(ticket, None, observed, now);
    }

    /// How long the longest attempt may still run: the time at which the next one is too late.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        let limit: Duration = self.state.governor.attempt_limit()?;
        let begun = self.main.iter().chain(&self.hedges).map(Ticket::begun).min()?;
        begun.checked_add(limit)
    }

    /// When a hedge of the attempt that is sent `now` is due.
    pub(super) fn hedge_at(&self, now: Instant) -> Option<Instant> {
        let after = self.state.governor.hedge_after(&self.admission, now)?;
        now.checked_add(after)
    }

    /// Whether an attempt is under way.
    pub(super) fn is_trying(&self) -> bool {
        self.main.is_some() || !self.hedges.is_empty()
    }

    /// When the call must be stopped.
    pub(super) fn limit(&self) -> Option<Instant> {
        self.admission.deadline().map(Deadline::instant)
    }

    /// A refusal, with the policy's name.
    #[cold]
    pub(super) fn refusal(&self, refused: Refused) -> Refusal {
        refused.by(self.state.governor.name())
    }

    /// Every attempt under way has failed in this way.
    pub(super) fn settle_all(&mut self, observed: Observed, now: Instant) {
        for ticket in self.main.take().into_iter().chain(self.hedges.drain(..)) {
            self.state.governor.settle(ticket, None, observed, now);
        }
    }

    /// The call's time is up.
    pub(super) fn cut_all(&mut self, now: Instant) {
        for ticket in self.main.take().into_iter().chain(self.hedges.drain(..)) {
            self.state.governor.cut(ticket, None, now);
        }
    }

    /// Another attempt was faster than those under way.
    pub(super) fn lose_all(&mut self, now: Instant) {
        for ticket in self.main.take().into_iter().chain(self.hedges.drain(..)) {
            self.state.governor.lose(ticket, None, now);
        }
    }

    /// Runs what the callee does. If that panics, the callee has failed, and would fail the same way again.
    pub(super) fn watch<T>(&mut self, work: impl FnOnce() -> T) -> T {
        unwinding(&mut Some(self), work, |guard| {
            let now = now();
            guard.settle_all(PANICKED, now);
            guard.finish(Outcome::Failure, now);
        })
    }

    /// The call has ended.
    pub(super) fn finish(&mut self, outcome: Outcome, now: Instant) {
        self.over = true;
        self.state.governor.finish(&mut self.admission, outcome, now);
    }

    /// The call was not let through.
    pub(super) fn abandon(&mut self) {
        self.over = true;
        self.state.governor.abandon(&mut self.admission);
    }
}

impl<I> Drop for Guard<I> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        for ticket in self.main.take().into_iter().chain(self.hedges.drain(..)) {
            self.state.governor.leave(ticket, None);
        }
        self.abandon();
    }
}
