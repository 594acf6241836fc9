//! Tower layers over the cores, all of one shape.
//!
//! Each `layer/<name>.rs` has a `Layer` (configuration and shared state), a `Service` and a `Future`. What holds for all:
//!
//! - **State is shared by clones.** A `Layer` holds its core behind one `Arc`; every service it makes and every clone of
//!   these counts in the same core, so a limit holds for the process and not for a connection.
//! - **Permits live in guards**, which give back what they hold when the future is done, dropped or unwound by a panic,
//!   and when a service that was made ready is dropped without a call.
//! - **A refusal is a typed error**, [`Error::Refused`] with the policy's name, the cause and the numbers compared; the
//!   inner error is kept as it is in [`Error::Inner`]. [`answer`] turns refusals into HTTP responses.
//! - **Readiness is the inner service's own.** A pending inner service is passed on as pending and never taken for
//!   overload, since tokio's cooperative budget makes any future pending now and then. The clone that was driven ready is
//!   the one that is called; a call that is refused lets the inner service's reserved readiness go.
//! - **Futures are concrete**, nothing is boxed, and nothing is allocated for a call that is neither refused nor repeated.
//! - **Time** is tokio's, so that a paused clock governs; timers need a runtime with its time driver on, and are made only
//!   once the inner future was pending.
//!
//! [`Inspect`] says how a layer reads requests and results: [`Http`] for `http` types (axum, tonic, hyper), [`Plain`] for
//! everything else.
//!
//! A stack for an axum router, outermost first. [`policy`](crate::policy) composes all of a Policy in one layer.
//!
//! ```
//! use axum::{Router, routing::get};
//! use nines_resilience::layer::{Http, answer, breaker, deadline, panic};
//! use tower::ServiceBuilder;
//!
//! # fn main() -> Result<(), nines_resilience::Invalid> {
//! let stack = ServiceBuilder::new()
//!     .layer(answer::Layer::new())
//!     .layer(deadline::Layer::new("shop/orders", deadline::Config::server(), Http::new())?)
//!     .layer(breaker::Layer::new("shop/orders", Default::default(), Http::new())?)
//!     .layer(panic::Layer::new("shop/orders"));
//! let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(stack);
//! # drop(app);
//! # Ok(())
//! # }
//! ```

mod alarm;
pub(crate) mod chance;
pub(crate) mod checked;
mod error;
mod fields;
mod inspect;
#[cfg(all(test, not(feature = "loom")))]
pub(crate) mod probe;
mod shared;
mod timed;

pub mod adaptive;
pub mod answer;
pub mod around;
pub mod breaker;
pub mod bulkhead;
pub mod deadline;
pub mod fallback;
pub mod gate;
pub mod hedge;
pub mod limit;
pub mod panic;
pub mod retry;
pub mod shed;
pub mod throttle;
pub mod timeout;

pub use error::{Error, Fault, GaveUp, Panicked, Stopped};
pub use inspect::{
    ClientAddress, Cloned, CopyBody, Http, Idempotent, Inspect, Key, KeyBy, Mark, Once, Plain, Stamp, With,
};
pub use shared::Shared;

pub(crate) use alarm::{Alarm, now};
pub(crate) use inspect::known_deadline;
pub(crate) use timed::Timed;
