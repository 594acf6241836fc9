//! What a service author imports: one `main` that gives an axum router registration, configuration, health, metrics,
//! logs, deadlines, a balanced client and a graceful end.
//!
//! How it works: [`Service::run`] binds, serves, and registers once the service is ready; one subscription brings
//! configuration items ([`ConfigHandle`]) and the endpoints of other services ([`Client`]). On SIGTERM the instance
//! leaves rotation first, and stops accepting only when nobody routes to it any more. Without a control plane the
//! service serves all the same and says so at `/readyz`.

mod settings;

mod service;

mod context;

mod serve;

mod follow;

mod config;

mod call;
mod client;
mod error;

pub use client::{Client, RequestBuilder, Response};
pub use config::ConfigHandle;
pub use context::Context;
pub use error::{CallError, ConfigError, Error};
pub use nines_runtime::Health;
pub use nines_runtime::log::Format as LogFormat;
pub use service::{Service, ServiceBuilder};
pub use settings::{Settings, SettingsError};

/// The guide's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/sdk.md")]
struct Guide;
