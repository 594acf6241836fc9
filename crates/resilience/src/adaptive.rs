//! How many calls may be in flight, found from latency and throughput.
//!
//! A limiter counts the calls in flight in one word and refuses beyond its limit. Latencies of calls that ended are
//! collected; whenever a window is complete (at least `min_window` long and `min_samples` calls, or `max_window` long)
//! the limit is set anew from the window's mean latency, by one of three methods, a pure function each. Whoever ends a
//! call in a complete window does that, if no other thread is at it; nobody waits. Only calls that began under the
//! present limit count.
//!
//! All methods estimate the queue inside the callee by Little's law: of `L` calls in flight, with mean latency `rtt` and
//! `base` without a queue, about `L * (1 - base / rtt)` wait. They differ in where `base` comes from.
//! [`Algorithm::Adaptive`] measures it: about once in fifty windows it halves the limit for a moment. Without that every
//! method takes a standing queue for normal sooner or later, and the limit grows without end under mild overload
//! (Netflix concurrency-limits#134), or one lucky sample holds it down for ever.
//!
//! A [`Shedder`] looks at the processor instead: it bounds calls only while the process is short of it.
//!
//! More important calls may use more of the limit: see [`Priority`].

mod algorithm;
mod config;
mod limiter;
mod priority;
mod shed;

pub mod cpu;

pub use config::{Algorithm, Config};
pub use limiter::{Limiter, Snapshot, Ticket};
pub use priority::Priority;
pub use shed::{ShedSnapshot, ShedTicket, Shedder, ShedderConfig};
