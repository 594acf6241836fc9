//! What Nines talks about: instances and services, routes and policies, configuration items, causes of refusal.
//!
//! Plain data, its validation and its documents (YAML, JSON). No I/O, no tokio; knows nothing of stores or wires.

pub mod catalog;
pub mod cause;
pub mod check;
pub mod config;
pub mod document;
pub mod gateway;
pub mod governing;
pub mod instance;
pub mod interest;
pub mod name;
pub mod policy;
pub mod problem;
pub mod resource;
pub mod route;
pub mod schema;
pub mod service;
mod tree;
pub mod validate;

pub use catalog::{Catalog, Change};
pub use cause::Cause;
pub use config::{ConfigItem, ConfigKey, Format};
pub use gateway::Gateway;
pub use governing::Governing;
pub use instance::{Instance, InstanceKey, InstanceState, Override, Port, Protocol, Registration, ServiceKey};
pub use interest::{Interest, Namespaces};
pub use policy::Policy;
pub use problem::Problem;
pub use resource::{Kind, Metadata, Object, Resource, ResourceKey};
pub use route::HttpRoute;
pub use service::Service;

/// The store's revision at which something was true.
pub type Revision = u64;
