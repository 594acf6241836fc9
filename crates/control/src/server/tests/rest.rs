//! Instances kept by single calls instead of a stream.

use std::time::Duration;

use nines_base::Kind;
use nines_model::{ConfigKey, InstanceState, Interest};
use nines_wire::proto;
use nines_wire::proto::session_response::Message as Answer;

use super::client::*;

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn renewing_changes_nothing_that_anybody_can_see() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let registry = server.registry();
    let wish = registration(InstanceState::Ready);
    let first = registry.register(&instance(1), &wish, LONG).await.unwrap();
    let again = registry.register(&instance(1), &wish, LONG).await.unwrap();
    let kept = registry.heartbeat(&instance(1)).await.unwrap();
    assert_eq!([again.revision, kept.revision], [first.revision; 2]);
    let other = registration(InstanceState::Draining);
    let changed = registry.register(&instance(1), &other, LONG).await.unwrap();
    assert_eq!(changed.revision, first.revision + 1);
    drop(registry);
    server.stop().await;
}

#[tokio::test]
async fn who_is_unknown_is_told_to_register_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let registry = server.registry();
    let wish = registration(InstanceState::Ready);
    let unknown = registry.heartbeat(&instance(1)).await.expect_err("unknown");
    assert_eq!(unknown.kind(), Kind::NotFound);
    assert!(unknown.to_string().contains("register again"), "{unknown}");
    registry.register(&instance(1), &wish, SECOND).await.unwrap();
    let mut subscription = server.subscribe(in_orders(), 0).await;
    assert!(subscription.next().await.full);
    subscription.until(|c| c.instances.is_empty()).await;
    let expired = registry.heartbeat(&instance(1)).await.expect_err("expired");
    assert_eq!(expired.kind(), Kind::NotFound);
    registry.register(&instance(1), &wish, LONG).await.unwrap();
    registry.deregister(&instance(1)).await.unwrap();
    let twice = registry.deregister(&instance(1)).await.expect_err("gone already");
    assert_eq!(twice.kind(), Kind::NotFound);
    drop((subscription, registry));
    server.stop().await;
}

#[tokio::test]
async fn a_call_takes_over_from_a_session_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let registry = server.registry();
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    let error = registry.heartbeat(&instance(1)).await.expect_err("a session's");
    assert_eq!(error.kind(), Kind::Conflict);
    registry
        .register(&instance(1), &registration(InstanceState::Ready), LONG)
        .await
        .unwrap();
    assert!(matches!(session.heartbeat().await, Answer::Refused(_)));
    assert!(matches!(session.next().await, Answer::Alive(_)));
    assert!(registry.heartbeat(&instance(1)).await.is_ok());
    drop((session, registry));
    server.stop().await;
}

#[tokio::test]
async fn a_long_poll_answers_with_the_change_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let registry = server.registry();
    let wish = registration(InstanceState::Ready);
    let seen = registry.register(&instance(1), &wish, LONG).await.unwrap().revision;
    let (same, _) = registry.wait(&orders(), seen, Duration::from_millis(20)).await.unwrap();
    assert_eq!(same.len(), 1);
    let key = instance(2);
    let orders = orders();
    let (polled, registered) = tokio::join!(
        registry.wait(&orders, seen, PATIENCE),
        registry.register(&key, &wish, LONG)
    );
    assert_eq!(polled.unwrap().0.len(), 2);
    assert!(registered.unwrap().revision > seen);
    drop(registry);
    server.stop().await;
}

#[tokio::test]
async fn what_subscribers_say_of_a_configuration_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let key = ConfigKey::new("shop", "orders.yaml");
    let interest = Interest {
        configs: [key.clone()].into(),
        ..Interest::default()
    };
    let mut subscription = server.subscribe(interest, 0).await;
    let revision = subscription.next().await.revision;
    assert_eq!(server.hub.running(&key)[0].version, None);
    let verdict = |name: &str| proto::ConfigVerdict {
        namespace: "shop".into(),
        name: name.into(),
        version: 3,
        rejected: "no such field".into(),
    };
    subscription
        .answer(revision, vec![verdict("orders.yaml"), verdict("not-followed")])
        .await;
    let heard = tokio::time::timeout(PATIENCE, async {
        while server.hub.running(&key)[0].version.is_none() {
            tokio::task::yield_now().await;
        }
    });
    heard.await.expect("the answer is taken in");
    assert_eq!(server.hub.running(&key)[0].rejected.as_deref(), Some("no such field"));
    assert!(server.hub.running(&ConfigKey::new("shop", "not-followed")).is_empty());
    drop(subscription);
    server.stop().await;
}
