//! One deadline for the call: read, enforced and passed on.
//!
//! The deadline in force is the earliest of the one on the request, the tokio task's, the one that the hop before us gave
//! in its headers, and the configured limits. A call whose deadline is over is refused before the inner service hears of
//! it; a call under way is dropped at its deadline. Inside, the deadline is on the request, in force for the task
//! ([`deadline::current`]), and, if the layer faces a callee, in the headers.

mod future;

use std::num::NonZeroU32;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use nines_model::Cause;

use super::checked::let_go;
use super::{Error, Inspect, Stamp, around, known_deadline, now};
use crate::deadline::{self, Deadline};
use crate::invalid::ensure;
use crate::{Evidence, Invalid, Measure, Name, Refused};

pub use future::Future;

const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Which deadlines are given and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// For calls that come without one. Default 15 s, the route timeout of the policy defaults; `None` lets them run.
    pub default: Option<Duration>,
    /// The longest that is accepted from outside. Default `None`.
    pub max: Option<Duration>,
    /// Whether to believe the request's headers: in front of a handler. Default true.
    pub read_headers: bool,
    /// Whether to write the request's headers: in front of a callee. Default false.
    pub write_headers: bool,
    /// What is kept back from the callee for the way of its answer. Default 0.
    pub margin: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default: Some(Duration::from_secs(15)),
            max: None,
            read_headers: true,
            write_headers: false,
            margin: Duration::ZERO,
        }
    }
}

impl Config {
    /// In front of a handler: the headers are read.
    pub fn server() -> Self {
        Self::default()
    }

    /// In front of a callee: the headers are written.
    pub fn client() -> Self {
        Self {
            read_headers: false,
            write_headers: true,
            ..Self::default()
        }
    }

    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        for (field, limit) in [("deadline.default", self.default), ("deadline.max", self.max)] {
            let good = limit.is_none_or(|limit| !limit.is_zero() && limit <= LONGEST);
            ensure(good, field, limit.unwrap_or_default(), "over 0 and at most 24h")?;
        }
        ensure(self.margin <= LONGEST, "deadline.margin", self.margin, "at most 24h")
    }
}

/// Makes services that keep deadlines.
pub type Layer<I> = around::Layer<Config, I>;

/// A service that keeps deadlines.
pub type Service<S, I> = around::Service<S, Config, I>;

impl<I> Layer<I> {
    /// A layer whose refusals bear `name`.
    pub fn new(name: impl Into<Name>, config: Config, inspect: I) -> Result<Self, Invalid> {
        config.validate()?;
        Ok(Self::around(name.into(), config, inspect))
    }
}

impl<S, I, Req> tower_service::Service<Req> for Service<S, I>
where
    S: tower_service::Service<Req> + Clone,
    I: Inspect<Req, S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Future<S::Future, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        let now = now();
        let deadline = match self.in_force(&request, now) {
            Ok(deadline) => deadline,
            Err(error) => return self.refuse(error),
        };
        let Some(deadline) = deadline else {
            return Future::unbounded(self.inner.call(request));
        };
        if deadline.is_over(now) {
            let refused = self.shared.refusal(refused(deadline, now));
            return self.refuse(Error::Refused(refused));
        }
        self.inspect.put_deadline(&mut request, deadline);
        if self.shared.core.write_headers {
            self.stamp(&mut request, deadline, now);
        }
        let inner = deadline::sync_scope(deadline, || self.inner.call(request));
        Future::bounded(deadline::scope(deadline, inner), deadline, now, self.shared.clone())
    }
}

impl<S, I> Service<S, I> {
    fn in_force<Req>(&self, request: &Req, now: Instant) -> Result<Option<Deadline>, Error<S::Error>>
    where
        S: tower_service::Service<Req>,
        I: Inspect<Req, S::Response, S::Error>,
    {
        let config = &self.shared.core;
        let arrived = match config.read_headers {
            true => self.inspect.arrived(request, now).map_err(Error::Malformed)?,
            false => None,
        };
        let known = known_deadline(&self.inspect, request, arrived);
        let limit = match known {
            Some(_) => config.max,
            None => config.default.or(config.max),
        };
        let limit = limit.map(|limit| Deadline::after(limit, now));
        Ok(known.into_iter().chain(limit).min())
    }

    fn stamp<Req>(&self, request: &mut Req, deadline: Deadline, now: Instant)
    where
        S: tower_service::Service<Req>,
        I: Inspect<Req, S::Response, S::Error>,
    {
        let told = Stamp {
            deadline: Some(deadline.less(self.shared.core.margin)),
            attempt: NonZeroU32::MIN,
            now,
        };
        self.inspect.stamp(request, told);
    }

    #[cold]
    fn refuse<Req>(&mut self, error: Error<S::Error>) -> Future<S::Future, S::Error>
    where
        S: tower_service::Service<Req> + Clone,
    {
        let_go(&mut self.inner);
        Future::refused(error)
    }
}

/// What is left of the deadline, against nothing.
pub(super) fn refused(deadline: Deadline, now: Instant) -> Refused {
    let over = now.saturating_duration_since(deadline.instant());
    Refused {
        cause: Cause::DeadlineExceeded,
        evidence: Evidence {
            measure: Measure::Deadline,
            value: -over.as_secs_f64(),
            bound: 0.0,
            calls: 0,
        },
        retry_after: None,
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
