//! Watches: from now, from a revision, from the future; whole, in order, without gap or repeat.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::validate::{Written, check};
use super::{changes, delete, next, pairs, put, read};
use crate::store::Store;
use crate::types::{Event, KeyValue, Keys, LeaseId, Op, Revision, Txn, WatchBatch};
use crate::watch::Watch;

pub(super) async fn run<S: Store>(open: &impl AsyncFn() -> S) {
    starts_now(&open().await).await;
    starts_at_a_revision(&open().await).await;
    waits_for_the_future(&open().await).await;
    a_revision_is_one_batch(&open().await).await;
    a_dropped_wait_loses_nothing(&open().await).await;
    keeps_its_promises_among_writers(&open().await).await;
    refuses_wrong_keys(&open().await).await;
}

async fn watch(store: &impl Store, keys: Keys, from: Revision) -> Watch {
    store.watch(keys, from).await.expect("a watch")
}

async fn starts_now(store: &impl Store) {
    put(store, "k", "before").await;
    let mut all = watch(store, Keys::prefix(""), 0).await;
    let mut one = watch(store, Keys::one("k"), 0).await;
    let first = put(store, "k2", "1").await;
    let second = put(store, "k", "2").await;
    let third = delete(store, "k").await;
    assert_eq!(next(&mut all).await.revision, first);
    for watch in [&mut all, &mut one] {
        let batch = next(watch).await;
        assert_eq!((batch.revision, changes(&batch)), (second, vec!["k=2".into()]));
        let Event::Put(kv) = &batch.events[0] else {
            panic!("{batch:?}")
        };
        assert_eq!((kv.mod_revision, kv.version), (second, 2));
        let batch = next(watch).await;
        assert_eq!((batch.revision, changes(&batch)), (third, vec!["k!".into()]));
    }
}

async fn starts_at_a_revision(store: &impl Store) {
    let first = put(store, "p/a", "1").await;
    put(store, "q", "1").await;
    let gone = delete(store, "p/a").await;
    let last = put(store, "p/b", "2").await;
    for from in [1, first, first + 1, gone, last] {
        let mut watch = watch(store, Keys::prefix("p/"), from).await;
        for (revision, change) in [(first, "p/a=1"), (gone, "p/a!"), (last, "p/b=2")] {
            if revision >= from {
                let batch = next(&mut watch).await;
                assert_eq!(
                    (batch.revision, changes(&batch)),
                    (revision, vec![change.into()]),
                    "from {from}"
                );
            }
        }
    }
}

/// etcd issue 20221: a watch on a future revision must not deliver what came before it.
async fn waits_for_the_future(store: &impl Store) {
    let now = put(store, "k", "0").await;
    let mut watch = watch(store, Keys::one("k"), now + 3).await;
    for value in ["1", "2", "3"] {
        put(store, "k", value).await;
    }
    let batch = next(&mut watch).await;
    assert_eq!((batch.revision, changes(&batch)), (now + 3, vec!["k=3".into()]));
}

async fn a_revision_is_one_batch(store: &impl Store) {
    put(store, "p/old", "0").await;
    let mut watch = watch(store, Keys::prefix("p/"), 0).await;
    let steps = vec![
        Op::put("p/b", "1"),
        Op::put("q", "2"),
        Op::delete("p/old"),
        Op::put("p/a", "3"),
    ];
    let wrote = store.txn(Txn::of(steps)).await.expect("a transaction");
    let batch = next(&mut watch).await;
    assert_eq!(batch.revision, wrote.revision);
    assert_eq!(
        changes(&batch),
        ["p/b=1", "p/old!", "p/a=3"],
        "in the order of the transaction"
    );
}

async fn a_dropped_wait_loses_nothing(store: &impl Store) {
    let mut watch = watch(store, Keys::prefix(""), 0).await;
    for value in ["1", "2", "3"] {
        for _ in 0..3 {
            tokio::select! {
                biased;
                batch = watch.next() => panic!("nothing was written, yet came {batch:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        put(store, "k", value).await;
        assert_eq!(changes(&next(&mut watch).await), [format!("k={value}")]);
    }
}

/// Writers go on while watches start at all kinds of revisions and are resumed; each must see exactly its part.
async fn keeps_its_promises_among_writers(store: &impl Store) {
    const WRITES: Revision = 200;
    let start = put(store, "w/start", "0").await;
    let written = Arc::new(Mutex::new(Written::new()));
    let writers = futures_join((0..4).map(|writer| write(store, writer, WRITES / 4, written.clone())));
    let end = start + WRITES;
    let watchers = futures_join((0..8).map(|n| follow(store, n, start, end)));
    let ((), seen) = tokio::join!(async { drop(writers.await) }, watchers);
    let written = written.lock().await;
    assert_eq!(written.len() as u64, WRITES);
    for (prefix, from, batches) in seen {
        check(&written, from, &batches, |event| {
            event.key().starts_with(prefix.as_bytes())
        });
    }
    let all = read(store, Keys::prefix("w/"), None).await;
    assert_eq!(all.revision, end, "{:?}", pairs(&all));
}

async fn write(store: &impl Store, writer: u64, writes: u64, written: Arc<Mutex<Written>>) {
    for n in 0..writes {
        let key = |part: &str| bytes::Bytes::from(format!("w/{part}/{writer}/{n}"));
        let steps = vec![Op::put(key("a"), "1"), Op::put(key("b"), "2")];
        let revision = store.txn(Txn::of(steps)).await.expect("a transaction").revision;
        let event = |part: &str, value: &'static str| {
            Event::Put(KeyValue {
                key: key(part),
                value: value.into(),
                create_revision: revision,
                mod_revision: revision,
                version: 1,
                lease: LeaseId::NONE,
            })
        };
        written
            .lock()
            .await
            .insert(revision, vec![event("a", "1"), event("b", "2")]);
    }
}

/// Follows a part of the keys to the end, and starts anew from the next revision every few batches.
async fn follow(
    store: &impl Store,
    n: u64,
    start: Revision,
    end: Revision,
) -> (&'static str, Revision, Vec<WatchBatch>) {
    let prefix = ["w/a/", "w/b/", "w/", "w/a/1/"][n as usize % 4];
    let from = start + 1 + n * 3;
    let mut batches: Vec<WatchBatch> = Vec::new();
    let mut watch = watch(store, Keys::prefix(prefix), from).await;
    let mut marker = self::watch(store, Keys::prefix("w/"), end).await;
    let finished = next(&mut marker);
    tokio::pin!(finished);
    loop {
        tokio::select! {
            biased;
            batch = watch.next() => batches.push(batch.expect("a batch")),
            _ = &mut finished => break,
        }
        if batches.len() % 7 == 6 {
            let resume = batches.last().map_or(from, |batch| batch.revision + 1);
            watch = self::watch(store, Keys::prefix(prefix), resume).await;
        }
    }
    drain(&mut watch, &mut batches, prefix, end).await;
    (prefix, from, batches)
}

/// Everything is written; a watch on a part ends at the part's last revision.
async fn drain(watch: &mut Watch, batches: &mut Vec<WatchBatch>, prefix: &str, end: Revision) {
    let wanted = if prefix == "w/a/1/" { None } else { Some(end) };
    while wanted.is_some_and(|end| batches.last().is_none_or(|batch| batch.revision < end)) {
        batches.push(next(watch).await);
    }
}

async fn refuses_wrong_keys(store: &impl Store) {
    for keys in [Keys::one(""), Keys::prefix(vec![b'k'; 5000])] {
        assert!(store.watch(keys, 0).await.is_err());
    }
}

async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(futures).await
}
