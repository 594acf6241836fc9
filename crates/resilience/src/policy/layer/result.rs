//! Ends a call.

use std::time::Instant;

use tower_service::Service;

use super::future::{FutureProj, Phase, Step};
use super::recover::Recover;
use crate::Outcome;
use crate::fallback::{Degraded, Why};
use crate::layer::{Error, GaveUp, Inspect, Mark};
use crate::retry::{GiveUp, Next};

impl<S, Req, I, R> FutureProj<'_, S, Req, I, R>
where
    S: Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
    R: Recover<Req, S::Response>,
{
    /// The callee's answer stands.
    pub(super) fn succeed(
        &mut self,
        result: Result<S::Response, S::Error>,
        outcome: Outcome,
        now: Instant,
    ) -> Step<S::Response, S::Error> {
        self.main.set(None);
        self.hedges.clear();
        self.guard.leave_all(now);
        self.guard.finish(outcome, now);
        if let (Ok(response), Outcome::Success) = (&result, outcome) {
            self.guard.state.recover.good(self.kept, response, now);
        }
        let result = result.map(|response| self.tried(response));
        Some(result.map_err(Error::Inner))
    }

    /// The call has failed, unless there is an answer in the callee's place. A callee that asks for less is believed, and
    /// not answered for.
    pub(super) fn fail(
        &mut self,
        result: Result<S::Response, Error<S::Error>>,
        outcome: Outcome,
    ) -> Step<S::Response, S::Error> {
        self.guard.finish(outcome, crate::layer::now());
        if outcome == Outcome::Throttled {
            return Some(result);
        }
        *self.failed = Some(result);
        *self.phase = Phase::Failed(Why::Failed);
        None
    }

    /// Writes down what came of an attempt, where more than one is told of.
    pub(super) fn note(&mut self, next: Next, result: &Result<S::Response, S::Error>) {
        let again = matches!(next, Next::Again(_));
        let tried = self.guard.admission.history().is_some_and(|history| history.count() > 1);
        if again || tried {
            let text = self.guard.state.inspect.describe(result);
            self.guard.admission.note(&text);
        }
    }

    /// The last answer, with what led to it.
    pub(super) fn gave_up(
        &mut self,
        result: Result<S::Response, S::Error>,
        reason: GiveUp,
    ) -> Result<S::Response, Error<S::Error>> {
        match (result, self.guard.admission.history()) {
            (Ok(response), _) => Ok(self.tried(response)),
            (Err(error), Some(history)) if history.count() > 1 => {
                let history = history.clone();
                Err(Error::GaveUp(Box::new(GaveUp { error, reason, history })))
            }
            (Err(error), _) => Err(Error::Inner(error)),
        }
    }

    /// Marks an answer that did not come at the first attempt.
    fn tried(&mut self, mut response: S::Response) -> S::Response {
        let admission = &self.guard.admission;
        if let Some(history) = admission.history().filter(|_| admission.sent() > 1) {
            self.guard.state.inspect.mark(&mut response, Mark::Tried(history));
        }
        response
    }

    pub(super) fn degraded(&mut self, mut response: S::Response, degraded: Degraded) -> S::Response {
        self.guard.state.inspect.mark(&mut response, Mark::Degraded(degraded));
        response
    }
}
