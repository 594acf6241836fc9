//! A limit of requests in a time, around a service.
//!
//! One for all requests ([`Layer::new`]), or one for each key: the client's address or a header ([`Layer::keyed`]), or
//! whatever a function reads ([`Layer::keyed_by`]). The table of keys is bounded. Requests without a key share one limit
//! among them, so leaving the key out buys nothing. A leaky bucket lets a call wait in its future until its turn; what
//! would have to wait beyond the call's deadline is refused at once.
//!
//! Refusals bear the numbers of the RateLimit fields, which [`answer`](super::answer) writes. With [`Layer::telling`],
//! answers to calls that were let through bear them too.

mod future;
mod meter;

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use nines_model::Cause;

use super::checked::{let_go, take_fresh};
use super::{Error, Inspect, KeyBy, around, now};
use crate::deadline::Deadline;
use crate::limit::{Granted, Keyed, Limiter, Quota};
use crate::{Evidence, Invalid, Measure, Name, Refused};
use future::Tell;

pub use future::Future;
pub use meter::{ByFunction, ByInspect, Meter, Single};

/// A limit, and whether to tell of it.
#[derive(Debug)]
pub struct Core<M> {
    pub meter: M,
    tells: bool,
}

/// Makes services with a limit, which they and their clones share.
pub type Layer<M, I> = around::Layer<Core<M>, I>;

/// A service with a limit.
pub type Service<S, M, I> = around::Service<S, Core<M>, I>;

impl<I> Layer<Single, I> {
    /// One limit for all requests.
    pub fn new(name: impl Into<Name>, quota: Quota, inspect: I) -> Result<Self, Invalid> {
        let limiter = Limiter::new(quota, now())?;
        Ok(Self::with(name.into(), Single(limiter), inspect))
    }
}

impl<I> Layer<ByInspect, I> {
    /// One limit for each client or each value of a header, of which at most `capacity` are known at a time.
    pub fn keyed(
        name: impl Into<Name>,
        quota: Quota,
        capacity: NonZeroUsize,
        by: KeyBy,
        inspect: I,
    ) -> Result<Self, Invalid> {
        let keyed = Keyed::new(quota, capacity, now())?;
        Ok(Self::with(name.into(), ByInspect { keyed, by }, inspect))
    }
}

impl<F, I> Layer<ByFunction<F>, I> {
    /// One limit for each key that `key` reads, of which at most `capacity` are known at a time.
    pub fn keyed_by<Req, K>(
        name: impl Into<Name>,
        quota: Quota,
        capacity: NonZeroUsize,
        key: F,
        inspect: I,
    ) -> Result<Self, Invalid>
    where
        F: Fn(&Req) -> Option<K>,
        K: Hash,
    {
        let keyed = Keyed::new(quota, capacity, now())?;
        Ok(Self::with(name.into(), ByFunction { keyed, key }, inspect))
    }
}

impl<M, I> Layer<M, I> {
    fn with(name: Name, meter: M, inspect: I) -> Self {
        Self::around(name, Core { meter, tells: false }, inspect)
    }

    /// Tells of the limit on every answer, which costs two header values for each. Say it before services are made.
    #[must_use]
    pub fn telling(mut self) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.core.tells = true;
        }
        self
    }
}

impl<S, M, I, Req> tower_service::Service<Req> for Service<S, M, I>
where
    S: tower_service::Service<Req> + Clone,
    M: Meter<Req>,
    I: Inspect<Req, S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Future<S, M, I, Req>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let now = now();
        let granted = self.grant(&request, now);
        let granted = granted.and_then(|granted| self.in_time(granted, &request, now));
        let granted = match granted {
            Ok(granted) => granted,
            Err(refused) => {
                let_go(&mut self.inner);
                return Future::refused(self.shared.refusal(refused));
            }
        };
        let tell = self.shared.core.tells.then(|| Tell {
            standing: granted.standing,
            shared: self.shared.clone(),
            inspect: self.inspect.clone(),
        });
        if granted.wait.is_zero() {
            return Future::calling(self.inner.call(request), tell);
        }
        // Nothing of the inner service is held while the call waits for its turn.
        let service = take_fresh(&mut self.inner);
        Future::waiting(service, request, now.checked_add(granted.wait), tell)
    }
}

impl<S, M, I> Service<S, M, I> {
    fn grant<Req>(&self, request: &Req, now: Instant) -> Result<Granted, Refused>
    where
        S: tower_service::Service<Req>,
        M: Meter<Req>,
        I: Inspect<Req, S::Response, S::Error>,
    {
        let key = |by: &KeyBy| self.inspect.key(request, by);
        let granted = self.shared.core.meter.check(request, key, now);
        granted.map_err(|limited| limited.refused)
    }

    /// A turn that comes after the deadline is none.
    fn in_time<Req>(&self, granted: Granted, request: &Req, now: Instant) -> Result<Granted, Refused>
    where
        S: tower_service::Service<Req>,
        I: Inspect<Req, S::Response, S::Error>,
    {
        if granted.wait.is_zero() {
            return Ok(granted);
        }
        let left = |deadline: Deadline| deadline.remaining(now).unwrap_or_default();
        match self.inspect.deadline(request).map(left) {
            Some(left) if granted.wait >= left => Err(too_late(granted.wait, left)),
            _ => Ok(granted),
        }
    }
}

#[cold]
fn too_late(wait: Duration, left: Duration) -> Refused {
    Refused {
        cause: Cause::RateLimited,
        evidence: Evidence {
            measure: Measure::Wait,
            value: wait.as_secs_f64(),
            bound: left.as_secs_f64(),
            calls: 0,
        },
        retry_after: Some(wait),
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
