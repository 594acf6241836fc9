//! What a request may be. The same bounds hold on every backend.

use std::time::Duration;

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
