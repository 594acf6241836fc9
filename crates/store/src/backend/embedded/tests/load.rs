//! Many at once.

use super::*;
use crate::types::Compare;

async fn increment(store: &Embedded) {
    loop {
        let now = store.get("counter").await.unwrap();
        let value = now
            .as_ref()
            .map_or(0, |kv| kv.value.as_ref().try_into().map_or(0, u64::from_be_bytes));
        let txn = Txn {
            compares: vec![Compare::ModRevision(
                "counter".into(),
                now.map_or(0, |kv| kv.mod_revision),
            )],
            then: vec![Op::put("counter", (value + 1).to_be_bytes().to_vec())],
            otherwise: vec![],
        };
        if store.txn(txn).await.unwrap().succeeded {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_writers_lose_no_increment() {
    const EACH: u64 = 5;
    let (_dir, store) = fresh(Config::default());
    let writers = (0..64).map(|_| async {
        for _ in 0..EACH {
            increment(&store).await;
        }
    });
    futures_util::future::join_all(writers).await;
    let kv = store.get("counter").await.unwrap().unwrap();
    assert_eq!(kv.value.as_ref(), (64 * EACH).to_be_bytes());
    assert_eq!((kv.version, kv.mod_revision), (64 * EACH, 64 * EACH));
}

#[tokio::test]
async fn writers_share_commits() {
    let (_dir, store) = fresh(Config::default());
    let writes = (0..2000).map(|n| store.put(format!("{n}"), "v"));
    let results = futures_util::future::join_all(writes).await;
    let mut revisions: Vec<Revision> = results.into_iter().map(Result::unwrap).collect();
    revisions.sort_unstable();
    assert_eq!(
        revisions,
        (1..=2000).collect::<Vec<_>>(),
        "each transaction has its own revision"
    );
    let commits = store.shared().config.metrics.commits.get();
    assert!(commits < 500, "{commits} commits for 2000 writes");
}

#[tokio::test]
async fn a_dropped_write_harms_nobody() {
    let (_dir, store) = fresh(Config::default());
    for n in 0..50 {
        let dropped = store.put(format!("dropped/{n}"), "v");
        tokio::select! {
            biased;
            result = dropped => drop(result),
            () = tokio::task::yield_now() => {}
        }
    }
    let last = store.put("last", "v").await.unwrap();
    let all = everything(&store).await;
    assert_eq!(all.len() as u64, last, "each happened whole or not at all");
}

#[test]
fn a_refused_transaction_is_not_seen_by_the_next_of_its_group() {
    let (_dir, store) = fresh(Config::default());
    let state = store.shared().state.read();
    let mut group = Group::new(&state, &store.shared().table, 100);
    let no_lease = |_| false;
    group.txn(&Txn::of(vec![Op::put("k", "kept")]), no_lease).unwrap();
    let too_large = Op::put("z", vec![0; 200]);
    let refused = Txn::of(vec![Op::put("k", "lost"), Op::put("l", "lost"), too_large]);
    assert!(matches!(group.txn(&refused, no_lease), Err(Error::Full { .. })));
    let all = group
        .txn(&Txn::of(vec![Op::Get(Range::of(Keys::prefix("")))]), no_lease)
        .unwrap();
    let [crate::types::OpResult::Got(got)] = &all.results[..] else {
        panic!("{all:?}")
    };
    assert_eq!(
        (got.kvs.len(), &got.kvs[0].value[..], all.revision),
        (1, &b"kept"[..], 1)
    );
}
