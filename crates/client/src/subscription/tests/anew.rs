//! A control plane that has lost its store, or got an older one back.

use super::*;

/// The batch of a store with another name.
fn anew(revision: Revision, full: bool, versions: &[u64]) -> proto::Batch {
    let history = Some(proto::History { store: 9, opening: 1 });
    proto::Batch {
        history,
        ..batch(revision, full, versions)
    }
}

/// A subscription that has applied and acknowledged revision 14.
async fn at_14(cache: Option<PathBuf>) -> (Setup, HubEnd) {
    let mut setup = setup(cache).await;
    let mut stream = setup.streams.recv().await.expect("a stream");
    stream.interest().await;
    let history = Some(proto::History { store: 7, opening: 1 });
    stream
        .say(proto::Batch {
            history,
            ..batch(14, true, &[1])
        })
        .await;
    let update = next(&mut setup.subscription).await;
    setup.subscription.ack(update.applied(), []);
    (setup, stream)
}

/// What is acknowledged next; a new stream may hear first that nothing is yet.
async fn acked(stream: &mut HubEnd) -> Revision {
    loop {
        match stream.hear().await.expect("the stream lives") {
            Message::Ack(ack) if ack.revision > 0 => return ack.revision,
            _ => {}
        }
    }
}

#[tokio::test]
async fn acknowledgements_count_anew_with_the_history() {
    let (mut setup, mut stream) = at_14(None).await;
    assert_eq!(acked(&mut stream).await, 14);
    drop(stream);
    let mut stream = setup.streams.recv().await.expect("a second stream");
    let asked = stream.interest().await;
    assert_eq!(
        asked.history.map(|history| history.store),
        Some(7),
        "it says what it resumes"
    );
    stream.say(anew(3, true, &[2])).await;
    let update = next(&mut setup.subscription).await;
    setup.subscription.ack(update.applied(), []);
    assert_eq!(acked(&mut stream).await, 3);
}

#[tokio::test]
async fn an_empty_new_history_leaves_state_and_file_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("catalog");
    let (mut setup, stream) = at_14(Some(path.clone())).await;
    stream.say(anew(2, true, &[])).await;
    let update = next(&mut setup.subscription).await;
    assert_eq!((version(&update), update.source), (1, Source::Former));
    setup.tasks.drain(Duration::from_secs(5)).await;

    // A process that starts now is answered by the control plane at once, and knows the former state by its file.
    let mut setup = super::setup(Some(path)).await;
    let mut stream = setup.streams.recv().await.expect("a stream");
    assert_eq!(stream.interest().await.resume_from, 0);
    stream.say(anew(20, true, &[])).await;
    let update = next(&mut setup.subscription).await;
    assert_eq!((version(&update), update.source), (1, Source::Former));
    stream.say(anew(21, false, &[5])).await;
    let update = next(&mut setup.subscription).await;
    assert_eq!((version(&update), update.source), (5, Source::Live));
}

#[tokio::test]
async fn streams_that_end_at_once_are_opened_more_and_more_slowly() {
    let Setup {
        mut streams,
        mut subscription,
        ..
    } = setup(None).await;
    let mut status = subscription.status();
    for ended in 1..=4 {
        let mut stream = streams.recv().await.expect("a stream");
        stream.interest().await;
        stream.say(batch(10, true, &[1])).await;
        next(&mut subscription).await;
        drop(stream);
        let lost = status
            .wait_for(|s| matches!(s, SubscriptionStatus::Reconnecting { .. }))
            .await;
        let lost = lost.expect("it says so").clone();
        assert!(
            matches!(lost, SubscriptionStatus::Reconnecting { attempt, .. } if attempt == ended),
            "{lost:?} after {ended}"
        );
    }
}
