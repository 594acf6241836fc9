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

mod alarm;
mod checked;
mod error;
mod inspect;
#[cfg(all(test, not(feature = "loom")))]
pub(crate) mod probe;
mod shared;

pub mod answer;
pub mod deadline;
pub mod fallback;
pub mod hedge;
pub mod panic;
pub mod retry;
pub mod timeout;

pub use error::{Error, Fault, GaveUp, Panicked, Stopped};
pub use inspect::{
    ClientAddress, Cloned, CopyBody, Http, Idempotent, Inspect, Key, KeyBy, Mark, Once, Plain, Stamp, With,
};
pub use shared::Shared;

pub(crate) use alarm::{Alarm, now};
