//! Sessions: a process keeps its instances registered for as long as its stream lives.
//!
//! All instances of a session hang on one lease, and so does the record of the session itself; a heartbeat is one
//! keep-alive however many they are. A lost stream changes nothing until the lease ends, so a client that reconnects
//! in time, to this server or another, goes on with the same session. A client whose session is gone gets a new one
//! and registers again.

mod grpc;
mod open;
mod stream;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nines_runtime::Tasks;
use nines_store::Backend;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::hub::Hub;
use crate::registry::Registry;

pub use grpc::Grpc;

/// Time to live of a session that asks for none.
pub const DEFAULT_TTL: Duration = Duration::from_secs(10);

/// Bounds and times of sessions.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Open streams, at most.
    pub max_sessions: usize,
    /// A client must say who it is within this time.
    pub first_message: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_sessions: 100_000,
            first_message: Duration::from_secs(10),
        }
    }
}

/// The session service; clones share it.
#[derive(Debug, Clone)]
pub struct Sessions(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Config,
    store: Backend,
    registry: Registry,
    hub: Hub,
    tasks: Tasks,
    /// The stream that each session runs in on this server.
    active: Mutex<HashMap<String, Active>>,
    open: Gauge,
}

#[derive(Debug)]
struct Active {
    number: u64,
    replaced: CancellationToken,
}

/// What sessions work on.
#[derive(Debug)]
pub struct Parts {
    pub config: Config,
    pub store: Backend,
    pub registry: Registry,
    pub hub: Hub,
    pub tasks: Tasks,
    /// Open streams.
    pub open: Gauge,
}

/// A session's place in the table of streams; dropping it frees it.
#[derive(Debug)]
struct Seat {
    sessions: Sessions,
    session: String,
    number: u64,
    replaced: CancellationToken,
}

impl Sessions {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Shared {
            config: parts.config,
            store: parts.store,
            registry: parts.registry,
            hub: parts.hub,
            tasks: parts.tasks,
            active: Mutex::default(),
            open: parts.open,
        }))
    }

    /// Takes the session's seat. A stream that sits there is told that it is replaced: its client has come back
    /// before the loss of the old connection was noticed here.
    fn sit(&self, session: &str) -> Result<Seat> {
        let mut active = self.0.active.lock();
        let max = self.0.config.max_sessions;
        let number = match active.get(session) {
            Some(old) => {
                old.replaced.cancel();
                old.number + 1
            }
            None if active.len() >= max => {
                return Err(Error::Exhausted(format!(
                    "{max} sessions are open, no more are taken; connect to another server"
                )));
            }
            None => 0,
        };
        let replaced = CancellationToken::new();
        let entry = Active {
            number,
            replaced: replaced.clone(),
        };
        active.insert(session.into(), entry);
        self.0.open.set(active.len() as i64);
        Ok(Seat {
            sessions: self.clone(),
            session: session.into(),
            number,
            replaced,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut active = self.sessions.0.active.lock();
        if active.get(&self.session).is_some_and(|now| now.number == self.number) {
            active.remove(&self.session);
        }
        self.sessions.0.open.set(active.len() as i64);
    }
}
