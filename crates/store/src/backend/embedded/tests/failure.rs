//! Disks that refuse, and power that goes.

use nines_base::Rng;

use super::disk::{Fault, TestDisk};
use super::*;

const LARGE: usize = 1 << 20;

fn large() -> Vec<u8> {
    vec![7; LARGE]
}

#[tokio::test]
async fn a_full_disk_refuses_and_nothing_is_half_done() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), TestDisk::default());
    let store = disk.open_store(dir.path(), Config::default()).unwrap();
    store.put("small", "v").await.unwrap();
    disk.set(Fault::Full);
    let mut written = 0;
    let error = loop {
        match store.put(format!("large/{written}"), large()).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100, "the disk never was full");
    };
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(
        error.to_string().contains("no space left") && error.to_string().contains("nothing was written"),
        "{error}"
    );
    let (kvs, revision) = (everything(&store).await, store.status().await.unwrap().revision);
    assert_eq!(
        (kvs.len(), revision),
        (written + 1, written as u64 + 1),
        "what was refused is not visible"
    );
    disk.set(Fault::None);
    assert_eq!(
        store.put("after", "v").await.unwrap(),
        revision + 1,
        "the store goes on"
    );
    let kvs = everything(&store).await;
    drop(store);
    let store = disk.open_store(dir.path(), Config::default()).unwrap();
    assert_eq!(everything(&store).await, kvs);
}

#[tokio::test]
async fn a_full_disk_is_told_until_there_is_room_without_anybody_writing() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), TestDisk::default());
    let store = disk.open_store(dir.path(), Config::default()).unwrap();
    let mut trouble = store.trouble();
    assert_eq!(*trouble.borrow_and_update(), None);
    disk.set(Fault::Full);
    let mut written = 0;
    while store.put(format!("large/{written}"), large()).await.is_ok() {
        written += 1;
    }
    let why = trouble.borrow_and_update().clone().expect("a reason");
    assert!(why.contains("no space left"), "{why}");
    disk.set(Fault::None);
    trouble.wait_for(Option::is_none).await.unwrap();
    store.put("after", "v").await.unwrap();
    drop(store);
    let store = disk.open_store(dir.path(), Config::default()).unwrap();
    assert_eq!(everything(&store).await.len(), written + 1, "the probe leaves nothing");
}

#[tokio::test]
async fn a_disk_that_stays_full_stays_in_trouble() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), TestDisk::default());
    let store = disk.open_store(dir.path(), Config::default()).unwrap();
    disk.set(Fault::Full);
    let mut trouble = store.trouble();
    while store.put("k", large()).await.is_ok() {}
    // The file has room inside for something small at most; two more looks, each of which finds the disk full.
    for _ in 0..3 {
        trouble.changed().await.unwrap();
        assert!(trouble.borrow_and_update().is_some());
    }
    drop(store);
}

#[tokio::test]
async fn a_failed_sync_is_told_as_it_is_and_memory_agrees_with_the_file() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), TestDisk::default());
    let store = disk.open_store(dir.path(), Config::default()).unwrap();
    store.put("before", "v").await.unwrap();
    let mut watch = store.watch(Keys::prefix(""), 0).await.unwrap();
    disk.set(Fault::Sync);
    let error = store.put("k", "v").await.unwrap_err();
    let landed = store.get("k").await.unwrap().is_some();
    match error {
        Error::UnknownOutcome(_) => assert!(landed),
        Error::Io { .. } => assert!(!landed),
        other => panic!("{other}"),
    }
    let after = store.put("after", "v").await.unwrap();
    assert_eq!(after, if landed { 3 } else { 2 });
    while watch.next().await.unwrap().revision < after {}
    let kvs = everything(&store).await;
    drop(store);
    let store = disk.open_store(dir.path(), Config::default()).unwrap();
    assert_eq!(everything(&store).await, kvs);
}

