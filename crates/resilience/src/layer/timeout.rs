//! A time limit of one attempt.
//!
//! It stands inside of retries, one for each attempt, where the [`deadline`](super::deadline) stands outside and holds for
//! all of them. A call that is stopped counts as a failure of the callee, and it may have been processed. The time runs
//! from when the inner service's future was first pending, so a call that is answered at once costs no look at the clock.

mod future;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Error, Shared};
use crate::invalid::ensure;
use crate::{Invalid, Name};

pub use future::Future;

const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long a call may take.
pub trait Limit<Req> {
    /// The limit of this request; `None` if it may take any time.
    fn limit(&self, request: &Req) -> Option<Duration>;
}

/// The same limit for every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed(Duration);

/// A limit that the request decides.
#[derive(Debug, Clone, Copy)]
pub struct PerRequest<F>(F);

/// Makes services whose calls take no longer.
#[derive(Debug, Clone)]
pub struct Layer<L> {
    shared: Arc<Shared<()>>,
    limit: L,
}

/// A service whose calls take no longer.
#[derive(Debug, Clone)]
pub struct Service<S, L> {
    inner: S,
    shared: Arc<Shared<()>>,
    limit: L,
}

impl Layer<Fixed> {
    /// Every call may take `limit`, over 0 and at most 24 h.
    pub fn new(name: impl Into<Name>, limit: Duration) -> Result<Self, Invalid> {
        let good = !limit.is_zero() && limit <= LONGEST;
        ensure(good, "timeout.request", limit, "over 0 and at most 24h")?;
        Ok(Self::with(name, Fixed(limit)))
    }
}

impl<F> Layer<PerRequest<F>> {
    /// `limit` tells how long a request may take; `None` is as long as it likes, and zero as long as one poll.
    pub fn per_request(name: impl Into<Name>, limit: F) -> Self {
        Self::with(name, PerRequest(limit))
    }
}

impl<L> Layer<L> {
    fn with(name: impl Into<Name>, limit: L) -> Self {
        let shared = Shared::new(name.into(), ());
        Self { shared, limit }
    }
}

impl<Req> Limit<Req> for Fixed {
    fn limit(&self, _request: &Req) -> Option<Duration> {
        Some(self.0)
    }
}

impl<Req, F: Fn(&Req) -> Option<Duration>> Limit<Req> for PerRequest<F> {
    fn limit(&self, request: &Req) -> Option<Duration> {
        (self.0)(request)
    }
}

impl<S, L: Clone> tower_layer::Layer<S> for Layer<L> {
    type Service = Service<S, L>;

    fn layer(&self, inner: S) -> Self::Service {
        Service {
            inner,
            shared: self.shared.clone(),
            limit: self.limit.clone(),
        }
    }
}

impl<S, L, Req> tower_service::Service<Req> for Service<S, L>
where
    S: tower_service::Service<Req>,
    L: Limit<Req>,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Future<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let limit = self.limit.limit(&request);
        Future::new(self.inner.call(request), limit, self.shared.clone())
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
