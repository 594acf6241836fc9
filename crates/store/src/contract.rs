//! What every backend must do, as one suite that runs unchanged on each of them.
//!
//! The checks panic when the backend breaks the contract. Each starts on a store of its own, and none of them sleeps:
//! what takes time is waited for.

mod compaction;
mod lease;
mod range;
mod txn;
mod validate;
mod watch;

use std::time::Duration;

use crate::store::Store;
use crate::types::{Event, Keys, Op, Range, RangeResult, Revision, Txn, WatchBatch};
use crate::watch::Watch;

/// Nothing in the suite takes so long on a backend that works.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the whole suite. `open` makes an empty store.
pub async fn run<S: Store>(open: impl AsyncFn() -> S) {
    range::run(&open).await;
    txn::run(&open).await;
    watch::run(&open).await;
    lease::run(&open).await;
    compaction::run(&open).await;
}

async fn put(store: &impl Store, key: &'static str, value: &'static str) -> Revision {
    store.put(key, value).await.expect("a put")
}

async fn delete(store: &impl Store, key: &'static str) -> Revision {
    store
        .txn(Txn::of(vec![Op::delete(key)]))
        .await
        .expect("a deletion")
        .revision
}

async fn read(store: &impl Store, keys: Keys, at: Option<Revision>) -> RangeResult {
    let range = Range { at, ..Range::of(keys) };
    store.range(range).await.expect("a range")
}

/// `key=value` of each key, in order.
fn pairs(result: &RangeResult) -> Vec<String> {
    let pair = |kv: &crate::KeyValue| format!("{}={}", kv.key_str(), String::from_utf8_lossy(&kv.value));
    result.kvs.iter().map(pair).collect()
}

/// `key=value` or `key!` of each event.
fn changes(batch: &WatchBatch) -> Vec<String> {
    let show = |event: &Event| match event {
        Event::Put(kv) => format!("{}={}", kv.key_str(), String::from_utf8_lossy(&kv.value)),
        Event::Delete { key, .. } => format!("{}!", String::from_utf8_lossy(key)),
    };
    batch.events.iter().map(show).collect()
}

/// The next batch with events; progress marks are let by.
async fn next(watch: &mut Watch) -> WatchBatch {
    let next = async {
        loop {
            let batch = watch.next().await.expect("a batch");
            if !batch.events.is_empty() {
                return batch;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.expect("a batch in time")
}
