//! The revisioned key-value store under the control plane: etcd's semantics, on an embedded file or (later) on etcd.
//!
//! Knows keys, values, revisions, leases and watches. Does not know what the values mean.

mod backend;
pub mod contract;
mod error;
mod limits;
mod store;
mod types;
mod watch;

pub use backend::Backend;
pub use backend::embedded::{Config, Embedded, Metrics, Retention};
pub use error::{Error, Result};
pub use limits::{MAX_KEY_BYTES, MAX_OPS, MAX_TTL, MAX_TXN_BYTES, MAX_VALUE_BYTES, MIN_TTL};
pub use store::Store;
pub use types::{
    Compare, Event, History, KeyValue, Keys, Lease, LeaseId, Op, OpResult, Range, RangeResult, Revision, Status, Txn,
    TxnResult, WatchBatch,
};
pub use watch::Watch;
