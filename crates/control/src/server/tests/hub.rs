//! Subscribing, resuming, being slow.

use std::time::Duration;

use nines_model::{InstanceState, Interest, ServiceKey};
use nines_wire::proto;
use nines_wire::proto::session_response::Message as Answer;

use super::client::*;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_resume_gets_only_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    session.register(&instance(2), InstanceState::Ready).await;
    let mut first = server.subscribe(in_orders(), 0).await;
    assert!(first.next().await.full);
    let seen = first.catalog.revision;
    drop(first);
    session.register(&instance(2), InstanceState::Starting).await;
    session.register(&instance(2), InstanceState::Ready).await;
    let mut second = server.subscribe(in_orders(), seen).await;
    let batch = second.next().await;
    assert!(!batch.full);
    assert_eq!(batch.changes.len(), 1, "{batch:?}");
    drop((session, second));
    server.stop().await;
}

#[tokio::test]
async fn a_resume_with_nothing_new_says_so_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut first = server.subscribe(in_orders(), 0).await;
    first.next().await;
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    first.until(|c| !c.instances.is_empty()).await;
    let mut second = server.subscribe(in_orders(), first.catalog.revision).await;
    let batch = second.next().await;
    assert!(!batch.full && batch.changes.is_empty(), "{batch:?}");
    drop((session, first, second));
    server.stop().await;
}

#[tokio::test]
async fn a_resume_from_too_long_ago_gets_everything() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.recent = 2;
    let server = start_with(config).await;
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    let mut first = server.subscribe(in_orders(), 0).await;
    first.next().await;
    for id in 2..6 {
        session.register(&instance(id), InstanceState::Ready).await;
    }
    let mut second = server.subscribe(in_orders(), first.catalog.revision).await;
    let batch = second.next().await;
    assert!(batch.full);
    assert_eq!(batch.changes.len(), 5);
    drop((session, first, second));
    server.stop().await;
}

#[tokio::test]
async fn a_slow_subscriber_gets_the_newest_state_and_no_backlog() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut slow = server.subscribe(in_orders(), 0).await;
    slow.next().await;
    let mut session = server.session("", LONG).await;
    for round in 0..500 {
        let state = if round % 2 == 0 {
            InstanceState::Starting
        } else {
            InstanceState::Ready
        };
        session.register(&instance(1), state).await;
    }
    let newest = server.registry().instances(&orders()).1;
    let mut batches = 0;
    while slow.catalog.revision < newest {
        let batch = slow.next().await;
        assert!(batch.changes.len() <= 1);
        batches += 1;
    }
    assert_eq!(slow.state(&instance(1)), Some(InstanceState::Ready));
    assert!(batches <= 500, "{batches}");
    drop((session, slow));
    server.stop().await;
}

#[tokio::test]
async fn another_interest_gets_its_full_state() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    let nobody = Interest {
        services: [ServiceKey::new("shop", "users")].into(),
        ..Interest::default()
    };
    let mut subscription = server.subscribe(nobody, 0).await;
    assert!(subscription.next().await.changes.is_empty());
    subscription.replace(in_orders()).await;
    assert!(subscription.next().await.full);
    assert_eq!(subscription.state(&instance(1)), Some(InstanceState::Ready));
    drop((session, subscription));
    server.stop().await;
}

#[tokio::test]
async fn an_acknowledgement_of_what_was_never_sent_counts_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    let mut subscription = server.subscribe(in_orders(), 0).await;
    subscription.next().await;
    subscription.ack(1_000_000).await;
    // The stream goes on, and the drain waits for a word on what was sent.
    session.drain(&instance(1), LONG).await;
    subscription
        .until(|c| state(c, &instance(1)) == Some(InstanceState::Draining))
        .await;
    assert!(matches!(session.heartbeat().await, Answer::Alive(_)));
    subscription.ack(subscription.catalog.revision).await;
    assert!(matches!(session.next().await, Answer::Drained(_)));
    drop((session, subscription));
    server.stop().await;
}

/// As after a lost store, or after a backup was put back: the same revisions are counted again.
#[tokio::test]
async fn a_resume_from_another_history_gets_everything() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut first = server.subscribe(in_orders(), 0).await;
    let history = first.next().await.history.expect("a history");
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    first.until(|c| !c.instances.is_empty()).await;
    let seen = first.catalog.revision;
    let other_store = proto::History {
        store: history.store ^ 1,
        ..history
    };
    let other_opening = proto::History {
        opening: history.opening ^ 1,
        ..history
    };
    let table = [
        ("another store", other_store, true),
        ("another opening", other_opening, true),
        ("this one", history, false),
    ];
    for (name, history, full) in table {
        let mut second = server.resume(in_orders(), seen, Some(history)).await;
        assert_eq!(second.next().await.full, full, "{name}");
    }
    drop((session, first));
    server.stop().await;
}

#[tokio::test]
async fn a_resume_from_before_a_restart_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    let mut first = server.subscribe(in_orders(), 0).await;
    let history = first.next().await.history;
    drop((session, first));
    server.stop().await;
    let server = start(dir.path()).await;
    let opened_at = server.registry().mirror().revision();
    let mut second = server.resume(in_orders(), opened_at, history).await;
    let batch = second.next().await;
    assert!(!batch.full && batch.history != history, "{batch:?}");
    drop(second);
    server.stop().await;
}
