//! What a call keeps to fall back.

use std::error::Error as StdError;
use std::hash::Hash;
use std::sync::Arc;

use super::{Alternative, Core, Form};
use crate::Outcome;
use crate::fallback::{Answer, Degraded, Position, Why};
use crate::layer::{Fault, Inspect, Mark, now};

/// What a call keeps to fall back.
#[derive(Debug)]
pub struct State<M, K, V, I, A, Req> {
    pub(super) key: K,
    pub(super) request: Option<Req>,
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
        let outcome = self.inspect.observe(&result).outcome;
        match &result {
            Ok(response) if outcome == Outcome::Success => {
                self.keep(response);
                Verdict::Stands(result)
            }
            Ok(_) if outcome == Outcome::Ignored => Verdict::Stands(result),
            Ok(_) | Err(_) => {
                let why = why(&result);
                let answer = self.core.chain.answer(&self.key, why, now());
                self.follow(answer, result)
            }
        }
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
        match self.request.take() {
            Some(request) => Verdict::Ask {
                asking: self.alternative.ask(request),
                failure,
                asked: Asked { degraded, position },
            },
            // Without a copy of the request nobody else can be asked.
            None => {
                let next = self.core.chain.after(position, &self.key, why(&failure), now());
                self.follow(next, failure)
            }
        }
    }

    fn keep<Res>(&self, response: &Res)
    where
        M: Form<Req, Res, Key = K, Value = V>,
    {
        let (chain, now) = (&self.core.chain, now());
        if chain.wants(&self.key, now)
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
