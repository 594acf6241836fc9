//! Transactions: compares, branches, revisions, refusals.

use super::{delete, pairs, put, read};
use crate::error::Error;
use crate::limits::{MAX_KEY_BYTES, MAX_OPS, MAX_VALUE_BYTES};
use crate::store::Store;
use crate::types::{Compare, Keys, LeaseId, Op, OpResult, Range, Revision, Txn};

pub(super) async fn run<S: Store>(open: &impl AsyncFn() -> S) {
    compares(&open().await).await;
    runs_one_branch(&open().await).await;
    counts_revisions(&open().await).await;
    reads_see_earlier_writes(&open().await).await;
    refuses_whole(&open().await).await;
}

async fn holds(store: &impl Store, compare: Compare) -> bool {
    let txn = Txn {
        compares: vec![compare],
        ..Txn::default()
    };
    store.txn(txn).await.expect("a transaction").succeeded
}

async fn compares(store: &impl Store) {
    let created = put(store, "k", "1").await;
    let changed = put(store, "k", "2").await;
    let (k, no) = (|| "k".into(), || "absent".into());
    for (compare, expected) in [
        (Compare::Version(k(), 2), true),
        (Compare::Version(k(), 1), false),
        (Compare::CreateRevision(k(), created), true),
        (Compare::CreateRevision(k(), changed), false),
        (Compare::ModRevision(k(), changed), true),
        (Compare::ModRevision(k(), 0), false),
        (Compare::Value(k(), "2".into()), true),
        (Compare::Value(k(), "1".into()), false),
        (Compare::Lease(k(), LeaseId::NONE), true),
        (Compare::Lease(k(), LeaseId(7)), false),
        (Compare::Version(no(), 0), true),
        (Compare::CreateRevision(no(), 0), true),
        (Compare::ModRevision(no(), 0), true),
        (Compare::Lease(no(), LeaseId::NONE), true),
        (Compare::Value(no(), "".into()), false),
    ] {
        let text = format!("{compare:?}");
        assert_eq!(holds(store, compare).await, expected, "{text}");
    }
}

async fn runs_one_branch(store: &impl Store) {
    let create = |value: &'static str| Txn {
        compares: vec![Compare::Version("k".into(), 0), Compare::Version("absent".into(), 0)],
        then: vec![Op::put("k", value)],
        otherwise: vec![Op::Get(Range::of(Keys::one("k")))],
    };
    let first = store.txn(create("1")).await.expect("a transaction");
    assert_eq!((first.succeeded, &first.results[..]), (true, &[OpResult::Put][..]));
    let second = store.txn(create("2")).await.expect("a transaction");
    assert_eq!((second.succeeded, second.revision), (false, first.revision));
    let [OpResult::Got(got)] = &second.results[..] else {
        panic!("{:?}", second.results)
    };
    assert_eq!(pairs(got), ["k=1"]);
}

async fn counts_revisions(store: &impl Store) {
    let start = store.status().await.expect("a status").revision;
    let write = Txn::of(vec![Op::put("a", "1"), Op::put("b", "1"), Op::put("c", "1")]);
    let wrote = store.txn(write).await.expect("a transaction");
    assert_eq!(wrote.revision, start + 1, "a transaction has one revision");
    let kvs = read(store, Keys::prefix(""), None).await.kvs;
    assert!(kvs.iter().all(|kv| kv.mod_revision == start + 1));
    for quiet in [
        vec![],
        vec![Op::delete("absent")],
        vec![Op::Get(Range::of(Keys::prefix("")))],
    ] {
        let result = store.txn(Txn::of(quiet)).await.expect("a transaction");
        assert_eq!(result.revision, start + 1, "what writes nothing has no revision");
    }
    assert_eq!(put(store, "a", "1").await, start + 2, "the same value again is a write");
    assert_eq!(delete(store, "a").await, start + 3);
    let all = store
        .txn(Txn::of(vec![Op::Delete(Keys::prefix(""))]))
        .await
        .expect("a transaction");
    assert_eq!(
        (all.revision, &all.results[..]),
        (start + 4, &[OpResult::Deleted(2)][..])
    );
}

async fn reads_see_earlier_writes(store: &impl Store) {
    let before: Revision = put(store, "p/b", "old").await;
    put(store, "p/d", "old").await;
    let all = || Op::Get(Range::of(Keys::prefix("p/")));
    let past = Op::Get(Range {
        at: Some(before),
        ..Range::of(Keys::prefix("p/"))
    });
    let steps = vec![
        all(),
        Op::put("p/a", "new"),
        Op::put("p/b", "new"),
        Op::delete("p/d"),
        all(),
        past,
    ];
    let results = store.txn(Txn::of(steps)).await.expect("a transaction").results;
    let seen = |at: usize| match &results[at] {
        OpResult::Got(got) => pairs(got),
        other => panic!("{other:?}"),
    };
    assert_eq!(seen(0), ["p/b=old", "p/d=old"]);
    assert_eq!(seen(4), ["p/a=new", "p/b=new"]);
    assert_eq!(seen(5), ["p/b=old"], "a read at a revision sees that revision");
}

async fn refuses_whole(store: &impl Store) {
    let start = put(store, "k", "kept").await;
    let many = (0..=MAX_OPS).map(|n| Op::put(format!("many/{n}"), "")).collect();
    let on_lease = Op::Put {
        key: "l".into(),
        value: "".into(),
        lease: LeaseId(4711),
    };
    for (name, steps) in [
        ("an empty key", vec![Op::put("", "v")]),
        ("a long key", vec![Op::put(vec![b'k'; MAX_KEY_BYTES + 1], "v")]),
        ("a large value", vec![Op::put("v", vec![0; MAX_VALUE_BYTES + 1])]),
        ("too many steps", many),
        ("a key written twice", vec![Op::put("k", "1"), Op::put("k", "2")]),
        (
            "a key written and deleted",
            vec![Op::put("k", "1"), Op::Delete(Keys::prefix("k"))],
        ),
    ] {
        let result = store.txn(Txn::of(steps)).await;
        assert!(matches!(result, Err(Error::Invalid(_))), "{name}: {result:?}");
    }
    let result = store
        .txn(Txn::of(vec![Op::put("k", "lost"), Op::delete("k2"), on_lease]))
        .await;
    assert!(matches!(result, Err(Error::LeaseNotFound(LeaseId(4711)))), "{result:?}");
    let all = read(store, Keys::prefix(""), None).await;
    assert_eq!(
        (pairs(&all), all.revision),
        (vec!["k=kept".into()], start),
        "a refused transaction leaves nothing"
    );
    let largest = Op::put(vec![b'k'; MAX_KEY_BYTES], vec![1; MAX_VALUE_BYTES]);
    store
        .txn(Txn::of(vec![largest]))
        .await
        .expect("the bounds themselves are allowed");
}
