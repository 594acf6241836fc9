//! The vocabulary of the store contract.

use std::time::Duration;

use bytes::Bytes;

/// The store's one counter: +1 for every writing transaction, never back. 0 means "before the first write".
pub type Revision = u64;

/// A lease's name. 0 is no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LeaseId(pub i64);

impl LeaseId {
    /// The key hangs on no lease.
    pub const NONE: LeaseId = LeaseId(0);
}

/// Which keys a range, a deletion or a watch is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// One key.
    One(Bytes),
    /// Every key that starts so; the empty prefix is every key.
    Prefix(Bytes),
}

/// A key with what the store knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// The value; empty when only keys were asked for.
    pub value: Bytes,
    /// The revision that created the key (since its last deletion).
    pub create_revision: Revision,
    /// The revision that changed it last.
    pub mod_revision: Revision,
    /// 1 at creation, +1 with every change.
    pub version: u64,
    /// The lease it hangs on.
    pub lease: LeaseId,
}

/// A read of some keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Which keys.
    pub keys: Keys,
    /// As of this revision; `None` reads the newest state, linearizably.
    pub at: Option<Revision>,
    /// At most so many keys, in key order; 0 is no limit.
    pub limit: usize,
    /// Leave the values out.
    pub keys_only: bool,
}

/// The answer to a [`Range`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeResult {
    /// In key order.
    pub kvs: Vec<KeyValue>,
    /// Whether the limit cut the answer.
    pub more: bool,
    /// The store's revision when the range was read.
    pub revision: Revision,
}

/// One condition of a transaction. A key that does not exist has version, revisions and lease 0 and fails every
/// comparison of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// The key's version is.
    Version(Bytes, u64),
    /// The key's create revision is.
    CreateRevision(Bytes, Revision),
    /// The key's last change is.
    ModRevision(Bytes, Revision),
    /// The key's value is.
    Value(Bytes, Bytes),
    /// The key hangs on.
    Lease(Bytes, LeaseId),
}

/// One step of a transaction's branch. A branch may not write one key twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Writes a key.
    Put { key: Bytes, value: Bytes, lease: LeaseId },
    /// Deletes keys.
    Delete(Keys),
    /// Reads keys, seeing the writes of the steps before it.
    Get(Range),
}

/// If all `compares` hold then `then`, else `otherwise`, atomically.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Txn {
    pub compares: Vec<Compare>,
    pub then: Vec<Op>,
    pub otherwise: Vec<Op>,
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpResult {
    /// Written.
    Put,
    /// So many keys deleted.
    Deleted(u64),
    /// Read.
    Got(RangeResult),
}

/// The answer to a [`Txn`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnResult {
    /// Whether the compares held.
    pub succeeded: bool,
    /// The revision of the transaction, or the current one if it wrote nothing.
    pub revision: Revision,
    /// One entry for each step of the branch that ran.
    pub results: Vec<OpResult>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The key has this value now.
    Put(KeyValue),
    /// The key is gone.
    Delete { key: Bytes, mod_revision: Revision },
}

/// What a watch delivers: all events of one revision that its keys match, or a progress mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchBatch {
    /// Everything up to this revision has been delivered.
    pub revision: Revision,
    /// In the order of the transaction; empty for a progress mark.
    pub events: Vec<Event>,
}

/// A granted lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub id: LeaseId,
    /// How long it lives after a keep-alive.
    pub ttl: Duration,
}

/// The store's state in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub revision: Revision,
    /// Reads and watches below it fail; 0 means that nothing was compacted.
    pub compacted: Revision,
    pub keys: u64,
    pub leases: u64,
    /// Bytes on disk.
    pub size: u64,
    /// What the revisions count in.
    pub history: History,
}

/// Which history revisions count in: whether a revision that somebody remembers still means what it meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// The store's name, a random number other than 0 that is made with it and stays for its life.
    pub store: u64,
    /// The name of this opening of the store, random as well: a store put back from a backup has its old name and
    /// counts the same revisions again.
    pub opening: u64,
    /// The revision the store had when it was opened.
    pub opened_at: Revision,
}

impl History {
    /// Whether a revision that was learned from `store` under `opening` is of this history.
    pub fn has(&self, store: u64, opening: u64, revision: Revision) -> bool {
        self.store == store && (self.opening == opening || revision <= self.opened_at)
    }
}

impl KeyValue {
    /// The key as text; keys written by the control plane are always UTF-8.
    pub fn key_str(&self) -> &str {
        std::str::from_utf8(&self.key).unwrap_or_default()
    }
}

impl Event {
    /// The key that changed.
    pub fn key(&self) -> &Bytes {
        match self {
            Event::Put(kv) => &kv.key,
            Event::Delete { key, .. } => key,
        }
    }
}

impl Keys {
    /// One key.
    pub fn one(key: impl Into<Bytes>) -> Self {
        Keys::One(key.into())
    }

    /// All keys that start with `prefix`.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        Keys::Prefix(prefix.into())
    }

    /// Whether `key` is one of them.
    pub fn contains(&self, key: &[u8]) -> bool {
        match self {
            Keys::One(one) => one == key,
            Keys::Prefix(prefix) => key.starts_with(prefix),
        }
    }
}

impl Range {
    /// The newest state of `keys`, without limit.
    pub fn of(keys: Keys) -> Self {
        Self {
            keys,
            at: None,
            limit: 0,
            keys_only: false,
        }
    }
}

impl Op {
    /// Writes a key that hangs on no lease.
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Op::Put {
            key: key.into(),
            value: value.into(),
            lease: LeaseId::NONE,
        }
    }

    /// Deletes one key.
    pub fn delete(key: impl Into<Bytes>) -> Self {
        Op::Delete(Keys::one(key))
    }
}

impl Txn {
    /// A transaction without conditions.
    pub fn of(then: Vec<Op>) -> Self {
        Self {
            then,
            ..Self::default()
        }
    }
}
