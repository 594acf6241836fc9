//! The backends. One file and one variant for each.

pub(crate) mod embedded;

use std::time::Duration;

use tokio::sync::watch;

use crate::error::Result;
use crate::store::Store;
use crate::types::{Keys, Lease, LeaseId, Range, RangeResult, Revision, Status, Txn, TxnResult};
use crate::watch::Watch;
use embedded::Embedded;

/// The store in use. Clones are handles on the same store.
#[derive(Debug, Clone)]
pub enum Backend {
    /// A file of this process.
    Embedded(Embedded),
}

impl Backend {
    /// Why no writes are taken, as long as none are; see [`Embedded::trouble`].
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        match self {
            Backend::Embedded(store) => store.trouble(),
        }
    }
}

impl From<Embedded> for Backend {
    fn from(embedded: Embedded) -> Self {
        Backend::Embedded(embedded)
    }
}

impl Store for Backend {
    async fn range(&self, range: Range) -> Result<RangeResult> {
        match self {
            Backend::Embedded(store) => store.range(range).await,
        }
    }

    async fn txn(&self, txn: Txn) -> Result<TxnResult> {
        match self {
            Backend::Embedded(store) => store.txn(txn).await,
        }
    }

    async fn watch(&self, keys: Keys, from: Revision) -> Result<Watch> {
        match self {
            Backend::Embedded(store) => store.watch(keys, from).await,
        }
    }

    async fn lease_grant(&self, ttl: Duration) -> Result<Lease> {
        match self {
            Backend::Embedded(store) => store.lease_grant(ttl).await,
        }
    }

    async fn lease_keep_alive(&self, id: LeaseId) -> Result<Lease> {
        match self {
            Backend::Embedded(store) => store.lease_keep_alive(id).await,
        }
    }

    async fn lease_revoke(&self, id: LeaseId) -> Result<()> {
        match self {
            Backend::Embedded(store) => store.lease_revoke(id).await,
        }
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        match self {
            Backend::Embedded(store) => store.compact(revision).await,
        }
    }

    async fn status(&self) -> Result<Status> {
        match self {
            Backend::Embedded(store) => store.status().await,
        }
    }
}
