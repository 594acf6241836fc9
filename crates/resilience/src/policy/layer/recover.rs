//! Where an answer comes from when the callee has none.

use std::future::{self, Future};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use crate::fallback::{Answer, Chain, Degraded, Why};

/// Answers in the callee's place. It is asked once everything else has failed: retries, and refusals by the policy too. The
/// answer is marked as degraded ([`Inspect::mark`](crate::layer::Inspect::mark)).
pub trait Recover<Req, Res> {
    /// What is kept of a request until its call is over.
    type Kept;
    /// Asks another callee.
    type Asked: Future<Output = Option<(Res, Degraded)>>;

    /// Keeps of a request what an answer will need.
    fn keep(&self, request: &Req) -> Self::Kept;

    /// The callee gave a good answer, which may be kept for later.
    fn good(&self, kept: &Self::Kept, response: &Res, now: Instant);

    /// The call failed. `None` lets the failure stand.
    fn recover(&self, kept: &mut Self::Kept, why: Why, now: Instant) -> Option<Recovered<Res, Self::Asked>>;
}

/// An answer in the callee's place.
#[derive(Debug)]
pub enum Recovered<Res, Asked> {
    /// This one.
    Answer(Res, Degraded),
    /// What another callee answers, if it comes before the deadline.
    Ask(Asked),
}

/// Lets every failure stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Never;

impl<Req, Res> Recover<Req, Res> for Never {
    type Kept = ();
    type Asked = future::Ready<Option<(Res, Degraded)>>;

    fn keep(&self, _request: &Req) {}

    fn good(&self, _kept: &(), _response: &Res, _now: Instant) {}

    fn recover(&self, _kept: &mut (), _why: Why, _now: Instant) -> Option<Recovered<Res, Self::Asked>> {
        None
    }
}

/// Answers from a [`Chain`] without another callee: an alternative in it is passed over.
#[derive(Debug)]
pub struct Chained<K, V, F> {
    chain: Arc<Chain<K, V>>,
    key: F,
}

impl<K, V, F> Chained<K, V, F> {
    /// `key` says which requests have the same answer; `None` for one that has no key, whose answer is not kept.
    pub fn new(chain: Arc<Chain<K, V>>, key: F) -> Self {
        Self { chain, key }
    }
}

impl<K, V, F: Clone> Clone for Chained<K, V, F> {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone(),
        }
    }
}

impl<Req, Res, K, F> Recover<Req, Res> for Chained<K, Res, F>
where
    K: Hash + Eq + Clone,
    Res: Clone,
    F: Fn(&Req) -> K,
{
    type Kept = K;
    type Asked = future::Ready<Option<(Res, Degraded)>>;

    fn keep(&self, request: &Req) -> K {
        (self.key)(request)
    }

    fn good(&self, kept: &K, response: &Res, now: Instant) {
        self.chain.keep(kept, now, || response.clone());
    }

    fn recover(&self, kept: &mut K, why: Why, now: Instant) -> Option<Recovered<Res, Self::Asked>> {
        let mut answer = self.chain.answer(kept, why, now);
        while let Answer::Alternative(_, position) = answer {
            answer = self.chain.after(position, kept, why, now);
        }
        match answer {
            Answer::Value(value, degraded) => Some(Recovered::Answer(value, degraded)),
            Answer::Alternative(..) | Answer::Nothing => None,
        }
    }
}
