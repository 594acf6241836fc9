//! A call under a policy, from its arrival to its answer.

use std::future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pin_project_lite::pin_project;
use tower_service::Service;

use super::guard::{Guard, draw};
use super::hedges::Hedges;
use super::recover::{Recover, Recovered};
use super::timed::Timed;
use crate::bulkhead::Enter;
use crate::fallback::Why;
use crate::layer::{Alarm, Error, Inspect, Stopped, now};
use crate::retry::Next;
use crate::{Observed, Outcome, Refused};

pin_project! {
    /// A call under a policy.
    #[must_use = "futures do nothing unless polled"]
    #[project = FutureProj]
    pub struct Future<S, Req, I, R>
    where
        S: Service<Req>,
        R: Recover<Req, S::Response>,
    {
        // What the callee does is dropped before the guard: a place is free only once its work has ended.
        #[pin]
        pub(super) main: Option<Timed<S::Future>>,
        pub(super) hedges: Hedges<S::Future>,
        pub(super) asked: Option<Pin<Box<R::Asked>>>,
        pub(super) queued: Option<Pin<Box<Enter>>>,
        #[pin]
        pub(super) alarm: Alarm,
        pub(super) phase: Phase,
        // When another attempt goes out beside the one under way.
        pub(super) hedge_at: Option<Instant>,
        pub(super) spare: Option<Spare<S, Req>>,
        // The failure so far.
        pub(super) failed: Option<Result<S::Response, Error<S::Error>>>,
        pub(super) kept: R::Kept,
        pub(super) guard: Guard<I, R>,
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
    /// It has failed, or was refused, for this reason.
    Failed(Why),
    /// Another callee is asked.
    Asking,
    /// The answer was given.
    Over,
}

/// What another attempt is made of.
#[derive(Debug)]
pub(super) struct Spare<S, Req> {
    pub(super) service: S,
    /// Whether `service` was driven ready and not yet called.
    pub(super) ready: bool,
    pub(super) request: Option<Req>,
}

/// What a step came to: the call's answer, or that it goes on.
pub(super) type Step<Res, Err> = Option<Result<Res, Error<Err>>>;

impl<S, Req, I, R> future::Future for Future<S, Req, I, R>
where
    S: Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
    R: Recover<Req, S::Response>,
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
                Phase::Failed(why) => this.recover(why),
                Phase::Asking => ready!(this.poll_asking(cx)),
                Phase::Over => panic!("polled after it was ready"),
            };
            if let Some(result) = step {
                *this.phase = Phase::Over;
                return Poll::Ready(result);
            }
        }
    }
}

