//! How many calls may be in flight, found from latency and throughput.
//!
//! A limiter counts the calls in flight in one word and refuses beyond its limit. Latencies of calls that ended are
//! collected; whenever a window is complete (at least `min_window` long and `min_samples` calls, or `max_window` long)
//! the limit is set anew from them, by one of three methods, a pure function each. Whoever ends a call in a complete
//! window does that, if no other thread is at it; nobody waits. After the limit went down, calls do not count until those
//! that began before have ended, but for the slowest tenth.
//!
//! All methods estimate the queue inside the callee by Little's law: at a throughput of `x` a second, where calls take
//! `base` without a queue and `rtt` with it, `x * (rtt - base)` calls wait. No method takes the mean of all latencies:
//! where few calls are slow by nature it says mostly how many of them there were. They differ in where `base` comes
//! from. [`Algorithm::Adaptive`] measures it: about once in fifty windows it halves the limit for a moment. Without
//! that every method takes a standing queue for normal sooner or later, and the limit grows without end under mild
//! overload (Netflix concurrency-limits#134), or one lucky sample holds it down for ever.
//!
//! A limit that nobody reaches is not what makes calls slow, and so `Adaptive` leaves it alone. In simulated hours of
//! healthy callees (of every hundred calls 1 of 10 s, 5 of 1 s or 3 s, or 10 of 500 ms, and the others of 5 ms; or a
//! log-normal spread with a deviation of 1.5) it refused at most 1.2 % of the calls in the first five minutes, while
//! the limit rose, and 0.1 % later; Vegas and the gradient refused at most 1 % and 0.5 %. `Adaptive` needs seven
//! windows to double its limit: where many more calls than `initial` are in flight from the beginning, set that.
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
