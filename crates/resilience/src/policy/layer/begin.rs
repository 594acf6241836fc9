//! Begins calls, and attempts.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tower_service::Service;

use super::State;
use super::future::{Future, FutureProj, Phase, Spare};
use super::guard::Guard;
use super::hedges::Hedges;
use crate::adaptive::Priority;
use crate::deadline::BadDeadline;
use crate::layer::{Alarm, Error, Inspect, Stamp, Timed, known_deadline, now};
use crate::policy::{Admission, Arrival, Call, Ticket};
use crate::{Observed, Refused};

impl<S, Req, I> Future<S, Req, I>
where
    S: Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
{
    /// Lets the call in, if it may, and makes the first attempt at once where nothing is to be waited for. `inner` was
    /// driven ready.
    pub(super) fn begin(state: Arc<State<I>>, inner: &mut S, request: Req, priority: Priority) -> Self {
        let now = now();
        let (call, bad) = facts::<S, Req, I>(&state.inspect, &request, priority, now);
        let admission = state.governor.begin(call, now);
        let mut future = Self {
            main: None,
            hedges: Hedges::new(),
            queued: None,
            alarm: Alarm::default(),
            armed: None,
            phase: Phase::Trying,
            hedge_at: None,
            spare: None,
            failed: None,
            worst: None,
            guard: Guard::new(state, admission),
        };
        if let Some(bad) = bad.filter(|_| future.guard.state.governor.config().acts()) {
            future.refuse(inner, Error::Malformed(bad));
        } else if let Err(refused) = future.enter(inner, request, now) {
            let refusal = future.guard.refusal(refused);
            future.refuse(inner, Error::Refused(refusal));
        }
        future
    }

    fn enter(&mut self, inner: &mut S, mut request: Req, now: Instant) -> Result<(), Refused> {
        let Guard { state, admission, .. } = &mut self.guard;
        if let Arrival::Queued(queued) = state.governor.arrive(admission, now)? {
            self.queued = Some(Box::new(queued));
            self.later(inner, request, Phase::Queued);
            return Ok(());
        }
        let wait = state
            .governor
            .pass(admission, |by| state.inspect.key(&request, by), now)?;
        if !wait.is_zero() {
            let until = now.checked_add(wait).unwrap_or(now);
            self.later(inner, request, Phase::Waiting(until));
            return Ok(());
        }
        let number = self.guard.attempt(now)?;
        let Guard { state, admission, .. } = &self.guard;
        if state.governor.may_repeat(admission)
            && let Some(copy) = state.inspect.copy(&request)
        {
            self.spare = Some(Spare {
                service: inner.clone(),
                request: Some(copy),
            });
        }
        prepare::<S, Req, I>(state, &mut request, admission, (number, now));
        self.hedge_at = self.spare.as_ref().and_then(|_| self.guard.hedge_at(now));
        let deadline = self.guard.admission.deadline();
        self.main = Some(self.guard.watch(|| Timed::call(|| inner.call(request), deadline)));
        Ok(())
    }

    /// Keeps the request for when the wait is over. What the inner service has reserved for it is let go till then.
    fn later(&mut self, inner: &mut S, request: Req, phase: Phase) {
        *inner = inner.clone();
        self.phase = phase;
        self.spare = Some(Spare {
            service: inner.clone(),
            request: Some(request),
        });
    }

    /// The inner service's reserved readiness is let go.
    #[cold]
    fn refuse(&mut self, inner: &mut S, error: Error<S::Error>) {
        *inner = inner.clone();
        self.guard.abandon();
        self.failed = Some(Err(error));
        self.phase = Phase::Refused;
    }
}