#[tokio::test]
async fn a_dead_disk_refuses_writes_serves_reads_and_comes_back() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), TestDisk::default());
    let (config, hand) = with_manual_clock();
    let store = disk.open_store(dir.path(), config).unwrap();
    store.put("k", "v").await.unwrap();
    let lease = store.lease_grant(Duration::from_secs(5)).await.unwrap().id;
    disk.set(Fault::Dead);
    let first = store.put("lost", "v").await.unwrap_err();
    assert!(matches!(first, Error::UnknownOutcome(_)), "{first}");
    for _ in 0..3 {
        let next = store.put("refused", "v").await.unwrap_err();
        assert!(
            matches!(&next, Error::Unavailable(reason) if reason.contains("the disk is gone")),
            "{next}"
        );
    }
    assert!(matches!(
        store.lease_grant(Duration::from_secs(5)).await,
        Err(Error::Unavailable(_))
    ));
    assert!(store.tick().await.is_err());
    assert_eq!(everything(&store).await.len(), 1, "reads go on from memory");
    store.lease_keep_alive(lease).await.unwrap();
    disk.set(Fault::None);
    hand.advance(Duration::from_secs(2));
    assert_eq!(store.put("k", "again").await.unwrap(), 2);
    assert_eq!(everything(&store).await.len(), 1, "the lost write was not done");
}

#[tokio::test]
async fn an_end_that_the_disk_refused_is_made_up_for() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), TestDisk::default());
    let (config, hand) = with_manual_clock();
    let store = disk.open_store(dir.path(), config).unwrap();
    let lease = store.lease_grant(Duration::from_secs(5)).await.unwrap().id;
    let put = Op::Put {
        key: "k".into(),
        value: "v".into(),
        lease,
    };
    store.txn(Txn::of(vec![put])).await.unwrap();
    disk.set(Fault::Dead);
    hand.advance(Duration::from_secs(6));
    store.tick().await.unwrap_err();
    assert!(store.lease_keep_alive(lease).await.is_err(), "its end is decided");
    disk.set(Fault::None);
    hand.advance(Duration::from_secs(2));
    store.tick().await.unwrap();
    hand.advance(Duration::from_secs(2));
    store.tick().await.unwrap();
    assert_eq!(everything(&store).await, []);
}

/// At any moment the power may go: what was acknowledged before is there afterwards, whatever became of the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_survives_a_power_failure() {
    let disk = TestDisk::default();
    let dir = tempfile::tempdir().unwrap();
    let config = || Config {
        retention: Retention {
            revisions: 50,
            bytes: 1 << 20,
        },
        ..Config::default()
    };
    let store = disk.open_store(dir.path(), config()).unwrap();
    let acknowledged = Mutex::new(Vec::new());
    let mut rng = Rng::seeded(20);
    let write = async |writer: u32| {
        for n in 0..100 {
            let key = format!("{writer}/{n}");
            let revision = store.put(key.clone(), vec![n; 300]).await.unwrap();
            acknowledged.lock().push((key, revision));
        }
    };
    let cut = async {
        for _ in 0..25 {
            let sure = acknowledged.lock().clone();
            let image = disk.after_power_failure(&mut rng);
            check_image(&image, &sure, config()).await;
        }
    };
    let writers = futures_util::future::join_all((0..8).map(write));
    tokio::join!(async { drop(writers.await) }, cut);
    let sure = acknowledged.into_inner();
    check_image(&disk.after_power_failure(&mut rng), &sure, config()).await;
}

async fn check_image(image: &TestDisk, sure: &[(String, Revision)], config: Config) {
    let dir = tempfile::tempdir().unwrap();
    let store = image.open_store(dir.path(), config).unwrap();
    for (key, revision) in sure {
        let kv = store.get(key.clone()).await.unwrap();
        assert_eq!(kv.map(|kv| kv.mod_revision), Some(*revision), "{key}");
    }
    let newest = sure.iter().map(|(_, revision)| *revision).max().unwrap_or(0);
    assert!(
        store.status().await.unwrap().revision >= newest,
        "the revision went back"
    );
    store.put("after", "v").await.unwrap();
}
