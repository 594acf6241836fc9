//! Breakers, limits, retries and budgets: one implementation for the proxy and for services.
//!
//! Two floors. The **cores** are plain types over atomics: they take the time as an argument, take no lock and allocate
//! nothing on the check path, and know neither tokio nor tower. The [`layer`]s put a core around a tower service;
//! [`policy`] builds all of it from a `nines_model` Policy and composes it in one order.
//!
//! A core that refuses gives a [`Refused`]: the cause, the numbers that were compared, and when to come again. With the
//! policy's name it becomes a [`Refusal`], the error that callers see.

mod histogram;
mod invalid;
mod outcome;
mod refusal;
mod stripe;
mod sync;
mod time;
mod window;

pub mod adaptive;
pub mod breaker;
pub mod bulkhead;
pub mod deadline;
pub mod fallback;
pub mod hedge;
pub mod layer;
pub mod limit;
pub mod policy;
pub mod pool;
pub mod retry;
pub mod throttle;

pub use invalid::Invalid;
pub use outcome::{Observed, Outcome, Repeat};
pub use refusal::{Evidence, Measure, Name, Refusal, Refused};

/// The guide's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/resilience.md")]
struct Guide;
