//! Watches that are slow, quiet, or many.

use super::*;

async fn collect(watch: &mut Watch, until: Revision) -> Vec<WatchBatch> {
    let mut batches = Vec::new();
    while batches.last().is_none_or(|batch: &WatchBatch| batch.revision < until) {
        batches.push(watch.next().await.unwrap());
    }
    batches
}

async fn write_many(store: &Embedded, count: u32) {
    let write = |n| store.put(format!("k/{n}"), "v");
    for result in futures_util::future::join_all((0..count).map(write)).await {
        result.unwrap();
    }
}

#[tokio::test]
async fn a_slow_watch_reads_the_file_and_misses_nothing() {
    let (_dir, store) = fresh(Config {
        recent: 50,
        ..Config::default()
    });
    let mut slow = store.watch(Keys::prefix("k/"), 0).await.unwrap();
    write_many(&store, 3000).await;
    let batches = collect(&mut slow, 3000).await;
    let revisions: Vec<Revision> = batches.iter().map(|batch| batch.revision).collect();
    assert_eq!(revisions, (1..=3000).collect::<Vec<_>>());
    assert!(batches.iter().all(|batch| batch.events.len() == 1));
}

#[tokio::test]
async fn a_watch_that_is_too_slow_is_told_so_and_stays_over() {
    let (_dir, store) = fresh(Config {
        recent: 10,
        ..Config::default()
    });
    let mut slow = store.watch(Keys::prefix("k/"), 0).await.unwrap();
    write_many(&store, 100).await;
    store.compact(60).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(slow.next().await, Err(Error::Compacted { oldest: 60 })));
    }
    let mut anew = store.watch(Keys::prefix("k/"), 60).await.unwrap();
    assert_eq!(collect(&mut anew, 100).await.len(), 41);
}

/// A quiet watch is moved along, so neither compaction nor the bound of the memory touches it.
#[tokio::test]
async fn a_quiet_watch_outlives_compaction() {
    let (_dir, store) = fresh(Config {
        recent: 10,
        ..Config::default()
    });
    let mut quiet = store.watch(Keys::one("quiet"), 0).await.unwrap();
    write_many(&store, 100).await;
    store.compact(100).await.unwrap();
    let revision = store.put("quiet", "v").await.unwrap();
    assert_eq!(quiet.next().await.unwrap().revision, revision);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_gets_progress_marks() {
    let (_dir, store) = fresh(Config::default());
    let mut quiet = store.watch(Keys::one("quiet"), 0).await.unwrap();
    let interval = Config::default().progress_interval;
    let nothing = tokio::time::timeout(interval * 3, quiet.next()).await;
    assert!(nothing.is_err(), "no news, no mark");
    for n in 0..3 {
        let revision = store.put("busy", format!("{n}")).await.unwrap();
        let mark = tokio::time::timeout(interval * 2, quiet.next()).await.unwrap().unwrap();
        assert_eq!(
            mark,
            WatchBatch {
                revision,
                events: vec![]
            }
        );
    }
    let revision = store.put("quiet", "v").await.unwrap();
    let batch = quiet.next().await.unwrap();
    assert_eq!((batch.revision, batch.events.len()), (revision, 1));
    let mut future = store.watch(Keys::one("quiet"), revision + 5).await.unwrap();
    store.put("busy", "").await.unwrap();
    assert!(
        tokio::time::timeout(interval * 3, future.next()).await.is_err(),
        "no mark before its start"
    );
}

#[tokio::test]
async fn ten_thousand_watches_cost_a_commit_nothing_that_does_not_concern_them() {
    let (_dir, store) = fresh(Config::default());
    let mut watches = Vec::new();
    for n in 0..10_000 {
        watches.push(store.watch(Keys::prefix(format!("w/{n:05}/")), 0).await.unwrap());
    }
    let waiting = watches
        .iter_mut()
        .enumerate()
        .map(|(n, watch)| async move { (n, watch.next().await.unwrap()) });
    let mut waiting: futures_util::stream::FuturesUnordered<_> = waiting.collect();
    for n in [17, 4711, 9999] {
        let revision = store.put(format!("w/{n:05}/k"), "v").await.unwrap();
        let woken = futures_util::StreamExt::next(&mut waiting).await.unwrap();
        assert_eq!((woken.0, woken.1.revision), (n, revision));
    }
    assert_eq!(waiting.len(), 9_997);
}

#[tokio::test]
async fn a_closed_store_ends_its_watches() {
    let (_dir, store) = fresh(Config::default());
    let mut watch = store.watch(Keys::prefix(""), 0).await.unwrap();
    store.put("k", "v").await.unwrap();
    drop(store);
    assert_eq!(
        watch.next().await.unwrap().revision,
        1,
        "what is in memory is still delivered"
    );
    assert!(matches!(watch.next().await, Err(Error::Unavailable(_))));
}
