//! Registering, staying alive, leaving.

use std::time::Duration;

use nines_model::{InstanceState, Override};
use nines_wire::convert::{key_to_proto, registration_to_proto};
use nines_wire::proto;
use nines_wire::proto::session_request::Message as Ask;
use nines_wire::proto::session_response::Message as Answer;

use super::client::*;

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_is_registered_is_seen_until_it_deregisters() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", LONG).await;
    let Answer::Registered(registered) = session.register(&instance(1), InstanceState::Ready).await else {
        panic!("not registered");
    };
    let mut subscription = server.subscribe(in_orders(), 0).await;
    let first = subscription.next().await;
    assert!(first.full && first.revision >= registered.revision);
    assert_eq!(subscription.state(&instance(1)), Some(InstanceState::Ready));
    assert!(matches!(
        session.deregister(&instance(1)).await,
        Answer::Deregistered(_)
    ));
    subscription.until(|c| c.instances.is_empty()).await;
    drop((session, subscription));
    server.stop().await;
}

#[tokio::test]
async fn an_instance_whose_heartbeats_stop_is_down_and_then_gone_within_a_second_of_its_ttl() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut subscription = server.subscribe(in_orders(), 0).await;
    let mut session = server.session("", SECOND).await;
    session.register(&instance(1), InstanceState::Ready).await;
    assert!(matches!(session.heartbeat().await, Answer::Alive(_)));
    let kept = tokio::time::Instant::now();
    drop(session);
    subscription.until(|c| state(c, &instance(1)).is_some()).await;
    subscription.until(|c| c.instances.is_empty()).await;
    // The keep-alive happened before `kept`, by at most the time of one answer.
    let lived = kept.elapsed();
    assert!(lived > SECOND * 9 / 10 && lived < SECOND * 5 / 2, "{lived:?}");
    drop(subscription);
    server.stop().await;
}

#[tokio::test]
async fn a_silent_session_is_closed_and_its_stream_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", SECOND).await;
    let status = session.ended().await.expect("a status");
    assert!(status.message().contains("nothing was heard for 1s"), "{status}");
    server.stop().await;
}

#[tokio::test]
async fn an_override_survives_deregistration_and_registering_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path();
    let server = start(store).await;
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    let over = Override {
        disabled: true,
        weight: Some(7),
    };
    let registry = server.registry();
    registry.set_override(&instance(1), Some(&over)).await.unwrap();
    assert_eq!(registry.instance(&instance(1)).0.unwrap().state, InstanceState::Down);
    session.deregister(&instance(1)).await;
    session.register(&instance(1), InstanceState::Ready).await;
    let again = registry.instance(&instance(1)).0.unwrap();
    assert!(again.disabled && again.weight == 7);
    registry.set_override(&instance(1), None).await.unwrap();
    assert_eq!(registry.instance(&instance(1)).0.unwrap().state, InstanceState::Ready);
    drop((session, registry));
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_registration_is_refused_by_field_and_the_session_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", LONG).await;
    let mut wrong = registration_to_proto(&registration(InstanceState::Ready));
    wrong.address = "0.0.0.0".into();
    let register = proto::Register {
        id: Some(key_to_proto(&instance(1))),
        registration: Some(wrong),
    };
    send(&session.ask, Ask::Register(register)).await;
    let Answer::Refused(refused) = session.next().await else {
        panic!("accepted");
    };
    assert_eq!(refused.kind, "invalid_argument");
    assert!(refused.message.contains("0.0.0.0"), "{}", refused.message);
    assert!(matches!(
        session.register(&instance(1), InstanceState::Ready).await,
        Answer::Registered(_)
    ));
    drop(session);
    server.stop().await;
}

