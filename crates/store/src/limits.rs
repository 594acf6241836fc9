//! What a request may be. The same bounds hold on every backend.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::types::{Compare, Keys, Op, Range, Txn};

/// The longest key.
pub const MAX_KEY_BYTES: usize = 4 << 10;
/// The largest value: etcd's default request limit.
pub const MAX_VALUE_BYTES: usize = 3 << 19;
/// The most compares, and the most steps in each branch of a transaction.
pub const MAX_OPS: usize = 1024;
/// The largest transaction, all keys and values together.
pub const MAX_TXN_BYTES: usize = 16 << 20;
/// The shortest time to live of a lease.
pub const MIN_TTL: Duration = Duration::from_secs(1);
/// The longest time to live of a lease: etcd's bound.
pub const MAX_TTL: Duration = Duration::from_secs(9_000_000_000);

/// Refuses a transaction that no backend may run; answers its size in bytes.
pub(crate) fn check_txn(txn: &Txn) -> Result<usize> {
    let mut bytes = 0;
    check_count("compares", txn.compares.len())?;
    for compare in &txn.compares {
        bytes += check_compare(compare)?;
    }
    for branch in [&txn.then, &txn.otherwise] {
        bytes += check_branch(branch)?;
    }
    if bytes > MAX_TXN_BYTES {
        return invalid(format!(
            "the transaction has {bytes} bytes, more than {MAX_TXN_BYTES}; split it"
        ));
    }
    Ok(bytes)
}

/// Refuses keys that cannot be read or watched.
pub(crate) fn check_keys(keys: &Keys) -> Result<usize> {
    match keys {
        Keys::One(key) => check_key(key),
        Keys::Prefix(prefix) if prefix.len() > MAX_KEY_BYTES => too_long(prefix),
        Keys::Prefix(prefix) => Ok(prefix.len()),
    }
}

/// The time to live that a lease gets when `ttl` is asked for.
pub(crate) fn check_ttl(ttl: Duration) -> Result<Duration> {
    if ttl > MAX_TTL {
        let asked = ttl.as_secs();
        return invalid(format!(
            "a lease of {asked} s is too long; at most {} s",
            MAX_TTL.as_secs()
        ));
    }
    Ok(ttl.max(MIN_TTL))
}

fn check_branch(branch: &[Op]) -> Result<usize> {
    check_count("steps in a branch", branch.len())?;
    let mut bytes = 0;
    for op in branch {
        bytes += check_op(op)?;
    }
    check_written_once(branch)?;
    Ok(bytes)
}

fn check_op(op: &Op) -> Result<usize> {
    match op {
        Op::Put { key, value, .. } => Ok(check_key(key)? + check_value(key, value)?),
        Op::Delete(keys) | Op::Get(Range { keys, .. }) => check_keys(keys),
    }
}

fn check_compare(compare: &Compare) -> Result<usize> {
    match compare {
        Compare::Value(key, value) => Ok(check_key(key)? + check_value(key, value)?),
        Compare::Version(key, _)
        | Compare::CreateRevision(key, _)
        | Compare::ModRevision(key, _)
        | Compare::Lease(key, _) => check_key(key),
    }
}

/// A revision holds one change of a key at most, so a branch may neither put a key twice nor put and delete it.
/// Deletions may overlap, as in etcd: the second finds nothing.
fn check_written_once(branch: &[Op]) -> Result<()> {
    let mut written = HashSet::new();
    for op in branch {
        if let Op::Put { key, .. } = op
            && !written.insert(key)
        {
            return invalid(format!("key {} is written twice in one branch", show(key)));
        }
    }
    for op in branch {
        if let Op::Delete(keys) = op
            && let Some(key) = overlap(keys, &written)
        {
            return invalid(format!("key {} is written and deleted in one branch", show(key)));
        }
    }
    Ok(())
}

fn overlap<'a>(keys: &Keys, written: &HashSet<&'a Bytes>) -> Option<&'a Bytes> {
    match keys {
        Keys::One(key) => written.get(key).copied(),
        Keys::Prefix(_) => written.iter().find(|key| keys.contains(key)).copied(),
    }
}

fn check_key(key: &Bytes) -> Result<usize> {
    match key.len() {
        0 => invalid("a key may not be empty".into()),
        1..=MAX_KEY_BYTES => Ok(key.len()),
        _ => too_long(key),
    }
}

fn check_value(key: &Bytes, value: &Bytes) -> Result<usize> {
    let bytes = value.len();
    if bytes > MAX_VALUE_BYTES {
        let key = show(key);
        return invalid(format!(
            "the value of {key} has {bytes} bytes, more than {MAX_VALUE_BYTES}"
        ));
    }
    Ok(bytes)
}

fn check_count(what: &str, count: usize) -> Result<()> {
    if count > MAX_OPS {
        return invalid(format!(
            "the transaction has {count} {what}, more than {MAX_OPS}; split it"
        ));
    }
    Ok(())
}

fn too_long(key: &Bytes) -> Result<usize> {
    let bytes = key.len();
    invalid(format!(
        "key {} has {bytes} bytes, more than {MAX_KEY_BYTES}",
        show(key)
    ))
}

fn invalid<T>(reason: String) -> Result<T> {
    Err(Error::Invalid(reason))
}

/// The start of a key, for messages.
fn show(key: &[u8]) -> String {
    let start = &key[..key.len().min(64)];
    let cut = if start.len() < key.len() { "…" } else { "" };
    format!("`{}{cut}`", String::from_utf8_lossy(start).escape_debug())
}
