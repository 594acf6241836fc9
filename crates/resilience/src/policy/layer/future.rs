//! A call under a policy, from its arrival to its answer.

use std::future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use nines_model::Cause;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::guard::Guard;
use super::hedges::Hedges;
use crate::bulkhead::Enter;
use crate::layer::{Alarm, Error, Inspect, Stopped, Timed, chance, now};
use crate::retry::{GiveUp, Next};
use crate::{Observed, Outcome, Refused, Repeat};

pin_project! {
    /// A call under a policy.
    #[must_use = "futures do nothing unless polled"]
    #[project = FutureProj]
    pub struct Future<S, Req, I>
    where
        S: Service<Req>,
    {
        // What the callee does is dropped before the guard: a place is free only once its work has ended.
        #[pin]
        pub(super) main: Option<Timed<S::Future>>,
        pub(super) hedges: Hedges<S::Future>,
        pub(super) queued: Option<Box<Enter>>,
        #[pin]
        pub(super) alarm: Alarm,
        // What the alarm is set to.
        pub(super) armed: Option<Instant>,
        pub(super) phase: Phase,
        // When another attempt goes out beside the one under way.
        pub(super) hedge_at: Option<Instant>,
        pub(super) spare: Option<Spare<S, Req>>,
        // What the attempts so far came to, while there may be another; or the refusal.
        pub(super) failed: Option<Result<S::Response, Error<S::Error>>>,
        // The strictest word of the attempts that failed beside others.
        pub(super) worst: Option<Observed>,
        pub(super) guard: Guard<I>,
    }
}

/// What a call is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It waits for a place.
    Queued,
    /// It waits for its turn, until this time, before the first attempt or between two.
    Waiting(Instant),
    /// It waits until the inner service is ready.
    Readying,
    /// Attempts are under way.
    Trying,
    /// It was refused, or not made again.
    Refused,
    /// The answer was given.
    Over,
}

/// What another attempt is made of.
#[derive(Debug)]
pub(super) struct Spare<S, Req> {
    pub(super) service: S,
    pub(super) request: Option<Req>,
}

/// What a step came to: the call's answer, or that it goes on.
pub(super) type Step<Res, Err> = Option<Result<Res, Error<Err>>>;

impl<S, Req, I> future::Future for Future<S, Req, I>
where
    S: Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
{
    type Output = Result<S::Response, Error<S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let step = match *this.phase {
                Phase::Queued => ready!(this.poll_queued(cx)),
                Phase::Waiting(until) => ready!(this.poll_waiting(until, cx)),
                Phase::Readying => ready!(this.poll_readying(cx)),
                Phase::Trying => ready!(this.poll_trying(cx)),
                Phase::Refused => this.failed.take(),
                Phase::Over => panic!("polled after it was ready"),
            };
            if let Some(result) = step {
                *this.phase = Phase::Over;
                return Poll::Ready(result);
            }
        }
    }
}

