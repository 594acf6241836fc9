//! Builds everything from a Policy, and composes it in one order.
//!
//! [`Config`] is a Policy with its defaults filled in; [`Governor`] holds the cores that it names and asks them in order.
//! It knows neither tokio nor tower: the composed [`layer`] drives it, and the proxy drives it in its own loop. What both
//! make of a policy is held to the same vectors.
//!
//! # The order, from the outside in, and why
//!
//! 1. **Fallback**: stands in for whatever comes of the rest, refusals too.
//! 2. **Deadline**: what is over already costs nothing more; and all that waits further in is bounded by it.
//! 3. **Shedder, bulkhead, adaptive concurrency**: protect this process, so they see every request before it costs
//!    anything, and hold their place as long as the caller waits, retries and waits between them included. The shedder
//!    first, because it is the cheapest; the bulkhead's queue next, so that nobody waits with a token in hand that others
//!    could use.
//! 4. **Rate limits**: count requests and not attempts, and only those that there is room for. Within them a retry is
//!    free: the caller has paid for his request.
//! 5. **Retry and hedge**: make attempts of a request, within one budget. They stand inside of what counts requests and
//!    outside of what judges the callee.
//! 6. **Throttle and breaker**: judge the callee by its attempts, so they must see each of them; and they must stop a
//!    retry as well as a first attempt. The throttle first, because it reserves nothing.
//! 7. **Attempt timeout**: innermost, so that the breaker sees the timeout as a failure and the retry can try again.

mod call;
mod config;
mod counts;
mod governor;
pub mod layer;
mod rate;
#[cfg(feature = "vectors")]
pub mod vector;

pub use call::{Admission, Arrival, Call, Ticket};
pub use config::{Config, FallbackConfig, RateConfig, Section};
pub use counts::{Counted, Counts};
pub use governor::{Governor, Snapshot};
