//! Ends a call.

use std::time::Instant;

use tower_service::Service;

use super::future::FutureProj;
use super::guard::Guard;
use crate::Outcome;
use crate::layer::{Error, GaveUp, Inspect, Mark};
use crate::retry::{GiveUp, Next};

impl<S, Req, I> FutureProj<'_, S, Req, I>
where
    S: Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
{
    /// The last answer, with what led to it.
    pub(super) fn finished(
        &mut self,
        result: Result<S::Response, Error<S::Error>>,
        reason: Option<GiveUp>,
        outcome: Outcome,
        now: Instant,
    ) -> Result<S::Response, Error<S::Error>> {
        self.guard.finish(outcome, now);
        let result = result.map(|response| self.told(response));
        let Some(history) = self.guard.admission.history() else {
            return result;
        };
        match (result, reason) {
            (Ok(mut response), _) => {
                if self.guard.admission.sent() > 1 {
                    self.guard.state.inspect.mark(&mut response, Mark::Tried(history));
                }
                Ok(response)
            }
            (Err(Error::Inner(error)), Some(reason)) if history.count() > 1 => {
                let history = history.clone();
                Err(Error::GaveUp(Box::new(GaveUp { error, reason, history })))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The answer with what is left of the limits, if they are told of.
    fn told(&self, mut response: S::Response) -> S::Response {
        let Guard { state, admission, .. } = &*self.guard;
        if let Some(standing) = admission.standing().filter(|_| state.tells()) {
            let policy = state.governor.name();
            state.inspect.mark(&mut response, Mark::Limited { policy, standing });
        }
        response
    }

    /// Writes down what came of an attempt, where more than one is told of.
    pub(super) fn note(&mut self, next: Next, result: &Result<S::Response, S::Error>) {
        let again = matches!(next, Next::Again(_));
        let tried = self
            .guard
            .admission
            .history()
            .is_some_and(|history| history.count() > 1);
        if again || tried {
            let text = self.guard.state.inspect.describe(result);
            self.guard.admission.note(&text);
        }
    }
}