impl<S, Req, I> FutureProj<'_, S, Req, I>
where
    S: Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
{
    fn poll_queued(&mut self, cx: &mut Context<'_>) -> Poll<Step<S::Response, S::Error>> {
        let queued = self.queued.as_mut().expect("it waits in the queue");
        let now = now();
        let Poll::Ready(entered) = queued.poll_enter(cx, now) else {
            let limit = queued.limit();
            ready!(self.ring(limit, cx));
            return Poll::Ready(None);
        };
        *self.queued = None;
        let Guard { state, admission, .. } = &mut *self.guard;
        match state.governor.seat(admission, entered, now) {
            Ok(()) => self.pass(now),
            Err(refused) => self.refuse(refused, now),
        }
        Poll::Ready(None)
    }

    fn poll_waiting(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<Step<S::Response, S::Error>> {
        ready!(self.ring(Some(until), cx));
        *self.phase = Phase::Readying;
        Poll::Ready(None)
    }

    fn poll_readying(&mut self, cx: &mut Context<'_>) -> Poll<Step<S::Response, S::Error>> {
        let spare = self.spare.as_mut().expect("an attempt is to be made");
        match spare.service.poll_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                self.guard.finish(Outcome::Failure, now());
                return Poll::Ready(Some(Err(Error::Inner(error))));
            }
            Poll::Pending => {
                let now = ready!(self.ring(self.guard.limit(), cx));
                return Poll::Ready(self.stop(now));
            }
        }
        let now = now();
        if self.guard.limit().is_some_and(|limit| limit <= now) {
            return Poll::Ready(self.stop(now));
        }
        self.send(now);
        Poll::Ready(None)
    }

    fn poll_trying(&mut self, cx: &mut Context<'_>) -> Poll<Step<S::Response, S::Error>> {
        if let Some(main) = self.main.as_mut().as_pin_mut()
            && let Poll::Ready(result) = self.guard.watch(|| main.poll(cx))
        {
            self.main.set(None);
            return Poll::Ready(self.ended(None, result));
        }
        if let Poll::Ready((place, result)) = self.guard.watch(|| self.hedges.poll(cx)) {
            return Poll::Ready(self.ended(Some(place), result));
        }
        let limit = self.guard.limit();
        let overdue = self.guard.overdue_at();
        let next = [limit, overdue, *self.hedge_at].into_iter().flatten().min();
        let now = ready!(self.ring(next, cx));
        let reached = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        Poll::Ready(if reached(limit) {
            self.stop(now)
        } else if reached(overdue) {
            self.time_out(now)
        } else {
            self.hedge(now, cx);
            None
        })
    }

    /// Pending until this time; for ever for `None`.
    pub(super) fn ring(&mut self, at: Option<Instant>, cx: &mut Context<'_>) -> Poll<Instant> {
        if *self.armed != at {
            *self.armed = at;
            self.alarm.as_mut().set(at);
        }
        self.alarm.as_mut().poll(cx)
    }

    /// The first attempt has ended, or the hedge at that place. If it failed, another under way may still succeed.
    fn ended(&mut self, hedge: Option<usize>, result: Result<S::Response, S::Error>) -> Step<S::Response, S::Error> {
        let observed = self.guard.state.inspect.observe(&result);
        let now = now();
        let ticket = self.guard.take(hedge);
        let begun = ticket.begun();
        self.guard.settle(ticket, observed, now);
        let refused = result.is_err() && observed.outcome == Outcome::Ignored;
        let stands =
            matches!(observed.outcome, Outcome::Success | Outcome::Ignored) && observed.repeat == Repeat::Never;
        if stands && !(refused && (self.guard.is_trying() || self.worst.is_some())) {
            self.drop_all(now);
            return Some(self.finished(result.map_err(Error::Inner), None, observed.outcome, now));
        }
        let observed = self.strictest(observed, refused);
        // What was refused on our side is no answer beside one that the callee gave.
        let before = self.failed.take().filter(|_| refused);
        if self.guard.is_trying() {
            *self.failed = before.or_else(|| (!refused).then(|| result.map_err(Error::Inner)));
            return None;
        }
        let next = self.next(observed, begun, now);
        self.note(next, &result);
        let result = before.unwrap_or_else(|| result.map_err(Error::Inner));
        let reason = match next {
            Next::Again(wait) => {
                *self.failed = Some(result);
                self.wait(wait, now);
                return None;
            }
            Next::GiveUp(reason) => Some(reason),
            Next::Done => None,
        };
        Some(self.finished(result, reason, observed.outcome, now))
    }

    /// What the failed attempts of this round say together: the longest pause, and never if one says never. A callee that
    /// asks for a pause gets no hedge meanwhile.
    fn strictest(&mut self, observed: Observed, refused: bool) -> Observed {
        let known = match *self.worst {
            Some(worst) if refused => worst,
            Some(worst) => observed.stricter(worst),
            None => observed,
        };
        if !refused {
            *self.worst = Some(known);
            if known.repeat == Repeat::Never || known.retry_after.is_some() {
                *self.hedge_at = None;
            }
        }
        known
    }

    /// Attempts that took too long are dropped; the last of them may be made again.
    fn time_out(&mut self, now: Instant) -> Step<S::Response, S::Error> {
        let begun = self.drop_overdue(now);
        if self.guard.is_trying() {
            return None;
        }
        let refused = self.guard.state.governor.time_out(begun, now);
        let stopped = Error::Stopped(Stopped(self.guard.refusal(refused)));
        if let Next::Again(wait) = self.next(Observed::FAILURE, begun, now) {
            *self.failed = Some(Err(stopped));
            self.wait(wait, now);
            return None;
        }
        self.guard.finish(Outcome::Failure, now);
        Some(Err(stopped))
    }

    /// The call's time is up.
    fn stop(&mut self, now: Instant) -> Step<S::Response, S::Error> {
        self.main.set(None);
        self.hedges.clear();
        self.guard.cut_all(now);
        let refused = self.guard.state.governor.stop(&self.guard.admission, now);
        self.guard.finish(Outcome::Failure, now);
        Some(Err(Error::Stopped(Stopped(self.guard.refusal(refused)))))
    }

    /// Whether and when to make another attempt, if there is a request for one.
    fn next(&mut self, observed: Observed, begun: Instant, now: Instant) -> Next {
        let Guard { state, admission, .. } = &mut *self.guard;
        // There could have been another attempt, if the request could have been copied.
        let uncopied = self.spare.is_none() && state.governor.may_repeat(admission);
        let repeat = if uncopied { Repeat::Never } else { observed.repeat };
        let ended = (Observed { repeat, ..observed }, begun);
        chance::with(|rng| state.governor.next(admission, None, ended, now, rng))
    }

    fn wait(&mut self, wait: Duration, now: Instant) {
        *self.phase = match wait.is_zero() {
            true => Phase::Readying,
            false => Phase::Waiting(now.checked_add(wait).unwrap_or(now)),
        };
    }

    /// Lets the rate limits decide, and begins.
    pub(super) fn pass(&mut self, now: Instant) {
        let Guard { state, admission, .. } = &mut *self.guard;
        let request = self.spare.as_ref().and_then(|spare| spare.request.as_ref());
        let key = |by: &_| request.and_then(|request| state.inspect.key(request, by));
        match state.governor.pass(admission, key, now) {
            Ok(wait) => self.wait(wait, now),
            Err(refused) => self.refuse(refused, now),
        }
    }

    /// The call is not let through; or not again, and then what it came to before stands.
    pub(super) fn refuse(&mut self, refused: Refused, now: Instant) {
        let answer = match self.failed.take() {
            Some(result) => {
                let reason = match refused.cause {
                    Cause::BreakerOpen => GiveUp::BreakerOpen,
                    _ => GiveUp::Refused,
                };
                self.finished(result, Some(reason), Outcome::Failure, now)
            }
            None => {
                self.guard.abandon();
                Err(Error::Refused(self.guard.refusal(refused)))
            }
        };
        *self.failed = Some(answer);
        *self.phase = Phase::Refused;
    }
}
