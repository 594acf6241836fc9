//! The control plane as its users see it: a session that keeps instances registered, a subscription that keeps a catalog
//! new, and typed REST calls for verbs.
//!
//! Sessions and subscriptions never give up: they reconnect for ever, assert again what is wanted, and say how they do.
//! Knows nothing of who uses it, a proxy, a service or a command.

mod connect;

mod session;

mod cache;
mod subscription;

pub mod rest;

#[cfg(test)]
mod test_server;

pub use cache::CacheError;
pub use connect::BadServer;
pub use rest::{Rest, RestError};
pub use session::{DEFAULT_TTL, DrainOutcome, Session, SessionConfig, SessionStatus};
pub use subscription::{
    Applied, Source, Subscription, SubscriptionConfig, SubscriptionStatus, Update, Verdict, Wishes,
};
