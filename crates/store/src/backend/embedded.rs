//! The store in one file of this process.
//!
//! One writer thread takes all requests that wait, runs them over the state in memory, writes them as one group with
//! one sync, and only then shows and answers them. Reads of the newest state and watches that keep up never touch the
//! file. The whole current state is held in memory, bounded by [`Config::max_bytes`].

mod config;
mod dir;
mod group;
mod history;
mod hub;
mod lease;
mod log;
mod metrics;
mod queue;
mod record;
mod shared;
mod state;
mod table;
mod watch;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch::Receiver;

use crate::error::{Error, Result};
use crate::limits;
use crate::store::Store;
use crate::types::{Keys, Lease, LeaseId, Op, Range, RangeResult, Revision, Status, Txn, TxnResult};
use crate::watch::Watch;
use group::Group;
use history::Lookup;
use queue::Request;
use shared::Shared;
use table::{Disk, FileSystem, Table};
use writer::Writer;

pub use config::{Config, Retention};
pub use metrics::Metrics;
pub(crate) use watch::EmbeddedWatch;

/// The name of the database file in the data directory.
const FILE: &str = "store.redb";

/// A handle on an open store; clones share it. When the last handle is dropped the requests that wait are finished
/// and the file is closed; that blocks for as long as it takes.
#[derive(Debug, Clone)]
pub struct Embedded(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Embedded {
    /// Opens the store in `dir`, making it if it does not exist. Blocks for the time it takes to read the file.
    ///
    /// [`Error::Locked`] when another process has it, [`Error::NewerFormat`] when a newer version wrote it,
    /// [`Error::Corrupt`] when it is damaged, [`Error::Io`] when the disk refuses.
    pub fn open(dir: &Path, config: Config) -> Result<Self> {
        Self::open_with(dir, config, Box::new(FileSystem))
    }

    fn open_with(dir: &Path, config: Config, disk: Box<dyn Disk>) -> Result<Self> {
        let hold = dir::hold(dir)?;
        let (table, loaded) = Table::open(dir.join(FILE), disk)?;
        dir::sync(dir)?;
        let shared = Arc::new(Shared::new(config, table, loaded));
        let writer = Writer::new(shared.clone(), hold);
        let thread = std::thread::Builder::new().name("store-writer".into());
        let thread = thread.spawn(move || writer.run()).map_err(|error| Error::Io {
            action: "start the writer of",
            path: dir.to_owned(),
            reason: error.to_string(),
        })?;
        let writer = Mutex::new(Some(thread));
        Ok(Self(Arc::new(Handle { shared, writer })))
    }

    /// Does now what time brings: ends the leases whose time is over and finishes a compaction's clean-up. The store
    /// does both by itself; this is for those who move a manual clock.
    pub async fn tick(&self) -> Result<()> {
        self.0.shared.queue.ask(0, Request::Tick).await
    }

    /// Why the disk takes no writes, as long as it takes none: a full disk, for example. Reads go on meanwhile. The store
    /// tries by itself whether it takes some again.
    pub fn trouble(&self) -> Receiver<Option<String>> {
        self.shared().trouble.subscribe()
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    async fn range_at(&self, range: Range, at: Revision) -> Result<RangeResult> {
        let look_up = history::look_up(&self.shared().state.read(), &range, at)?;
        let (found, more, revision) = match look_up {
            Lookup::Answer(result) => return Ok(result),
            Lookup::InFile { found, more, revision } => (found, more, revision),
        };
        let shared = self.shared().clone();
        let fetched = tokio::task::spawn_blocking(move || shared.table.fetch(found)).await;
        let kvs = fetched.map_err(|error| Error::Unavailable(format!("a read of the history ended: {error}")))??;
        history::answer(kvs, &range, more, revision, || self.shared().oldest())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = self.writer.lock().take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer ended by a panic");
        }
    }
}

impl Store for Embedded {
    async fn range(&self, range: Range) -> Result<RangeResult> {
        limits::check_keys(&range.keys)?;
        match range.at {
            None => Ok(self.shared().state.read().select(&range)),
            Some(at) => self.range_at(range, at).await,
        }
    }

    async fn txn(&self, txn: Txn) -> Result<TxnResult> {
        let bytes = limits::check_txn(&txn)?;
        if reads_only(&txn) {
            let state = self.shared().state.read();
            return Group::new(&state, &self.shared().table, 0).txn(&txn, |_| false);
        }
        self.shared().queue.ask(bytes, |answer| Request::Txn(txn, answer)).await
    }

    async fn watch(&self, keys: Keys, from: Revision) -> Result<Watch> {
        limits::check_keys(&keys)?;
        Ok(EmbeddedWatch::new(self.shared().clone(), keys, from)?.into())
    }

    async fn lease_grant(&self, ttl: Duration) -> Result<Lease> {
        let ttl = limits::check_ttl(ttl)?;
        self.shared().queue.ask(0, |answer| Request::Grant(ttl, answer)).await
    }

    async fn lease_keep_alive(&self, id: LeaseId) -> Result<Lease> {
        let now = self.shared().config.clock.now();
        let ttl = self.shared().leases.lock().keep_alive(id, now);
        ttl.map(|ttl| Lease { id, ttl }).ok_or(Error::LeaseNotFound(id))
    }

    async fn lease_revoke(&self, id: LeaseId) -> Result<()> {
        self.shared().queue.ask(0, |answer| Request::Revoke(id, answer)).await
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        self.shared()
            .queue
            .ask(0, |answer| Request::Compact(revision, answer))
            .await
    }

    async fn status(&self) -> Result<Status> {
        let size = self.shared().table.size();
        let leases = self.shared().leases.lock().len() as u64;
        let state = self.shared().state.read();
        Ok(Status {
            revision: state.revision,
            compacted: state.compacted,
            keys: state.live(),
            leases,
            size,
            history: self.shared().history,
        })
    }
}

/// Whether a transaction can be answered from memory alone.
fn reads_only(txn: &Txn) -> bool {
    let mut steps = txn.then.iter().chain(&txn.otherwise);
    steps.all(|op| matches!(op, Op::Get(range) if range.at.is_none()))
}

#[cfg(test)]
mod tests;