impl<S, Req, I> FutureProj<'_, S, Req, I>
where
    S: Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
{
    /// Makes an attempt with the spare service, which is ready.
    pub(super) fn send(&mut self, now: Instant) {
        let number = match self.guard.attempt(now) {
            Ok(number) => number,
            Err(refused) => return self.refuse(refused, now),
        };
        let request = self.request(number, now);
        let future = self.call(request);
        self.main.set(Some(future));
        *self.hedge_at = self.spare.as_ref().and_then(|_| self.guard.hedge_at(now));
        *self.failed = None;
        *self.worst = None;
        *self.phase = Phase::Trying;
    }

    /// A hedge is due. If it is not to be, the attempt under way goes on alone: so too if the inner service is not ready at
    /// once, for a hedge to one that has no room makes it slower still.
    pub(super) fn hedge(&mut self, now: Instant, cx: &mut Context<'_>) {
        *self.hedge_at = None;
        let Some(spare) = self.spare.as_mut() else { return };
        let ready = matches!(spare.service.poll_ready(cx), Poll::Ready(Ok(())));
        let Some(number) = ready.then(|| self.guard.hedge(now)).flatten() else {
            // What was reserved is let go, and a place in the queue for it.
            spare.service = spare.service.clone();
            return;
        };
        let request = self.request(number, now);
        let future = self.call(request);
        self.hedges.push(future);
        *self.hedge_at = self.spare.as_ref().and_then(|_| self.guard.hedge_at(now));
    }

    /// Drops the attempts that have taken too long; when the last of them began.
    pub(super) fn drop_overdue(&mut self, now: Instant) -> Instant {
        let mut last = self.guard.admission.begun();
        let limit = self.guard.state.governor.attempt_limit().unwrap_or_default();
        let overdue = |ticket: &Ticket| now.saturating_duration_since(ticket.begun()) >= limit;
        if let Some(ticket) = self.guard.main.take_if(|ticket| overdue(ticket)) {
            self.main.set(None);
            last = ticket.begun();
            self.guard.settle(ticket, Observed::FAILURE, now);
        }
        for place in (0..self.guard.hedges.len()).rev() {
            if overdue(&self.guard.hedges[place]) {
                let ticket = self.guard.hedges.remove(place);
                self.hedges.remove(place);
                last = last.max(ticket.begun());
                self.guard.settle(ticket, Observed::FAILURE, now);
            }
        }
        last
    }

    /// Drops the attempts that are not needed any more.
    pub(super) fn drop_all(&mut self, now: Instant) {
        self.main.set(None);
        self.hedges.clear();
        self.guard.lose_all(now);
    }

    /// The request of this attempt, with a copy left for the next if there may be one.
    fn request(&mut self, number: u32, now: Instant) -> Req {
        let Guard { state, admission, .. } = &*self.guard;
        let spare = self.spare.as_mut().expect("an attempt is made of it");
        let mut request = spare.request.take().expect("the copy for this attempt");
        if state.governor.may_repeat(admission) {
            spare.request = state.inspect.copy(&request);
        }
        prepare::<S, Req, I>(state, &mut request, admission, (number, now));
        request
    }

    /// Calls the spare service, which is ready, and keeps it if there is a request for it.
    fn call(&mut self, request: Req) -> Timed<S::Future> {
        let deadline = self.guard.admission.deadline();
        let spare = self.spare.as_mut().expect("an attempt is made of it");
        let future = self
            .guard
            .watch(|| Timed::call(|| spare.service.call(request), deadline));
        if spare.request.is_none() {
            *self.spare = None;
        }
        future
    }
}

/// What the request says of itself, or that its deadline cannot be read.
fn facts<S, Req, I>(inspect: &I, request: &Req, priority: Priority, now: Instant) -> (Call, Option<BadDeadline>)
where
    S: Service<Req>,
    I: Inspect<Req, S::Response, S::Error>,
{
    let (arrived, bad) = match inspect.arrived(request, now) {
        Ok(arrived) => (arrived, None),
        Err(bad) => (None, Some(bad)),
    };
    let call = Call {
        idempotent: inspect.idempotent(request),
        priority: inspect.priority(request).unwrap_or(priority),
        outer: inspect.outer(request),
        deadline: known_deadline(inspect, request, arrived),
    };
    (call, bad)
}

/// Notes the deadline on the request of an attempt and writes what the next hop is told. After the copy for the next
/// attempt was made, which has both written anew.
fn prepare<S, Req, I>(state: &State<I>, request: &mut Req, admission: &Admission, (number, now): (u32, Instant))
where
    S: Service<Req>,
    I: Inspect<Req, S::Response, S::Error>,
{
    if !state.governor.config().acts() {
        return;
    }
    if let Some(deadline) = admission.deadline() {
        state.inspect.put_deadline(request, deadline);
    }
    let stamp = Stamp {
        deadline: admission.deadline(),
        attempt: NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN),
        now,
    };
    state.inspect.stamp(request, stamp);
}
