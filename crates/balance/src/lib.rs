//! Which endpoint takes the next request.
//!
//! [`resolve`] turns the catalog into the members of a service, [`EndpointSet`] holds them together with statistics
//! that outlive every change of the set in which they stay, a [`Picker`] chooses one of them and hands out a [`Permit`] that counts the
//! request while it runs. [`Split`] shares requests out between backends by weight.
//!
//! Everything here is synchronous and decides on the time it is given; only a permit that is dropped without an outcome
//! reads the clock of its set, because nobody is there to tell it the time. It opens no connection and knows no protocol.

mod endpoint;
mod excluded;
mod load;
pub mod outlier;
mod permit;
pub mod pick;
mod resolve;
mod set;
mod shortage;
mod split;

pub use endpoint::{Endpoint, FAILURE_PENALTY};
pub use excluded::Excluded;
pub use load::DECAY;
pub use permit::{Outcome, Permit};
pub use pick::Picker;
pub use resolve::{Labels, Member, registered, resolve};
pub use set::{EndpointSet, Slot};
pub use shortage::Shortage;
pub use split::{Split, Turn};
