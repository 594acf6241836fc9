//! The REST API: one noun a file, one table of routes that is also the OpenAPI document.
//!
//! Strict on what comes in (unknown fields and parameters are errors) and uniform in what goes out: every answer that
//! reads or writes state carries the revision, every failure is `{"error": {"kind", "message", "path"?}}`.

mod answer;
mod configs;
mod error;
mod extract;
mod instances;
mod openapi;
mod poll;
mod resources;
mod services;
mod system;
#[cfg(test)]
mod tests;
mod versions;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use nines_base::Clock;
use nines_model::Revision;
use nines_store::Backend;
use tokio_util::sync::CancellationToken;

use crate::config::Configs;
use crate::hub::Hub;
use crate::mirror::Mirror;
use crate::registry::{CATCH_UP, Registry};
use crate::resource::Resources;
use poll::{MAX_POLLS, Polls};

/// Largest request body.
pub const MAX_BODY: usize = 2 << 20;

/// What the handlers work on. Clones share everything.
#[derive(Debug, Clone)]
pub struct AppState {
    registry: Registry,
    configs: Arc<Configs>,
    resources: Arc<Resources>,
    mirror: Mirror,
    hub: Hub,
    store: Backend,
    polls: Arc<Polls>,
    clock: Clock,
    started: Instant,
}

/// The parts of the control plane that the API speaks for.
#[derive(Debug)]
pub struct Parts {
    pub registry: Registry,
    pub configs: Arc<Configs>,
    pub resources: Arc<Resources>,
    pub mirror: Mirror,
    pub hub: Hub,
    pub store: Backend,
    pub clock: Clock,
    /// Ends the long polls.
    pub stopping: CancellationToken,
}

impl AppState {
    pub fn new(parts: Parts) -> Self {
        Self {
            registry: parts.registry,
            configs: parts.configs,
            resources: parts.resources,
            mirror: parts.mirror,
            hub: parts.hub,
            store: parts.store,
            polls: Arc::new(Polls::new(MAX_POLLS, parts.stopping)),
            started: parts.clock.now(),
            clock: parts.clock,
        }
    }
}

impl AppState {
    /// Waits until a write can be read here.
    async fn seen(&self, revision: Revision) -> error::Result<()> {
        Ok(self.mirror.caught_up(revision, CATCH_UP).await?)
    }
}

/// The API as a service.
pub fn router(state: AppState) -> Router {
    let (routes, _) = openapi::routes().split_for_parts();
    routes
        .fallback(error::unknown_route)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(state)
}

pub(crate) use error::Failure;
pub use openapi::document;
