//! What a call keeps to fall back.

use std::error::Error as StdError;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::{Alternative, Core, Form};
use crate::deadline::Deadline;
use crate::fallback::{Answer, Degraded, Position, Why};
use crate::layer::{Fault, Inspect, Mark, Stamp, now};
use crate::{Outcome, Repeat};

/// What a call keeps to fall back.
#[derive(Debug)]
pub struct State<M, K, V, I, A, Req> {
    pub(super) key: K,
    /// What another callee would be asked, and until when.
    pub(super) request: Option<Req>,
    pub(super) deadline: Option<Deadline>,
    pub(super) idempotent: bool,
    pub(super) core: Arc<Core<M, K, V>>,
    pub(super) inspect: I,
    pub(super) alternative: A,
}

/// What a call comes to.
pub(super) enum Verdict<R, F> {
    /// This answer.
    Stands(R),
    /// What another callee says; the failure, if that has nothing either.
    Ask { asking: F, failure: R, asked: Asked },
}

/// How far the chain has been asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    degraded: Degraded,
    position: Position,
}

impl<M, K, V, I, A, Req> State<M, K, V, I, A, Req>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    /// The inner service's answer, or what stands for it.
    pub(super) fn judge<Res, Err>(&mut self, result: Result<Res, Err>) -> Verdict<Result<Res, Err>, A::Future>
    where
        Err: StdError + 'static,
        M: Form<Req, Res, Key = K, Value = V>,
        I: Inspect<Req, Res, Err>,
        A: Alternative<Req, Res>,
    {
        let observed = self.inspect.observe(&result);
        let fault = result.as_ref().err().and_then(|error| Fault::find(error));
        match (&result, observed.outcome) {
            (Ok(response), Outcome::Success) => {
                self.keep(response);
                return Verdict::Stands(result);
            }
            // What is wrong with the request is not mended by another answer.
            (Ok(_), Outcome::Ignored) => return Verdict::Stands(result),
            (Err(_), _) if matches!(fault, Some(Fault::Malformed(_))) => return Verdict::Stands(result),
            (Ok(_) | Err(_), _) => {}
        }
        let unsent = matches!(fault, Some(Fault::Refused(_))) || observed.repeat == Repeat::Safe;
        let stood_still = unsent || self.idempotent && observed.repeat != Repeat::Never;
        self.request.take_if(|_| !stood_still);
        let answer = self.core.chain.answer(&self.key, why(&result), now());
        self.follow(answer, result)
    }

    /// The other callee's answer, or what the chain has after it.
    pub(super) fn after<Res, Err>(
        &mut self,
        answer: Option<Res>,
        failure: Result<Res, Err>,
        asked: Asked,
    ) -> Verdict<Result<Res, Err>, A::Future>
    where
        Err: StdError + 'static,
        M: Form<Req, Res, Key = K, Value = V>,
        I: Inspect<Req, Res, Err>,
        A: Alternative<Req, Res>,
    {
        let answer = answer.map(Ok);
        let good = answer.filter(|answer| self.inspect.observe(answer).outcome == Outcome::Success);
        if let Some(Ok(response)) = good {
            return Verdict::Stands(Ok(self.marked(response, asked.degraded)));
        }
        let next = self.core.chain.after(asked.position, &self.key, why(&failure), now());
        self.follow(next, failure)
    }

    fn follow<Res, Err>(&mut self, answer: Answer<V>, failure: Result<Res, Err>) -> Verdict<Result<Res, Err>, A::Future>
    where
        Err: StdError + 'static,
        M: Form<Req, Res, Key = K, Value = V>,
        I: Inspect<Req, Res, Err>,
        A: Alternative<Req, Res>,
    {
        let (degraded, position) = match answer {
            Answer::Nothing => return Verdict::Stands(failure),
            Answer::Value(value, degraded) => {
                let response = self.core.form.render(value);
                return Verdict::Stands(Ok(self.marked(response, degraded)));
            }
            Answer::Alternative(degraded, position) => (degraded, position),
        };
        match self.request() {
            Some(request) => Verdict::Ask {
                asking: self.alternative.ask(request, self.deadline),
                failure,
                asked: Asked { degraded, position },
            },
            None => {
                let next = self.core.chain.after(position, &self.key, why(&failure), now());
                self.follow(next, failure)
            }
        }
    }

    /// The request for another callee, if there is one and time for it.
    fn request<Res, Err>(&mut self) -> Option<Req>
    where
        I: Inspect<Req, Res, Err>,
    {
        let now = now();
        let mut request = self.request.take()?;
        if let Some(deadline) = self.deadline {
            if deadline.is_over(now) {
                return None;
            }
            self.inspect.put_deadline(&mut request, deadline);
            let (deadline, attempt) = (Some(deadline), NonZeroU32::MIN);
            self.inspect.stamp(&mut request, Stamp { deadline, attempt, now });
        }
        Some(request)
    }

    fn keep<Res, Err>(&self, response: &Res)
    where
        M: Form<Req, Res, Key = K, Value = V>,
        I: Inspect<Req, Res, Err>,
    {
        let (chain, now) = (&self.core.chain, now());
        if chain.wants(&self.key, now)
            && self.inspect.keeps(response)
            && let Some(value) = self.core.form.keep(response)
        {
            chain.keep(&self.key, now, || value.clone());
        }
    }

    fn marked<Res, Err>(&self, mut response: Res, degraded: Degraded) -> Res
    where
        I: Inspect<Req, Res, Err>,
    {
        self.inspect.mark(&mut response, Mark::Degraded(degraded));
        response
    }
}

fn why<Res, Err: StdError + 'static>(failure: &Result<Res, Err>) -> Why {
    match failure {
        Ok(_) => Why::Failed,
        Err(error) => Fault::find(error).map_or(Why::Failed, |fault| Why::Refused(fault.cause())),
    }
}
