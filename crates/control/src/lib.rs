//! The control plane: registry, configuration centre, resources and the hub that tells everybody of every change,
//! over one revisioned store.
//!
//! All state is in the store. Each server follows it with one watch into a [`Mirror`], from which the hub, the lists
//! and the long polls are served; writes go to the store as transactions and are answered once the mirror has them.
//! Knows nothing of proxies or SDKs, and nothing of how the store keeps its promises.

pub mod error;
pub mod keys;

pub mod mirror;
pub mod registry;

pub mod config;
pub mod resource;
mod rivals;

pub mod hub;
pub mod session;

pub mod api;
pub mod server;

#[cfg(test)]
mod testing;

pub use error::{Error, Result};
pub use hub::Hub;
pub use mirror::Mirror;
pub use registry::Registry;
pub use server::{Config, Server};