impl<S, Req, I, R> FutureProj<'_, S, Req, I, R>
where
    S: Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
    R: Recover<Req, S::Response>,
{
    fn poll_queued(&mut self, cx: &mut Context<'_>) -> Poll<Step<S::Response, S::Error>> {
        let queued = self.queued.as_mut().expect("it waits in the queue");
        let entered = match queued.as_mut().poll(cx) {
            Poll::Ready(entered) => entered,
            Poll::Pending => {
                let until = queued.until();
                let now = ready!(self.ring(Some(until), cx));
                let queued = self.queued.as_mut().expect("it waits in the queue");
                Err(queued.as_mut().expire(now))
            }
        };
        *self.queued = None;
        let now = now();
        let Guard { state, admission, .. } = &mut *self.guard;
        match state.governor.seat(admission, entered, now) {
            Ok(()) => self.pass(now),
            Err(refused) => self.refuse(refused),
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
        if !spare.ready {
            match spare.service.poll_ready(cx) {
                Poll::Ready(Ok(())) => spare.ready = true,
                Poll::Ready(Err(error)) => return Poll::Ready(self.fail(Err(Error::Inner(error)), Outcome::Failure)),
                Poll::Pending => {
                    let limit = self.guard.admission.limit().map(|limit| limit.instant());
                    let now = ready!(self.ring(limit, cx));
                    return Poll::Ready(self.stop(now));
                }
            }
        }
        self.send(now());
        Poll::Ready(None)
    }

    fn poll_trying(&mut self, cx: &mut Context<'_>) -> Poll<Step<S::Response, S::Error>> {
        if let Some(main) = self.main.as_mut().as_pin_mut()
            && let Poll::Ready(result) = main.poll(cx)
        {
            self.main.set(None);
            let ticket = self.guard.main.take().expect("the attempt has a ticket");
            return Poll::Ready(self.ended(ticket, result));
        }
        if let Poll::Ready((place, result)) = self.hedges.poll(cx) {
            let ticket = self.guard.hedges.remove(place);
            return Poll::Ready(self.ended(ticket, result));
        }
        let limit = self.guard.admission.limit().map(|limit| limit.instant());
        let overdue = self.guard.overdue_at();
        let next = [limit, overdue, *self.hedge_at].into_iter().flatten().min();
        let now = ready!(self.ring(next, cx));
        let reached = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        Poll::Ready(if reached(limit) {
            self.stop(now)
        } else if reached(overdue) {
            self.time_out(now)
        } else {
            self.hedge(now)
        })
    }

    fn poll_asking(&mut self, cx: &mut Context<'_>) -> Poll<Step<S::Response, S::Error>> {
        let asked = self.asked.as_mut().expect("another callee is asked");
        let answer = match asked.as_mut().poll(cx) {
            Poll::Ready(answer) => answer,
            Poll::Pending => {
                let limit = self.guard.admission.limit().map(|limit| limit.instant());
                ready!(self.ring(limit, cx));
                None
            }
        };
        *self.asked = None;
        Poll::Ready(Some(match answer {
            Some((response, degraded)) => Ok(self.degraded(response, degraded)),
            None => self.failed.take().expect("the failure is kept"),
        }))
    }

    /// Pending until this time; for ever for `None`.
    pub(super) fn ring(&mut self, at: Option<Instant>, cx: &mut Context<'_>) -> Poll<Instant> {
        self.alarm.as_mut().start(at);
        self.alarm.as_mut().poll(cx)
    }

    /// An attempt has ended. If it failed, another under way may still succeed.
    fn ended(
        &mut self,
        ticket: crate::policy::Ticket,
        result: Result<S::Response, S::Error>,
    ) -> Step<S::Response, S::Error> {
        let now = now();
        let begun = ticket.begun();
        let observed = self.guard.state.inspect.observe(&result);
        self.guard.settle(ticket, observed, now);
        if matches!(observed.outcome, Outcome::Success | Outcome::Ignored) {
            return self.succeed(result, observed.outcome, now);
        }
        if self.is_trying() {
            return None;
        }
        let next = self.next((observed, begun), now);
        self.note(next, &result);
        match next {
            Next::Done => self.succeed(result, observed.outcome, now),
            Next::Again(wait) => {
                *self.failed = result.err().map(|error| Err(Error::Inner(error)));
                self.wait(wait, now);
                None
            }
            Next::GiveUp(reason) => {
                let result = self.gave_up(result, reason);
                self.fail(result, observed.outcome)
            }
        }
    }

    /// Attempts that took too long are dropped; the last of them may be made again.
    fn time_out(&mut self, now: Instant) -> Step<S::Response, S::Error> {
        let begun = self.drop_overdue(now);
        if self.is_trying() {
            return None;
        }
        let refused = self.guard.state.governor.time_out(begun, now);
        let next = self.next((Observed::FAILURE, begun), now);
        if let Next::Again(wait) = next {
            self.wait(wait, now);
            return None;
        }
        let refusal = refused.by(self.guard.state.governor.name());
        self.fail(Err(Error::Stopped(Stopped(refusal))), Outcome::Failure)
    }

    /// The call's time is up.
    fn stop(&mut self, now: Instant) -> Step<S::Response, S::Error> {
        self.main.set(None);
        self.hedges.clear();
        self.guard.settle_all(Observed::FAILURE, now);
        let governor = &self.guard.state.governor;
        let refused = governor.stop(&self.guard.admission, now);
        let refusal = refused.by(governor.name());
        self.fail(Err(Error::Stopped(Stopped(refusal))), Outcome::Failure)
    }

    fn is_trying(&self) -> bool {
        self.guard.main.is_some() || !self.guard.hedges.is_empty()
    }

    /// Whether and when to make another attempt, if there is a request for one.
    fn next(&mut self, ended: (Observed, Instant), now: Instant) -> Next {
        let mut observed = ended.0;
        if self.spare.is_none() {
            observed.repeat = crate::Repeat::Never;
        }
        let Guard { state, admission, .. } = &mut *self.guard;
        draw::with(|rng| state.governor.next(admission, None, (observed, ended.1), now, rng))
    }

    fn wait(&mut self, wait: std::time::Duration, now: Instant) {
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
            Err(refused) => self.refuse(refused),
        }
    }

    /// The call is not let through, or not again.
    pub(super) fn refuse(&mut self, refused: Refused) {
        let refusal = refused.by(self.guard.state.governor.name());
        self.guard.abandon();
        if self.failed.is_none() {
            *self.failed = Some(Err(Error::Refused(refusal)));
        }
        *self.phase = Phase::Failed(Why::Refused(refused.cause));
    }

    /// Asks for an answer in the callee's place.
    fn recover(&mut self, why: Why) -> Step<S::Response, S::Error> {
        match self.guard.state.recover.recover(self.kept, why, now()) {
            Some(Recovered::Answer(response, degraded)) => Some(Ok(self.degraded(response, degraded))),
            Some(Recovered::Ask(asked)) => {
                *self.asked = Some(Box::pin(asked));
                *self.phase = Phase::Asking;
                None
            }
            None => self.failed.take(),
        }
    }
}
