//! Attempts of a call: whether the callee may be asked, and whether again.

use std::time::{Duration, Instant};

use nines_base::Rng;
use nines_model::Cause;

use super::Governor;
use super::admit::stopped;
use crate::breaker::{self, Breaker};
use crate::hedge::Fire;
use crate::policy::{Admission, Ticket};
use crate::retry::{Attempts, GiveUp, Next};
use crate::{Observed, Outcome, Refused, Repeat};

impl Governor {
    /// Whether the call may be made once more after the attempts that were sent, so that its request must be copied.
    pub fn may_repeat(&self, admission: &Admission) -> bool {
        let hedges = match &self.config.hedge {
            Some(hedge) if admission.call.idempotent => hedge.max_hedges,
            _ => 0,
        };
        let most = self.config.retry.attempts + hedges;
        admission.sent <= most && most > 0 && !admission.call.outer.is_repetition() && self.config.acts()
    }

    /// Whether the callee may be asked now. `endpoint` is the breaker of the endpoint that was picked, which stands in
    /// for the policy's own; `draw` gives a number in `[0, 1)`.
    pub fn attempt(
        &self,
        admission: &mut Admission,
        endpoint: Option<&Breaker>,
        now: Instant,
        draw: impl FnOnce() -> f64,
    ) -> Result<Ticket, Refused> {
        let mut throttled = false;
        if let Some(gate) = &self.throttle
            && let Err(refused) = gate.core.check(now, draw())
        {
            self.counts.refuse(gate.shadow, refused)?;
            throttled = true;
        }
        let breaker = self.check_breaker(endpoint, now)?;
        if admission.sent == 0 {
            self.budget.record_request(now);
        }
        admission.sent += 1;
        Ok(Ticket {
            breaker,
            begun: now,
            number: admission.sent,
            throttled,
        })
    }

    /// The attempt is over, with this result.
    pub fn settle(&self, ticket: Ticket, endpoint: Option<&Breaker>, observed: Observed, now: Instant) {
        if let (Some(breaker), Some(held)) = (self.breaker_of(endpoint), ticket.breaker) {
            breaker.record(held, observed, now);
        }
        if let Some(gate) = self.throttle.as_ref().filter(|_| !ticket.throttled) {
            gate.core.record(observed.outcome, now);
        }
        if let (Some(hedge), 1, Outcome::Success) = (&self.hedge, ticket.number, observed.outcome) {
            hedge.record(now.saturating_duration_since(ticket.begun), now);
        }
    }

    /// The attempt was dropped under way, because its caller went away.
    pub fn leave(&self, ticket: Ticket, endpoint: Option<&Breaker>) {
        if let (Some(breaker), Some(held)) = (self.breaker_of(endpoint), ticket.breaker) {
            breaker.release(held);
        }
    }

    /// The attempt was dropped under way, because another one was faster. It took at least so long: that is a sample of a
    /// first attempt's latency, and may make it a slow call.
    pub fn lose(&self, ticket: Ticket, endpoint: Option<&Breaker>, now: Instant) {
        if let (Some(hedge), 1) = (&self.hedge, ticket.number) {
            hedge.record(now.saturating_duration_since(ticket.begun), now);
        }
        if let (Some(breaker), Some(held)) = (self.breaker_of(endpoint), ticket.breaker) {
            breaker.lose(held, now);
        }
    }

    /// The attempt was dropped under way, because the time of its call was up. It failed if it ran for at least half of what
    /// the policy itself gives one attempt (of 15 s where it sets no limit); else it is lost. For callers set deadlines too,
    /// and one whose deadlines nobody can keep must not open the breaker of all others.
    pub fn cut(&self, ticket: Ticket, endpoint: Option<&Breaker>, now: Instant) {
        let ran = now.saturating_duration_since(ticket.begun);
        if ran >= self.config.patience() {
            self.settle(ticket, endpoint, Observed::FAILURE, now);
        } else {
            self.lose(ticket, endpoint, now);
        }
    }

