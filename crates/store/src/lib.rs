//! The revisioned key-value store under the control plane: etcd's semantics, on an embedded file or (later) on etcd.
//!
//! Knows keys, values, revisions, leases and watches. Does not know what the values mean.

mod error;
mod types;

pub use error::{Error, Result};
pub use types::{
    Compare, Event, KeyValue, Keys, Lease, LeaseId, Op, OpResult, Range, RangeResult, Revision, Status, Txn, TxnResult,
    WatchBatch,
};
