//! What every part of Nines may lean on: time, randomness, durations as people write them, and the kinds of errors.
//!
//! Nothing here knows about tokio, sockets or the domain. A type moves down into this crate only when two crates need it.

mod backoff;
mod clock;
pub mod duration;
mod error;
mod rng;

pub use backoff::Backoff;
pub use clock::{Clock, ManualClock};
pub use error::{Kind, Retry};
pub use rng::Rng;
