//! The data plane: an L7 gateway that is also a sidecar.
//!
//! N worker threads each own everything a request needs: a current-thread runtime, listening sockets of their own
//! (SO_REUSEPORT), idle upstream connections, buffers, counters. One task drives both sides of a request. The way of a
//! request stands on one page in `pipeline`; what the workers read is one immutable routing snapshot, swapped by
//! pointer. Configuration comes from files or from the control plane; this crate knows neither the store nor how the
//! control plane works.

pub mod config;
mod error;
mod proxy;
mod source;

mod admin;
mod publisher;
mod sockets;

mod accept;
mod connection;
mod listener;
mod live;
mod worker;

mod admission;
mod attempt;
mod ejection;
mod exchange;
mod filters;
mod head;
mod heads;
mod pipeline;
mod pump;
mod refusal;
mod relay;

mod access;
mod date;
mod metrics;
mod record;
mod request_id;

pub mod filter;
pub mod h1;
pub mod route;
pub mod snapshot;

pub use config::Config;
pub use error::Error;
pub use proxy::{DrainReport, Proxy};
pub use source::{Control, Source};
