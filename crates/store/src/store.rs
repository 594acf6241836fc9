//! The contract every backend keeps.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::error::Result;
use crate::types::{KeyValue, Keys, Lease, LeaseId, Op, Range, RangeResult, Revision, Status, Txn, TxnResult};
use crate::watch::Watch;

/// A revisioned key-value store with transactions, watches and leases; the semantics are etcd's.
///
/// A future that is dropped before it answers leaves the outcome of its write open: it may still happen. Nothing is
/// ever tried twice by the store itself.
pub trait Store: Clone + Send + Sync + 'static {
    /// Reads keys. Without a revision the read is linearizable.
    ///
    /// [`Error::Compacted`](crate::Error::Compacted) and [`Error::FutureRevision`](crate::Error::FutureRevision) when
    /// the revision asked for cannot be read.
    fn range(&self, range: Range) -> impl Future<Output = Result<RangeResult>> + Send;

    /// Runs a transaction. It has its own revision if it changed at least one key, and is durable when answered.
    fn txn(&self, txn: Txn) -> impl Future<Output = Result<TxnResult>> + Send;

    /// Follows `keys`. `from` is the first revision wanted; 0 means from now on. A revision in the future is waited
    /// for, and nothing older is delivered.
    ///
    /// [`Error::Compacted`](crate::Error::Compacted) comes from here or from [`Watch::next`] when `from` is gone.
    fn watch(&self, keys: Keys, from: Revision) -> impl Future<Output = Result<Watch>> + Send;

    /// Makes a lease. A time to live under [`MIN_TTL`](crate::MIN_TTL) is raised to it; the answer says what holds.
    fn lease_grant(&self, ttl: Duration) -> impl Future<Output = Result<Lease>> + Send;

    /// Gives a lease its whole time to live again.
    fn lease_keep_alive(&self, id: LeaseId) -> impl Future<Output = Result<Lease>> + Send;

    /// Ends a lease and deletes its keys in one transaction.
    fn lease_revoke(&self, id: LeaseId) -> impl Future<Output = Result<()>> + Send;

    /// Drops what nobody can need who reads and watches from `revision` on.
    ///
    /// [`Error::Compacted`](crate::Error::Compacted) when `revision` is not above the last compaction.
    fn compact(&self, revision: Revision) -> impl Future<Output = Result<()>> + Send;

    /// The store in numbers.
    fn status(&self) -> impl Future<Output = Result<Status>> + Send;

    /// The newest state of one key.
    fn get(&self, key: impl Into<Bytes>) -> impl Future<Output = Result<Option<KeyValue>>> + Send {
        let read = self.range(Range::of(Keys::one(key)));
        async { Ok(read.await?.kvs.pop()) }
    }

    /// Writes one key without condition or lease, and answers its revision.
    fn put(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> impl Future<Output = Result<Revision>> + Send {
        let write = self.txn(Txn::of(vec![Op::put(key, value)]));
        async { Ok(write.await?.revision) }
    }
}
