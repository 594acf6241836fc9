//! What a call keeps to be tried again.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::Core;
use crate::Outcome;
use crate::deadline::Deadline;
use crate::layer::{Error, GaveUp, Inspect, Mark, Shared, Stamp, chance, now};
use crate::retry::{Attempts, GiveUp, Next};

#[derive(Debug)]
pub(super) struct State<S, I, Req> {
    /// The service of the next attempt.
    pub(super) service: S,
    /// The request of the next attempt.
    pub(super) request: Option<Req>,
    pub(super) idempotent: bool,
    pub(super) deadline: Option<Deadline>,
    pub(super) attempts: Attempts,
    pub(super) shared: Arc<Shared<Core>>,
    pub(super) inspect: I,
}

/// What comes after an attempt.
pub(super) enum Verdict {
    Stands(Option<GiveUp>),
    Again(Duration),
}

impl<S, I, Req> State<S, I, Req>
where
    S: tower_service::Service<Req>,
    I: Inspect<Req, S::Response, S::Error>,
{
    pub(super) fn judge(&mut self, result: &Result<S::Response, S::Error>) -> Verdict {
        let observed = self.inspect.observe(result);
        // The clock is not read for what went well.
        if observed.outcome == Outcome::Success {
            return Verdict::Stands(None);
        }
        let budget = &self.shared.core.budget;
        let (attempts, now) = (&mut self.attempts, now());
        let next = chance::with(|rng| attempts.next(observed, self.idempotent, self.deadline, budget, now, rng));
        let verdict = match next {
            Next::Done => return Verdict::Stands(None),
            Next::Again(wait) if self.request.is_some() => Verdict::Again(wait),
            Next::Again(_) => Verdict::Stands(Some(GiveUp::NotRepeatable)),
            Next::GiveUp(reason) => Verdict::Stands(Some(reason)),
        };
        // One failure alone has no history to tell.
        if self.attempts.number() > 1 {
            self.attempts.note(&self.inspect.describe(result));
        }
        verdict
    }

    /// Whether there is no time for another attempt.
    pub(super) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline.is_over(now()))
    }

    /// The request of the attempt that begins now. The last one needs no copy.
    pub(super) fn next_request(&mut self) -> Option<Req> {
        let now = now();
        self.attempts.begin(now);
        let number = self.attempts.number();
        let last = number > self.shared.core.config.attempts;
        let copy = match &self.request {
            Some(request) if !last => self.inspect.copy(request),
            _ => None,
        };
        let mut request = std::mem::replace(&mut self.request, copy)?;
        let attempt = NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let deadline = None;
        self.inspect.stamp(&mut request, Stamp { deadline, attempt, now });
        Some(request)
    }

    /// The call's answer, with what led to it.
    pub(super) fn finish(
        &mut self,
        result: Result<S::Response, S::Error>,
        reason: Option<GiveUp>,
    ) -> Result<S::Response, Error<S::Error>> {
        let history = self.attempts.history();
        match (result, reason) {
            (Ok(mut response), _) => {
                if self.attempts.number() > 1 {
                    self.inspect.mark(&mut response, Mark::Tried(history));
                }
                Ok(response)
            }
            (Err(error), Some(reason)) if history.count() > 1 => Err(Error::GaveUp(Box::new(GaveUp {
                error,
                reason,
                history: history.clone(),
            }))),
            (Err(error), _) => Err(Error::Inner(error)),
        }
    }
}