#[tokio::test]
async fn the_last_registration_of_a_name_wins_and_the_other_session_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut old = server.session("", LONG).await;
    let mut new = server.session("", LONG).await;
    old.register(&instance(1), InstanceState::Ready).await;
    new.register(&instance(1), InstanceState::Starting).await;
    let Answer::Refused(refused) = old.heartbeat().await else {
        panic!("not told");
    };
    assert_eq!(refused.kind, "conflict");
    assert!(refused.message.contains(&new.id), "{}", refused.message);
    assert!(matches!(old.next().await, Answer::Alive(_)));
    // What the old one lost it cannot end.
    assert!(matches!(old.deregister(&instance(1)).await, Answer::Deregistered(_)));
    let registry = server.registry();
    assert_eq!(
        registry.instance(&instance(1)).0.unwrap().state,
        InstanceState::Starting
    );
    drop((old, new, registry));
    server.stop().await;
}

#[tokio::test]
async fn a_resumed_session_keeps_its_instances_and_replaces_the_old_stream() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut old = server.session("", LONG).await;
    old.register(&instance(1), InstanceState::Ready).await;
    let mut new = server.session(&old.id, LONG).await;
    assert_eq!(new.id, old.id);
    assert!(
        old.ended()
            .await
            .expect("a status")
            .message()
            .contains("another stream")
    );
    assert!(matches!(new.heartbeat().await, Answer::Alive(_)));
    let unknown = server.session("no-such-session", LONG).await;
    assert_ne!(unknown.id, "no-such-session");
    drop((old, new, unknown));
    server.stop().await;
}

#[tokio::test]
async fn a_drain_waits_for_the_acknowledgement() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    let mut subscription = server.subscribe(in_orders(), 0).await;
    subscription.next().await;
    subscription.ack(subscription.catalog.revision).await;
    session.drain(&instance(1), LONG).await;
    subscription
        .until(|c| state(c, &instance(1)) == Some(InstanceState::Draining))
        .await;
    // The answer to the heartbeat comes first: nobody has acknowledged.
    assert!(matches!(session.heartbeat().await, Answer::Alive(_)));
    subscription.ack(subscription.catalog.revision).await;
    let Answer::Drained(drained) = session.next().await else {
        panic!("not drained");
    };
    assert_eq!((drained.complete, drained.outstanding), (true, 0));
    drop((session, subscription));
    server.stop().await;
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline_and_counts_who_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    let mut deaf = server.subscribe(in_orders(), 0).await;
    deaf.next().await;
    session.drain(&instance(1), Duration::from_millis(50)).await;
    let Answer::Drained(drained) = session.next().await else {
        panic!("not drained");
    };
    assert_eq!((drained.complete, drained.outstanding), (false, 1));
    drop((session, deaf));
    server.stop().await;
}

#[tokio::test]
async fn ten_thousand_instances_of_one_session_end_together() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", SECOND * 5).await;
    let wish = registration_to_proto(&registration(InstanceState::Ready));
    for id in 0..10_001 {
        let register = proto::Register {
            id: Some(key_to_proto(&instance(id))),
            registration: Some(wish.clone()),
        };
        send(&session.ask, Ask::Register(register)).await;
    }
    let mut refused = 0;
    for _ in 0..10_001 {
        refused += u32::from(matches!(session.next().await, Answer::Refused(_)));
    }
    assert_eq!(refused, 1, "one more than a session may hold");
    let registry = server.registry();
    assert_eq!(registry.instances(&orders()).0.len(), 10_000);
    let mut subscription = server.subscribe(in_orders(), 0).await;
    subscription.next().await;
    drop(session);
    subscription
        .until(|c| {
            c.instances
                .get(&orders())
                .is_none_or(|all| all.values().all(|i| i.state == InstanceState::Down))
        })
        .await;
    let down = tokio::time::Instant::now();
    subscription.until(|c| c.instances.is_empty()).await;
    let reaping = down.elapsed();
    assert!(reaping < SECOND * 10, "{reaping:?}");
    drop((subscription, registry));
    server.stop().await;
}
