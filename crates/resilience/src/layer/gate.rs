//! A core that lets calls through or refuses them at once, around a service.
//!
//! The one implementation behind [`breaker`](super::breaker), [`throttle`](super::throttle),
//! [`adaptive`](super::adaptive) and [`shed`](super::shed). The core is asked when the call is made, and not when the
//! service becomes ready: a service that errors in `poll_ready` is taken for dead, and one that is pending there for
//! busy, and it is neither.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::around::Service;
use super::checked::{Checked, Watch, let_go};
use super::{Error, Inspect, Shared};
use crate::adaptive::Priority;
use crate::{Observed, Refused};

/// A core that lets calls through or refuses them at once. It reads the clock itself, if it needs to.
pub trait Gate {
    /// What a call holds while it is under way.
    type Ticket;

    /// Asks for a call of this priority.
    fn enter(&self, priority: Priority) -> Result<Self::Ticket, Refused>;

    /// The call came to this.
    fn record(&self, ticket: Self::Ticket, observed: Observed);

    /// The call was dropped.
    fn release(&self, ticket: Self::Ticket);
}

/// What a call holds: its ticket, given back however the call ends.
pub struct Permit<G: Gate, I, Req> {
    shared: Arc<Shared<G>>,
    ticket: Option<G::Ticket>,
    inspect: I,
    request: PhantomData<fn(Req)>,
}

/// A call that was let through, or refused.
pub type Future<F, G, I, Req> = Checked<F, Permit<G, I, Req>>;

impl<S, G, I, Req> tower_service::Service<Req> for Service<S, G, I>
where
    S: tower_service::Service<Req> + Clone,
    G: Gate,
    I: Inspect<Req, S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Future<S::Future, G, I, Req>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let priority = self.inspect.priority(&request).unwrap_or_default();
        let ticket = match self.shared.core.enter(priority) {
            Ok(ticket) => ticket,
            Err(refused) => {
                let_go(&mut self.inner);
                return Checked::refused(self.shared.refusal(refused));
            }
        };
        let permit = Permit {
            shared: self.shared.clone(),
            ticket: Some(ticket),
            inspect: self.inspect.clone(),
            request: PhantomData,
        };
        Checked::running(permit, || self.inner.call(request))
    }
}

impl<G, I, Req, Res, Err> Watch<Res, Err> for Permit<G, I, Req>
where
    G: Gate,
    I: Inspect<Req, Res, Err>,
{
    fn done(mut self, result: &mut Result<Res, Err>) {
        // Before the ticket is taken, which goes back by itself should this panic.
        let observed = self.inspect.observe(result);
        if let Some(ticket) = self.ticket.take() {
            self.shared.core.record(ticket, observed);
        }
    }

    fn panicked(mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.core.record(ticket, Observed::FAILURE);
        }
    }
}

impl<G: Gate, I, Req> Drop for Permit<G, I, Req> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.core.release(ticket);
        }
    }
}

impl<G: Gate, I, Req> fmt::Debug for Permit<G, I, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}
