//! Leases: what hangs on them, how they end.

use std::time::Duration;

use super::{PATIENCE, changes, next, pairs, read};
use crate::error::Error;
use crate::limits::{MAX_TTL, MIN_TTL};
use crate::store::Store;
use crate::types::{Keys, LeaseId, Op, Txn};

const LONG: Duration = Duration::from_secs(600);

pub(super) async fn run<S: Store>(open: &impl AsyncFn() -> S) {
    revoking_deletes_in_one_revision(&open().await).await;
    a_key_hangs_on_its_last_lease(&open().await).await;
    time_to_live_has_bounds(&open().await).await;
    what_is_unknown_is_refused(&open().await).await;
    an_end_comes_by_itself(&open().await).await;
}

fn on(key: &'static str, lease: LeaseId) -> Op {
    Op::Put {
        key: key.into(),
        value: "v".into(),
        lease,
    }
}

async fn write(store: &impl Store, steps: Vec<Op>) {
    store.txn(Txn::of(steps)).await.expect("a transaction");
}

async fn revoking_deletes_in_one_revision(store: &impl Store) {
    let lease = store.lease_grant(LONG).await.expect("a lease").id;
    let other = store.lease_grant(LONG).await.expect("a lease").id;
    assert_ne!(lease, other);
    write(
        store,
        vec![on("b", lease), on("a", lease), on("c", other), Op::put("d", "v")],
    )
    .await;
    let kv = store.get("a").await.expect("a read").expect("the key is there");
    assert_eq!(kv.lease, lease);
    assert_eq!(store.status().await.expect("a status").leases, 2);
    let mut watch = store.watch(Keys::prefix(""), 0).await.expect("a watch");
    let before = store.status().await.expect("a status").revision;
    store.lease_revoke(lease).await.expect("a revocation");
    let batch = next(&mut watch).await;
    assert_eq!(
        (batch.revision, changes(&batch)),
        (before + 1, vec!["a!".into(), "b!".into()])
    );
    assert_eq!(pairs(&read(store, Keys::prefix(""), None).await), ["c=v", "d=v"]);
    assert!(matches!(store.lease_revoke(lease).await, Err(Error::LeaseNotFound(id)) if id == lease));
    assert!(matches!(store.lease_keep_alive(lease).await, Err(Error::LeaseNotFound(id)) if id == lease));
    assert!(store.txn(Txn::of(vec![on("a", lease)])).await.is_err());
}

async fn a_key_hangs_on_its_last_lease(store: &impl Store) {
    let first = store.lease_grant(LONG).await.expect("a lease").id;
    let second = store.lease_grant(LONG).await.expect("a lease").id;
    write(store, vec![on("moved", first), on("freed", first), on("gone", first)]).await;
    write(
        store,
        vec![on("moved", second), Op::put("freed", "v"), Op::delete("gone")],
    )
    .await;
    let before = store.status().await.expect("a status").revision;
    store.lease_revoke(first).await.expect("a revocation");
    let all = read(store, Keys::prefix(""), None).await;
    assert_eq!(
        (pairs(&all), all.revision),
        (vec!["freed=v".into(), "moved=v".into()], before)
    );
    store.lease_revoke(second).await.expect("a revocation");
    assert_eq!(pairs(&read(store, Keys::prefix(""), None).await), ["freed=v"]);
}

async fn time_to_live_has_bounds(store: &impl Store) {
    let short = store.lease_grant(Duration::ZERO).await.expect("a lease");
    assert!(short.ttl >= MIN_TTL, "{short:?}");
    let lease = store.lease_grant(LONG).await.expect("a lease");
    assert_eq!(lease.ttl, LONG);
    assert_eq!(store.lease_keep_alive(lease.id).await.expect("it lives"), lease);
    assert!(matches!(store.lease_grant(MAX_TTL * 2).await, Err(Error::Invalid(_))));
    store.lease_grant(MAX_TTL).await.expect("the bound itself is allowed");
}

async fn what_is_unknown_is_refused(store: &impl Store) {
    for id in [LeaseId::NONE, LeaseId(-1), LeaseId(99)] {
        assert!(
            matches!(store.lease_keep_alive(id).await, Err(Error::LeaseNotFound(_))),
            "{id:?}"
        );
        assert!(
            matches!(store.lease_revoke(id).await, Err(Error::LeaseNotFound(_))),
            "{id:?}"
        );
    }
}

async fn an_end_comes_by_itself(store: &impl Store) {
    let lease = store.lease_grant(MIN_TTL).await.expect("a lease").id;
    let mut watch = store.watch(Keys::prefix(""), 0).await.expect("a watch");
    write(store, vec![on("b", lease), on("a", lease)]).await;
    next(&mut watch).await;
    let batch = tokio::time::timeout(PATIENCE, next(&mut watch))
        .await
        .expect("an end in time");
    assert_eq!(changes(&batch), ["a!", "b!"], "all keys go in one revision");
    assert!(store.lease_keep_alive(lease).await.is_err());
}
