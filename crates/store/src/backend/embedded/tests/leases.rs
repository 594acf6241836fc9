//! Leases over time, over restarts, and in crowds.

use super::*;

const TTL: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(1);

fn on(key: &str, lease: LeaseId) -> Op {
    Op::Put {
        key: key.to_owned().into(),
        value: "v".into(),
        lease,
    }
}

async fn keys(store: &Embedded) -> Vec<String> {
    everything(store)
        .await
        .iter()
        .map(|kv| kv.key_str().to_owned())
        .collect()
}

#[tokio::test]
async fn a_lease_ends_at_its_time_and_not_before() {
    let (config, hand) = with_manual_clock();
    let (_dir, store) = fresh(config);
    let kept = store.lease_grant(TTL).await.unwrap().id;
    let left = store.lease_grant(TTL).await.unwrap().id;
    store
        .txn(Txn::of(vec![on("kept", kept), on("left/a", left), on("left/b", left)]))
        .await
        .unwrap();
    hand.advance(TTL - MOMENT);
    store.tick().await.unwrap();
    assert_eq!(keys(&store).await, ["kept", "left/a", "left/b"]);
    store.lease_keep_alive(kept).await.unwrap();
    hand.advance(MOMENT);
    assert!(
        store.lease_keep_alive(left).await.is_err(),
        "too late, even before the store noticed"
    );
    store.tick().await.unwrap();
    assert_eq!(keys(&store).await, ["kept"]);
    assert_eq!(
        store.status().await.unwrap().revision,
        2,
        "one revision for the whole lease"
    );
    hand.advance(TTL);
    store.tick().await.unwrap();
    assert_eq!(keys(&store).await, [""; 0]);
    assert_eq!(store.status().await.unwrap().leases, 0);
}

#[tokio::test]
async fn after_a_restart_a_lease_has_its_whole_time_and_a_revoked_one_stays_revoked() {
    let (config, hand) = with_manual_clock();
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), config.clone()).unwrap();
    let lease = store.lease_grant(TTL).await.unwrap().id;
    let revoked = store.lease_grant(TTL).await.unwrap().id;
    store
        .txn(Txn::of(vec![on("k", lease), on("r", revoked)]))
        .await
        .unwrap();
    store.lease_revoke(revoked).await.unwrap();
    hand.advance(TTL - MOMENT);
    drop(store);
    let store = Embedded::open(dir.path(), config.clone()).unwrap();
    assert!(matches!(
        store.lease_keep_alive(revoked).await,
        Err(Error::LeaseNotFound(_))
    ));
    hand.advance(TTL - MOMENT);
    store.tick().await.unwrap();
    assert_eq!(keys(&store).await, ["k"]);
    hand.advance(MOMENT);
    store.tick().await.unwrap();
    assert_eq!(keys(&store).await, [""; 0]);
    drop(store);
    let store = Embedded::open(dir.path(), config).unwrap();
    assert_eq!((keys(&store).await, store.status().await.unwrap().leases), (vec![], 0));
}

#[tokio::test]
async fn leases_that_end_together_share_commits() {
    let (config, hand) = with_manual_clock();
    let (_dir, store) = fresh(config);
    let crowd = (0..3000).map(|n| {
        let store = &store;
        async move {
            let lease = store.lease_grant(TTL).await.unwrap().id;
            store.txn(Txn::of(vec![on(&format!("{n}"), lease)])).await.unwrap();
        }
    });
    futures_util::future::join_all(crowd).await;
    assert_eq!(everything(&store).await.len(), 3000);
    let before = store.shared().config.metrics.commits.get();
    hand.advance(TTL);
    store.tick().await.unwrap();
    let status = store.status().await.unwrap();
    assert_eq!(
        (status.keys, status.leases, status.revision),
        (0, 0, 6000),
        "one revision a lease"
    );
    let commits = store.shared().config.metrics.commits.get() - before;
    assert!(commits <= 5, "{commits} commits");
}

#[tokio::test]
async fn what_one_group_does_to_a_lease_is_in_order() {
    let (_dir, store) = fresh(Config::default());
    let lease = store.lease_grant(TTL).await.unwrap().id;
    let (put, revoked, late) = tokio::join!(
        store.txn(Txn::of(vec![on("k", lease)])),
        store.lease_revoke(lease),
        store.txn(Txn::of(vec![on("late", lease)])),
    );
    put.unwrap();
    revoked.unwrap();
    assert!(matches!(late, Err(Error::LeaseNotFound(_))), "{late:?}");
    assert_eq!(keys(&store).await, [""; 0]);
}