    /// What to do once no attempt is under way any more, and the last one, which began at `begun`, came to this. Whether the
    /// breaker is open is looked at before the budget is asked: `endpoint` is the one that the next attempt would ask, and
    /// without one the policy's own counts. Who picks an endpoint only when the attempt is made gives `None`, and asks
    /// [`Governor::attempt`] with the one that was picked.
    pub fn next(
        &self,
        admission: &mut Admission,
        endpoint: Option<&Breaker>,
        (observed, begun): (Observed, Instant),
        now: Instant,
        rng: &mut Rng,
    ) -> Next {
        if observed.repeat == Repeat::Never && matches!(observed.outcome, Outcome::Success | Outcome::Ignored) {
            return Next::Done;
        }
        let open = self.config.acts() && observed.repeat != Repeat::Never && self.is_open(endpoint, now);
        let seen = Observed {
            repeat: if open { Repeat::Never } else { observed.repeat },
            ..observed
        };
        let call = admission.call;
        let new = || Box::new(Attempts::new(self.config.retry, call.outer, begun));
        let attempts = admission.attempts.get_or_insert_with(new);
        attempts.begin(begun);
        let next = attempts.next(seen, call.idempotent, admission.deadline, &self.budget, now, rng);
        match next {
            Next::Again(_) if !self.config.acts() => {
                self.counts.would_retry();
                Next::GiveUp(GiveUp::Exhausted)
            }
            Next::GiveUp(_) if open => Next::GiveUp(GiveUp::BreakerOpen),
            next => {
                admission.stretched |= matches!(next, Next::Again(_));
                next
            }
        }
    }

    /// How long to wait from `now`, when the attempt before was sent, until a hedge is due; `None` for none.
    pub fn hedge_after(&self, admission: &Admission, now: Instant) -> Option<Duration> {
        let hedge = self.hedge.as_ref().filter(|_| self.config.acts())?;
        admission.race.next(hedge, now)
    }

    /// A hedge is due: whether to make it. If so, ask [`Governor::attempt`] as for any.
    pub fn hedge(&self, admission: &mut Admission, now: Instant) -> bool {
        let Some(hedge) = &self.hedge else { return false };
        matches!(admission.race.fire(hedge, &self.budget, now), Fire::Go(_))
    }

    /// How long one attempt may take.
    pub fn attempt_limit(&self) -> Option<Duration> {
        self.config.attempt.filter(|_| self.config.acts())
    }

    /// An attempt took longer than it may: counts it, and says what to tell the caller if there is no other. It is
    /// settled as [`Observed::FAILURE`].
    pub fn time_out(&self, begun: Instant, now: Instant) -> Refused {
        let given = self.config.attempt.unwrap_or_default();
        self.counted(stopped(Cause::UpstreamTimeout, begun, given, now))
    }

    fn check_breaker(&self, endpoint: Option<&Breaker>, now: Instant) -> Result<Option<breaker::Ticket>, Refused> {
        let Some(breaker) = self.breaker_of(endpoint) else {
            return Ok(None);
        };
        match breaker.check(now) {
            Ok(ticket) => Ok(Some(ticket)),
            Err(refused) => self.counts.refuse(self.is_shadow(), refused).map(|()| None),
        }
    }

    fn breaker_of<'b>(&'b self, endpoint: Option<&'b Breaker>) -> Option<&'b Breaker> {
        endpoint.or(self.breaker.as_ref().map(|gate| &*gate.core))
    }

    fn is_shadow(&self) -> bool {
        self.breaker.as_ref().is_some_and(|gate| gate.shadow)
    }

    fn is_open(&self, endpoint: Option<&Breaker>, now: Instant) -> bool {
        let breaker = self.breaker_of(endpoint).filter(|_| !self.is_shadow());
        breaker.is_some_and(|breaker| breaker.is_open(now))
    }
}
