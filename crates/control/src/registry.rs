//! The registry: three records per instance that never overwrite one another.
//!
//! - **Registration**: what the instance says of itself. **Liveness**: the session it hangs on, on the session's
//!   lease. **Override**: what an operator set; it survives reconnects, deregistration and expiry.
//! - The last registration of a name wins: it moves the liveness to its own session. The session that held the name
//!   before is told at its next heartbeat and must not take the name back by itself, else two processes with one
//!   name would fight for ever.
//! - An explicit deregistration is honoured at once. When a lease ends, its instances are down at once, and the
//!   [`reaper`] deletes their registrations.
//! - An instance kept by REST has a lease of its own; the instances of a stream session share the session's.

mod check;
mod held;
mod over;
mod read;
pub mod reaper;
mod rest;

use std::time::Duration;

use nines_model::{InstanceKey, Revision};
use nines_store::{Backend, LeaseId, Store};

use crate::error::Result;
use crate::mirror::Mirror;

pub use check::{MAX_LABELS, MAX_PORTS, MAX_TTL, MIN_TTL};
pub(crate) use check::{registration as check_registration, ttl as check_ttl};
pub(crate) use held::Holder;
pub use read::ServiceCounts;

/// The most instances of one session: a lease's end is one transaction.
pub const MAX_HELD: usize = 10_000;

/// How long a write waits until this server's own mirror has it.
pub(crate) const CATCH_UP: Duration = Duration::from_secs(5);

/// The registry; clones share it.
#[derive(Debug, Clone)]
pub struct Registry {
    store: Backend,
    mirror: Mirror,
}

/// An instance is registered and lives for `ttl` from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    pub revision: Revision,
    pub ttl: Duration,
}

impl Registry {
    pub fn new(store: Backend, mirror: Mirror) -> Self {
        Self { store, mirror }
    }

    /// The mirror it reads from.
    pub fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Waits until a revision written here can be read here.
    async fn seen(&self, revision: Revision) -> Result<Revision> {
        self.mirror.caught_up(revision, CATCH_UP).await?;
        Ok(revision)
    }

    /// Ends a lease that nothing hangs on any more. If this fails the lease ends by itself at its time.
    async fn release(&self, lease: LeaseId) {
        if let Err(error) = self.store.lease_revoke(lease).await {
            tracing::debug!(lease = lease.0, %error, "a lease could not be revoked; it runs out by itself");
        }
    }
}

fn unknown(key: &InstanceKey) -> crate::Error {
    crate::Error::NotFound(format!("instance {key} is not registered; register again"))
}
