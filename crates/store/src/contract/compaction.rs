//! Compaction: what goes, what stays, what is said to those who come too late.

use super::{changes, delete, next, pairs, put, read};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::types::{Keys, Range, Revision};

pub(super) async fn run<S: Store>(open: &impl AsyncFn() -> S) {
    drops_what_is_older(&open().await).await;
    keeps_a_deletion_at_its_revision(&open().await).await;
    refuses_wrong_revisions(&open().await).await;
}

fn oldest<T: std::fmt::Debug>(result: Result<T>) -> Revision {
    match result {
        Err(Error::Compacted { oldest }) => oldest,
        other => panic!("expected a compacted revision, got {other:?}"),
    }
}

async fn drops_what_is_older(store: &impl Store) {
    let first = put(store, "k", "1").await;
    put(store, "kept", "x").await;
    delete(store, "k").await;
    let at = put(store, "k", "2").await;
    let last = put(store, "k", "3").await;
    let mut running = store.watch(Keys::one("k"), first).await.expect("a watch");
    assert_eq!(changes(&next(&mut running).await), ["k=1"]);
    store.compact(at).await.expect("a compaction");
    assert_eq!(store.status().await.expect("a status").compacted, at);
    for revision in [first, at - 1] {
        let range = Range {
            at: Some(revision),
            ..Range::of(Keys::prefix("k"))
        };
        assert_eq!(oldest(store.range(range).await), at);
        let watch = async { store.watch(Keys::one("k"), revision).await?.next().await };
        assert_eq!(oldest(watch.await), at);
    }
    for (revision, expected) in [(Some(at), "k=2"), (Some(last), "k=3"), (None, "k=3")] {
        let result = read(store, Keys::prefix("k"), revision).await;
        assert_eq!(pairs(&result), [expected, "kept=x"], "at {revision:?}");
    }
    let mut watch = store.watch(Keys::one("k"), at).await.expect("a watch");
    assert_eq!(changes(&next(&mut watch).await), ["k=2"]);
    assert_eq!(changes(&next(&mut watch).await), ["k=3"]);
}

/// etcd issues 18089 and 19179: compacting at a deletion must not lose its event.
async fn keeps_a_deletion_at_its_revision(store: &impl Store) {
    put(store, "k", "1").await;
    let gone = delete(store, "k").await;
    store.compact(gone).await.expect("a compaction");
    let mut watch = store.watch(Keys::one("k"), gone).await.expect("a watch");
    let batch = next(&mut watch).await;
    assert_eq!((batch.revision, changes(&batch)), (gone, vec!["k!".into()]));
    assert_eq!(
        read(store, Keys::prefix(""), Some(gone)).await.revision,
        gone,
        "the revision does not go back"
    );
    let next = put(store, "k", "2").await;
    assert_eq!(next, gone + 1);
}

async fn refuses_wrong_revisions(store: &impl Store) {
    put(store, "k", "1").await;
    let at = put(store, "k", "2").await;
    let future = store.compact(at + 1).await;
    assert!(
        matches!(future, Err(Error::FutureRevision { newest, .. }) if newest == at),
        "{future:?}"
    );
    store.compact(at).await.expect("a compaction");
    assert_eq!(oldest(store.compact(at).await), at);
    assert_eq!(oldest(store.compact(at - 1).await), at);
}
