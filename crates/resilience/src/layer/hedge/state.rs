//! What a call keeps to be hedged.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use super::Core;
use crate::Outcome;
use crate::hedge::{Fire, Race};
use crate::layer::{Inspect, Shared, Stamp, now};

#[derive(Debug)]
pub(super) struct State<S, I, Req> {
    /// When the first attempt was sent.
    pub(super) begun: Instant,
    /// When the next hedge goes out, if one does.
    pub(super) due: Option<Instant>,
    /// The service that hedges are cloned from.
    pub(super) service: Option<S>,
    /// The request that hedges are copied from.
    pub(super) request: Option<Req>,
    pub(super) race: Race,
    pub(super) shared: Arc<Shared<Core>>,
    pub(super) inspect: I,
}

impl<S, I, Req> State<S, I, Req>
where
    S: tower_service::Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
{
    /// Whether the answer ends the race. What was refused on our side is none.
    pub(super) fn is_good(&self, result: &Result<S::Response, S::Error>) -> bool {
        match self.inspect.observe(result).outcome {
            Outcome::Success => true,
            Outcome::Ignored => result.is_ok(),
            Outcome::Failure | Outcome::Throttled => false,
        }
    }

    /// The first attempt is over: by a good answer, its own or that of a hedge.
    pub(super) fn first_took(&self) {
        let now = now();
        let took = now.saturating_duration_since(self.begun);
        self.shared.core.hedge.record(took, now);
    }

    /// A hedge is due: the service and the request for it, unless it is suppressed.
    pub(super) fn fire(&mut self, now: Instant) -> Option<(S, Req)> {
        let Core { hedge, budget, .. } = &self.shared.core;
        self.due = None;
        let Fire::Go(number) = self.race.fire(hedge, budget, now) else {
            return None;
        };
        let more = self.race.next(hedge, now).and_then(|delay| now.checked_add(delay));
        let copy = match (&self.request, more) {
            (Some(request), Some(_)) => self.inspect.copy(request),
            _ => None,
        };
        self.due = more.filter(|_| copy.is_some());
        let mut request = std::mem::replace(&mut self.request, copy)?;
        let attempt = NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let deadline = None;
        self.inspect.stamp(&mut request, Stamp { deadline, attempt, now });
        let service = self.service.clone()?;
        Some((service, request))
    }
}
