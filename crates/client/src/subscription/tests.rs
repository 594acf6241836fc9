//! The subscription against a control plane of the test's own.

mod anew;

use super::*;
use crate::test_server::{Control, HubEnd, serve};
use nines_model::{ConfigItem, Format};
use nines_wire::convert::change_to_proto;
use nines_wire::proto;
use nines_wire::proto::subscribe_request::Message;
use tokio::sync::mpsc;

fn item(version: u64) -> nines_model::Change {
    nines_model::Change::Config(ConfigItem {
        key: ConfigKey::new("default", "a"),
        version,
        format: Format::Text,
        content: format!("content {version}"),
        schema: None,
        sha256: "0".repeat(64),
        author: None,
        note: None,
        published_at: "2026-01-01T00:00:00Z".into(),
        revision: version,
    })
}

fn batch(revision: Revision, full: bool, versions: &[u64]) -> proto::Batch {
    let changes = versions
        .iter()
        .map(|version| change_to_proto(&item(*version), revision).expect("it converts"));
    proto::Batch {
        revision,
        full,
        changes: changes.collect(),
        history: None,
    }
}

fn interest(name: &str) -> Interest {
    Interest {
        configs: [ConfigKey::new("default", name)].into(),
        ..Interest::default()
    }
}

fn version(update: &Update) -> u64 {
    update.catalog.configs.values().next().map_or(0, |item| item.version)
}

struct Setup {
    tasks: Tasks,
    streams: mpsc::Receiver<HubEnd>,
    subscription: Subscription,
}

async fn setup(cache: Option<PathBuf>) -> Setup {
    let tasks = Tasks::new();
    let mut control = Control::default();
    let streams = control.subscriptions();
    let server = serve(control, &tasks).await;
    let config = SubscriptionConfig {
        servers: vec![server],
        subscriber: "test".into(),
        cache,
        ..Default::default()
    };
    let subscription = Subscription::start(config, interest("a"), &tasks, Clock::system()).expect("a good address");
    Setup {
        tasks,
        streams,
        subscription,
    }
}

async fn next(subscription: &mut Subscription) -> Update {
    subscription.next().await.expect("the subscription lives")
}

#[tokio::test]
async fn a_lost_stream_goes_on_from_its_revision() {
    let Setup {
        mut streams,
        mut subscription,
        ..
    } = setup(None).await;
    let mut stream = streams.recv().await.expect("a stream");
    assert_eq!(stream.interest().await.resume_from, 0);
    stream.say(batch(10, true, &[1])).await;
    assert_eq!(version(&next(&mut subscription).await), 1);
    drop(stream);
    let mut stream = streams.recv().await.expect("a second stream");
    assert_eq!(stream.interest().await.resume_from, 10);
    stream.say(batch(12, false, &[2])).await;
    let update = next(&mut subscription).await;
    assert_eq!(
        (version(&update), update.catalog.revision, update.source),
        (2, 12, Source::Live)
    );
}

#[tokio::test]
async fn a_revision_that_goes_back_asks_for_everything() {
    let Setup {
        mut streams,
        mut subscription,
        ..
    } = setup(None).await;
    let mut stream = streams.recv().await.expect("a stream");
    stream.interest().await;
    stream.say(batch(10, true, &[1])).await;
    next(&mut subscription).await;
    stream.say(batch(9, false, &[2])).await;
    let mut stream = streams.recv().await.expect("a second stream");
    assert_eq!(stream.interest().await.resume_from, 0);
    stream.say(batch(3, true, &[3])).await;
    let update = next(&mut subscription).await;
    assert_eq!(
        (version(&update), update.catalog.revision),
        (3, 3),
        "a full state counts whatever its revision"
    );
}

#[tokio::test]
async fn acknowledgements_reach_every_stream() {
    let Setup {
        mut streams,
        mut subscription,
        ..
    } = setup(None).await;
    for round in 0..2 {
        let mut stream = streams.recv().await.expect("a stream");
        stream.interest().await;
        stream.say(batch(10, round == 0, &[])).await;
        let update = next(&mut subscription).await;
        let verdict = Verdict {
            version: 4,
            rejected: Some("no".into()),
        };
        subscription.ack(update.applied(), [(ConfigKey::new("default", "a"), verdict)]);
        let ack = loop {
            match stream.hear().await {
                Some(Message::Ack(ack)) if ack.revision == 10 => break ack,
                Some(_) => {}
                None => panic!("the stream ended"),
            }
        };
        assert_eq!((ack.verdicts[0].version, ack.verdicts[0].rejected.as_str()), (4, "no"));
    }
}

#[tokio::test]
async fn a_new_interest_takes_over_as_a_whole() {
    let Setup {
        mut streams,
        mut subscription,
        ..
    } = setup(None).await;
    let mut stream = streams.recv().await.expect("a stream");
    stream.interest().await;
    stream.say(batch(10, true, &[1])).await;
    next(&mut subscription).await;
    subscription.set_interest(interest("b"));
    assert_eq!(stream.interest().await.configs[0].name, "b");
    stream.say(batch(11, false, &[2])).await;
    assert_eq!(
        *next(&mut subscription).await.interest,
        interest("a"),
        "the old state goes on meanwhile"
    );
    stream.say(batch(11, true, &[])).await;
    assert_eq!(*next(&mut subscription).await.interest, interest("b"));
}

#[tokio::test]
async fn a_state_outlives_the_process_and_the_control_plane() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("catalog");
    let Setup {
        tasks,
        mut streams,
        mut subscription,
    } = setup(Some(path.clone())).await;
    let mut stream = streams.recv().await.expect("a stream");
    stream.interest().await;
    stream.say(batch(10, true, &[1])).await;
    next(&mut subscription).await;
    stream.say(batch(11, false, &[2])).await;
    next(&mut subscription).await;
    let drained = tasks.drain(Duration::from_secs(5)).await;
    assert!(
        !drained.aborted.contains_key("last-known-good file"),
        "the last state is on disk"
    );
    assert!(subscription.next().await.is_none());

    let config = SubscriptionConfig {
        servers: vec!["http://127.0.0.1:1".into()],
        subscriber: "test".into(),
        cache: Some(path),
        ..Default::default()
    };
    let tasks = Tasks::new();
    let mut subscription = Subscription::start(config, interest("a"), &tasks, Clock::system()).expect("an address");
    let update = next(&mut subscription).await;
    assert!(
        matches!(update.source, Source::LastKnownGood { .. }),
        "{:?}",
        update.source
    );
    assert_eq!((version(&update), update.catalog.revision), (2, 11));
    let mut status = subscription.status();
    status
        .wait_for(|s| matches!(s, SubscriptionStatus::Reconnecting { .. }))
        .await
        .expect("it says so");
}

#[tokio::test]
async fn a_stream_that_answers_is_kept_whatever_lies_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let Setup {
        mut streams,
        mut subscription,
        ..
    } = setup(Some(folder.path().join("catalog"))).await;
    let mut stream = streams.recv().await.expect("a stream");
    stream.interest().await;
    stream.say(batch(10, true, &[1])).await;
    next(&mut subscription).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    stream.say(batch(11, false, &[2])).await;
    let update = next(&mut subscription).await;
    assert_eq!((version(&update), update.source), (2, Source::Live));
    assert!(streams.try_recv().is_err(), "the first stream serves on");
}
