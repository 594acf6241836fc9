//! A panic of the inner service as a typed error.
//!
//! A panic in the inner service's `call`, or while its future is polled, ends that call with [`Error::Panicked`] and is
//! counted; breakers and retries outside see a failure of the callee, and [`answer`](super::answer) says 500 with the cause
//! `internal`. Without this layer a panic unwinds through the other layers, which count it as a failure and give back what
//! they hold. Needs `panic = "unwind"`, which is Rust's default.

mod future;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use super::checked::let_go;
use super::{Error, Panicked, Shared};
use crate::Name;

pub use future::Future;

/// How many panics there were.
#[derive(Debug, Default)]
pub struct Panics(AtomicU64);

/// Makes services that do not panic.
#[derive(Debug, Clone)]
pub struct Layer {
    shared: Arc<Shared<Panics>>,
}

/// A service that does not panic.
#[derive(Debug, Clone)]
pub struct Service<S> {
    inner: S,
    shared: Arc<Shared<Panics>>,
}

impl Layer {
    /// A layer that counts under `name`.
    pub fn new(name: impl Into<Name>) -> Self {
        let shared = Shared::new(name.into(), Panics::default());
        Self { shared }
    }

    /// What its services share.
    pub fn shared(&self) -> &Arc<Shared<Panics>> {
        &self.shared
    }
}

impl Panics {
    /// Since the beginning.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Shared<Panics> {
    /// Runs `work` and counts its panic.
    fn guard<T>(&self, work: impl FnOnce() -> T) -> Result<T, Panicked> {
        // What unwound is not used again: a service is replaced by a fresh clone, and a future is dropped.
        catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
            self.core.0.fetch_add(1, Ordering::Relaxed);
            Panicked::from_payload(&*payload)
        })
    }
}

impl<S> tower_layer::Layer<S> for Layer {
    type Service = Service<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let shared = self.shared.clone();
        Service { inner, shared }
    }
}

impl<S, Req> tower_service::Service<Req> for Service<S>
where
    S: tower_service::Service<Req> + Clone,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Future<S::Future>;

    /// A panic here is not caught: a service that panics when it is asked for its readiness has no state to go on with.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let inner = &mut self.inner;
        match self.shared.guard(|| inner.call(request)) {
            Ok(future) => Future::running(future, self.shared.clone()),
            Err(panicked) => {
                let_go(&mut self.inner);
                Future::panicked(panicked)
            }
        }
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
