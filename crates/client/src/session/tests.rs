//! The core by tables, the task against a control plane of the test's own.

use super::core::Core;
use super::*;
use nines_model::{InstanceState, ServiceKey};
use nines_wire::proto::session_request::Message;
use nines_wire::proto::{self, SessionRequest};

fn key() -> InstanceKey {
    InstanceKey::new(ServiceKey::new("default", "orders"), "orders-1")
}

fn registration() -> Registration {
    Registration {
        address: [127, 0, 0, 1].into(),
        ports: vec![nines_model::Port {
            name: "http".into(),
            number: 80,
            protocol: nines_model::Protocol::Http,
        }],
        labels: Default::default(),
        weight: 100,
        state: InstanceState::Ready,
    }
}

fn words(messages: impl IntoIterator<Item = SessionRequest>) -> Vec<&'static str> {
    let word = |request: SessionRequest| match request.message {
        Some(Message::Hello(_)) => "hello",
        Some(Message::Heartbeat(_)) => "heartbeat",
        Some(Message::Register(_)) => "register",
        Some(Message::Deregister(_)) => "deregister",
        Some(Message::Drain(_)) => "drain",
        None => "nothing",
    };
    messages.into_iter().map(word).collect()
}

/// A core whose instance has gone through these steps, on a stream welcomed as session `s1`.
fn core(steps: &[&str]) -> Core {
    let mut core = Core::default();
    core.welcome("s1".into());
    for step in steps {
        match *step {
            "register" => drop(core.register(key(), registration())),
            "registered" => core.registered(&key(), 7),
            "refused" => core.refused(&key(), "invalid_argument", "no".into()),
            "trouble" => core.refused(&key(), "resource_exhausted", "the disk is full".into()),
            "drain" => drop(core.drain(&key(), Duration::from_secs(1))),
            "deregister" => drop(core.deregister(&key())),
            "deregistered" => core.deregistered(&key()),
            other => panic!("no step {other}"),
        }
    }
    core
}

#[test]
fn what_is_sent_after_a_reconnect() {
    let table: [(&[&str], &[&str], &[&str]); 8] = [
        // steps before the loss, sent in the resumed session, sent in a new one
        (&[], &[], &[]),
        (&["register"], &["register"], &["register"]),
        (&["register", "registered"], &[], &["register"]),
        (&["register", "registered", "drain"], &["drain"], &["register", "drain"]),
        (
            &["register", "registered", "deregister"],
            &["deregister"],
            &["deregister"],
        ),
        (&["register", "registered", "deregister", "deregistered"], &[], &[]),
        (&["register", "refused"], &[], &[]),
        (&["register", "trouble"], &["register"], &["register"]),
    ];
    for (steps, resumed, fresh) in table {
        let mut lost = core(steps);
        lost.lost();
        assert_eq!(words(lost.welcome("s1".into())), resumed, "{steps:?} resumed");
        let mut lost = core(steps);
        lost.lost();
        assert_eq!(words(lost.welcome("s2".into())), fresh, "{steps:?} in a new session");
    }
}

#[test]
fn nothing_is_sent_while_the_stream_is_down() {
    let mut core = core(&["register", "registered"]);
    core.lost();
    assert!(core.register(key(), registration()).is_none());
    assert!(core.drain(&key(), Duration::ZERO).is_none());
    assert!(core.deregister(&key()).is_none());
}

#[test]
fn the_status_tells_the_worst() {
    assert_eq!(core(&["register"]).status(), SessionStatus::Registering);
    assert_eq!(
        core(&["register", "registered"]).status(),
        SessionStatus::Registered { revision: 7 }
    );
    assert!(matches!(
        core(&["register", "refused"]).status(),
        SessionStatus::Refused { .. }
    ));
    assert_eq!(
        core(&["register", "refused", "register"]).status(),
        SessionStatus::Registering
    );
}

#[test]
fn a_heartbeat_asserts_again_what_a_passing_trouble_refused() {
    for (steps, said) in [
        (&["register", "registered"][..], &["heartbeat"][..]),
        (&["register", "refused"], &["heartbeat"]),
        (&["register", "trouble"], &["heartbeat", "register"]),
        (&["register", "trouble", "registered"], &["heartbeat"]),
        (&["register", "registered", "deregister", "trouble"], &["heartbeat"]),
    ] {
        assert_eq!(words(core(steps).beat()), said, "{steps:?}");
    }
}

#[test]
fn a_word_that_comes_late_changes_nothing() {
    let mut late = core(&["register", "registered", "drain", "registered"]);
    late.lost();
    assert_eq!(words(late.welcome("s1".into())), ["drain"]);
    let mut again = core(&["register", "registered", "deregister", "register", "deregistered"]);
    again.lost();
    assert_eq!(
        words(again.welcome("s1".into())),
        ["register"],
        "registered anew before the answer came"
    );
}

