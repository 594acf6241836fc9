//! The bodies of the REST API: what may be sent, what is answered, and their schemas for OpenAPI.
//!
//! Requests refuse unknown fields, so that a typing mistake is an error and not a default. Answers that read state carry
//! the store's revision. Durations are texts such as `30s`.

mod config;
mod error;
mod instance;
mod resource;
mod status;

pub use config::{
    ConfigListView, ConfigStatusView, ConfigSummary, ConfigView, DiffView, HistoryView, PublishRequest, PublishView,
    RollbackRequest, SubscriberVersion, VersionState, VersionSummary,
};
pub use error::{ErrorBody, ErrorDetail, ProblemView};
pub use instance::{
    InstanceDetail, InstanceListView, InstanceView, OverrideRequest, OverrideView, PortView, RegisterRequest,
    RegisteredView, ServiceListView, ServiceSummary,
};
pub use resource::{AppliedView, ApplyView, Outcome, ResourceDetail, ResourceListView, Touched};
pub use status::{NamespaceListView, RevisionView, StatusView, StoreView};

/// The header that carries the store's revision on every answer that reads or writes state.
pub const REVISION_HEADER: &str = "x-nines-revision";

#[cfg(test)]
mod tests;
