//! Begins calls, and attempts.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use tower_service::Service;

use super::State;
use super::future::{Future, FutureProj, Phase, Spare, Step};
use super::guard::Guard;
use super::hedges::Hedges;
use super::recover::Recover;
use super::timed::Timed;
use crate::Refused;
use crate::adaptive::Priority;
use crate::deadline;
use crate::fallback::Why;
use crate::layer::{Alarm, Error, Inspect, Stamp, let_go, now, take_ready};
use crate::policy::{Arrival, Call, Ticket};
use nines_model::Cause;

impl<S, Req, I, R> Future<S, Req, I, R>
where
    S: Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
    R: Recover<Req, S::Response>,
{
    /// Lets the call in, if it may, and makes the first attempt at once where nothing is to be waited for. `inner` was
    /// driven ready.
    pub(super) fn begin(state: Arc<State<I, R>>, inner: &mut S, request: Req, priority: Priority) -> Self {
        let now = now();
        let inspect = &state.inspect;
        let arrived = inspect.arrived(&request, now);
        let known = [inspect.deadline(&request), deadline::current(), arrived.clone().unwrap_or_default()];
        let call = Call {
            idempotent: inspect.idempotent(&request),
            priority,
            outer: inspect.outer(&request),
            deadline: known.into_iter().flatten().min(),
        };
        let kept = state.recover.keep(&request);
        let admission = state.governor.begin(call, now);
        let mut future = Self {
            main: None,
            hedges: Hedges::new(),
            asked: None,
            queued: None,
            alarm: Alarm::default(),
            phase: Phase::Trying,
            hedge_at: None,
            spare: None,
            failed: None,
            kept,
            guard: Guard::new(state, admission),
        };
        if let Err(bad) = arrived {
            let_go(inner);
            future.fail(Error::Malformed(bad), Cause::BadRequest);
        } else if let Err(refused) = future.enter(inner, request, now) {
            let_go(inner);
            let refusal = refused.by(future.guard.state.governor.name());
            future.fail(Error::Refused(refusal), refused.cause);
        }
        future
    }

    fn enter(&mut self, inner: &mut S, request: Req, now: Instant) -> Result<(), Refused> {
        let Guard { state, admission, .. } = &mut self.guard;
        if let Arrival::Queued(queued) = state.governor.arrive(admission, now)? {
            self.queued = Some(Box::pin(queued));
            self.later(inner, request, Phase::Queued);
            return Ok(());
        }
        let wait = state.governor.pass(admission, |by| state.inspect.key(&request, by), now)?;
        if !wait.is_zero() {
            let until = now.checked_add(wait).unwrap_or(now);
            self.later(inner, request, Phase::Waiting(until));
            return Ok(());
        }
        let ticket = self.guard.attempt(now)?;
        if self.guard.state.governor.may_repeat(&self.guard.admission) {
            self.spare = self.guard.state.inspect.copy(&request).map(|copy| Spare {
                service: inner.clone(),
                ready: false,
                request: Some(copy),
            });
        }
        let request = self.guard.stamped(request, &ticket, now);
        self.guard.main = Some(ticket);
        self.hedge_at = self.guard.hedge_at(self.spare.is_some(), now);
        let deadline = self.guard.admission.limit();
        self.main = Some(Timed::new(inner.call(request), deadline));
        Ok(())
    }

    /// Keeps the service that was driven ready, and the request, for when the wait is over.
    fn later(&mut self, inner: &mut S, request: Req, phase: Phase) {
        self.phase = phase;
        self.spare = Some(Spare {
            service: take_ready(inner),
            ready: true,
            request: Some(request),
        });
    }

    #[cold]
    fn fail(&mut self, error: Error<S::Error>, cause: Cause) {
        self.guard.abandon();
        self.failed = Some(Err(error));
        self.phase = Phase::Failed(Why::Refused(cause));
    }
}

impl<S, Req, I, R> FutureProj<'_, S, Req, I, R>
where
    S: Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
    R: Recover<Req, S::Response>,
{
    /// Makes an attempt with the spare service, which is ready.
    pub(super) fn send(&mut self, now: Instant) {
        let ticket = match self.guard.attempt(now) {
            Ok(ticket) => ticket,
            Err(refused) => return self.refuse(refused),
        };
        let (future, ticket) = self.call(ticket, now);
        self.guard.main = Some(ticket);
        self.main.set(Some(future));
        *self.hedge_at = self.guard.hedge_at(self.spare.is_some(), now);
        *self.failed = None;
        *self.phase = Phase::Trying;
    }

    /// A hedge is due. If it is not to be, the attempt under way goes on alone. The inner service must be ready at once: a
    /// hedge to one that has no room makes it slower still.
    pub(super) fn hedge(&mut self, now: Instant) -> Step<S::Response, S::Error> {
        *self.hedge_at = None;
        let ready = self.spare.as_mut().is_some_and(Spare::is_ready_now::<Req>);
        let Guard { state, admission, .. } = &mut *self.guard;
        if !ready || !state.governor.hedge(admission, now) {
            return None;
        }
        if let Ok(ticket) = self.guard.attempt(now) {
            let (future, ticket) = self.call(ticket, now);
            self.guard.hedges.push(ticket);
            self.hedges.push(future);
            *self.hedge_at = self.guard.hedge_at(self.spare.is_some(), now);
        }
        None
    }

    /// Drops the attempts that have taken too long; when the last of them began.
    pub(super) fn drop_overdue(&mut self, now: Instant) -> Instant {
        todo!()
    }

    fn call(&mut self, ticket: Ticket, now: Instant) -> (Timed<S::Future>, Ticket) {
        todo!()
    }
}