/// The task against streams that the test holds the other end of; dropping one is a lost connection.
mod task {
    use super::*;
    use crate::test_server::{Control, serve};
    use nines_wire::proto::session_response::Message as Answer;

    async fn until(status: &mut watch::Receiver<SessionStatus>, wanted: impl FnMut(&SessionStatus) -> bool) {
        status.wait_for(wanted).await.expect("the session lives");
    }

    fn session(server: String, tasks: &Tasks) -> Session {
        let config = SessionConfig {
            servers: vec![server],
            client: "test".into(),
            ttl: Duration::from_secs(3),
        };
        Session::start(config, tasks).expect("a good address")
    }

    #[tokio::test]
    async fn a_lost_stream_is_opened_again_and_the_instance_asserted() {
        let tasks = Tasks::new();
        let mut control = Control::default();
        let mut seen = control.sessions();
        let server = serve(control, &tasks).await;
        let session = session(server, &tasks);
        session.register(key(), registration());
        for round in 1..=3 {
            let mut stream = seen.recv().await.expect("a stream");
            assert_eq!(stream.hear().await, Some("hello"));
            let welcome = proto::Welcome {
                session: format!("s{round}"),
                ttl_ms: 3000,
            };
            stream.say(Answer::Welcome(welcome)).await;
            assert_eq!(stream.hear_but_heartbeats().await, Some("register"), "round {round}");
            let id = Some(nines_wire::convert::key_to_proto(&key()));
            stream
                .say(Answer::Registered(proto::Registered { id, revision: round }))
                .await;
            until(&mut session.status(), |s| {
                *s == SessionStatus::Registered { revision: round }
            })
            .await;
        }
    }

    #[tokio::test]
    async fn streams_that_end_once_welcomed_are_opened_more_and_more_slowly() {
        let tasks = Tasks::new();
        let mut control = Control::default();
        let mut seen = control.sessions();
        let server = serve(control, &tasks).await;
        let session = session(server, &tasks);
        let mut status = session.status();
        for ended in 1..=4 {
            let stream = seen.recv().await.expect("a stream");
            let welcome = proto::Welcome {
                session: "s1".into(),
                ttl_ms: 3000,
            };
            stream.say(Answer::Welcome(welcome)).await;
            until(&mut status, |s| matches!(s, SessionStatus::Registered { .. })).await;
            drop(stream);
            let lost = status
                .wait_for(|s| matches!(s, SessionStatus::Reconnecting { .. }))
                .await;
            let lost = lost.expect("it says so").clone();
            assert!(
                matches!(lost, SessionStatus::Reconnecting { attempt, .. } if attempt == ended),
                "{lost:?} after {ended}"
            );
        }
    }

    #[tokio::test]
    async fn a_registration_on_a_running_stream_is_under_way_until_it_is_confirmed() {
        let tasks = Tasks::new();
        let mut control = Control::default();
        let mut seen = control.sessions();
        let server = serve(control, &tasks).await;
        let session = session(server, &tasks);
        let mut stream = seen.recv().await.expect("a stream");
        assert_eq!(stream.hear().await, Some("hello"));
        let welcome = proto::Welcome {
            session: "s1".into(),
            ttl_ms: 3000,
        };
        stream.say(Answer::Welcome(welcome)).await;
        let mut status = session.status();
        until(&mut status, |s| *s == SessionStatus::Registered { revision: 0 }).await;
        session.register(key(), registration());
        until(&mut status, |s| *s == SessionStatus::Registering).await;
    }

    #[tokio::test]
    async fn a_drain_waits_for_the_word() {
        let tasks = Tasks::new();
        let mut control = Control::default();
        let mut seen = control.sessions();
        let server = serve(control, &tasks).await;
        let session = session(server, &tasks);
        session.register(key(), registration());
        let drain = session.drain(key(), Duration::from_secs(60));
        let answer = async {
            let mut stream = seen.recv().await.expect("a stream");
            assert_eq!(stream.hear().await, Some("hello"));
            stream
                .say(Answer::Welcome(proto::Welcome {
                    session: "s1".into(),
                    ttl_ms: 3000,
                }))
                .await;
            while stream.hear().await != Some("drain") {}
            let id = Some(nines_wire::convert::key_to_proto(&key()));
            stream
                .say(Answer::Drained(proto::Drained {
                    id,
                    complete: true,
                    outstanding: 0,
                }))
                .await;
            stream
        };
        let (outcome, _stream) = tokio::join!(drain, answer);
        assert_eq!(
            outcome,
            DrainOutcome {
                complete: true,
                outstanding: 0
            }
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_without_a_control_plane_ends_at_its_deadline() {
        let tasks = Tasks::new();
        let session = session("http://127.0.0.1:1".into(), &tasks);
        session.register(key(), registration());
        let outcome = session.drain(key(), Duration::from_secs(5)).await;
        assert_eq!(
            outcome,
            DrainOutcome {
                complete: false,
                outstanding: 0
            }
        );
        assert!(!session.deregister(key(), Duration::from_secs(1)).await);
    }
}
