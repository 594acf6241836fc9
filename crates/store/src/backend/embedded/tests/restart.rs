//! What is the same after a restart, and what compaction leaves in the file.

use super::*;
use crate::contract;

#[tokio::test]
async fn a_restart_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let first = store.put("k", "1").await.unwrap();
    let steps = vec![Op::put("a", "x"), Op::put("k", "2"), Op::put("gone", "")];
    store.txn(Txn::of(steps)).await.unwrap();
    let last = store.txn(Txn::of(vec![Op::delete("gone")])).await.unwrap().revision;
    let before = everything(&store).await;
    drop(store);
    let store = open(dir.path());
    assert_eq!(everything(&store).await, before);
    assert_eq!(store.status().await.unwrap().revision, last);
    let old = Range {
        at: Some(first),
        ..Range::of(Keys::prefix(""))
    };
    assert_eq!(store.range(old).await.unwrap().kvs[0].value, "1");
    let mut watch = store.watch(Keys::prefix(""), first).await.unwrap();
    let seen = [
        watch.next().await.unwrap(),
        watch.next().await.unwrap(),
        watch.next().await.unwrap(),
    ];
    assert_eq!(
        seen.each_ref().map(|batch| (batch.revision, batch.events.len())),
        [(1, 1), (2, 3), (3, 1)]
    );
    assert_eq!(store.put("k", "3").await.unwrap(), last + 1);
}

#[tokio::test]
async fn a_store_keeps_its_name_and_each_opening_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let revision = store.put("k", "1").await.unwrap();
    let before = store.status().await.unwrap().history;
    assert!(before.store != 0 && before.opened_at == 0, "{before:?}");
    drop(store);
    let after = open(dir.path()).status().await.unwrap().history;
    assert_eq!((after.store, after.opened_at), (before.store, revision));
    assert_ne!(after.opening, before.opening);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(open(other.path()).status().await.unwrap().history.store, before.store);
    let (name, old, new) = (before.store, before.opening, after.opening);
    let table = [
        ("what was known at the restart", name, old, revision, true),
        ("what a backup put back never had", name, old, revision + 1, false),
        ("what this opening has told", name, new, revision + 1, true),
        ("another store", name.wrapping_add(1), new, revision, false),
    ];
    for (what, store, opening, revision, expected) in table {
        assert_eq!(after.has(store, opening, revision), expected, "{what}");
    }
}

#[tokio::test]
async fn a_file_from_before_names_gets_one_that_stays() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    remove_name(dir.path());
    let name = open(dir.path()).status().await.unwrap().history.store;
    assert_ne!(name, 0);
    assert_eq!(open(dir.path()).status().await.unwrap().history.store, name);
}

fn remove_name(dir: &std::path::Path) {
    let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
    let write = redb::Database::open(dir.join(FILE)).unwrap().begin_write().unwrap();
    assert!(write.open_table(meta).unwrap().remove("name").unwrap().is_some());
    write.commit().unwrap();
}

/// etcd issue 17780: the revision must not fall when the newest change was compacted away.
#[tokio::test]
async fn the_revision_stays_when_its_changes_are_compacted_away() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.put("k", "1").await.unwrap();
    let gone = store.txn(Txn::of(vec![Op::delete("k")])).await.unwrap().revision;
    store.compact(gone).await.unwrap();
    store.tick().await.unwrap();
    drop(store);
    let store = open(dir.path());
    let status = store.status().await.unwrap();
    assert_eq!((status.revision, status.compacted, status.keys), (gone, gone, 0));
    assert_eq!(store.put("k", "2").await.unwrap(), gone + 1);
}

#[tokio::test]
async fn compaction_removes_rows_in_steps_and_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..3u32 {
        let steps = (0..1000).map(|key| Op::put(format!("{key}"), format!("{n}"))).collect();
        store.txn(Txn::of(steps)).await.unwrap();
    }
    let before = everything(&store).await;
    store.compact(3).await.unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(everything(&store).await, before);
    assert_eq!(store.status().await.unwrap().compacted, 3);
    store.put("more", "").await.unwrap();
    store.compact(4).await.unwrap();
    store.tick().await.unwrap();
    assert_eq!(rows(&store), 1001, "one row for each key");
    drop(store);
    let store = open(dir.path());
    assert_eq!((everything(&store).await.len(), rows(&store)), (1001, 1001));
}

#[tokio::test]
async fn the_store_compacts_itself() {
    let retention = Retention {
        revisions: 100,
        bytes: 1 << 30,
    };
    let (_dir, store) = fresh(Config {
        retention,
        ..Config::default()
    });
    for n in 0..400u32 {
        store.put("k", n.to_be_bytes().to_vec()).await.unwrap();
        store.txn(Txn::of(vec![Op::put("t", "")])).await.unwrap();
        store.txn(Txn::of(vec![Op::delete("t")])).await.unwrap();
    }
    store.tick().await.unwrap();
    let status = store.status().await.unwrap();
    assert!(status.revision - status.compacted >= 100, "{status:?}");
    assert!(status.revision - status.compacted <= 111, "{status:?}");
    assert!(rows(&store) <= 115, "{}", rows(&store));
}

#[tokio::test]
async fn a_history_of_large_values_is_bounded_by_bytes() {
    let retention = Retention {
        revisions: 1_000_000,
        bytes: 1 << 20,
    };
    let (_dir, store) = fresh(Config {
        retention,
        ..Config::default()
    });
    for n in 0..100u8 {
        store.put("k", vec![n; 100_000]).await.unwrap();
    }
    store.tick().await.unwrap();
    assert!(rows(&store) <= 12, "{}", rows(&store));
    assert_eq!(store.get("k").await.unwrap().unwrap().value[0], 99);
}

#[tokio::test]
async fn the_store_has_a_bound_and_deletions_make_room() {
    let (_dir, store) = fresh(Config {
        max_bytes: 1000,
        ..Config::default()
    });
    store.put("a", vec![0; 600]).await.unwrap();
    let full = store.put("b", vec![0; 600]).await;
    assert!(matches!(full, Err(Error::Full { limit: 1000 })), "{full:?}");
    let swap = vec![Op::delete("a"), Op::put("b", vec![0; 600])];
    store.txn(Txn::of(swap)).await.unwrap();
    store.put("b", vec![0; 500]).await.unwrap();
    store.put("c", vec![0; 400]).await.unwrap();
}

fn rows(store: &Embedded) -> usize {
    let commits = store.shared().table.commits(0, Revision::MAX).unwrap();
    commits.iter().map(|commit| commit.events.len()).sum()
}

#[tokio::test]
async fn a_reopened_store_keeps_the_contract_of_a_fresh_one() {
    let dirs = Mutex::new(Vec::new());
    contract::run(async || {
        let (dir, store) = fresh(Config::default());
        store.put("old", "").await.unwrap();
        store.txn(Txn::of(vec![Op::delete("old")])).await.unwrap();
        drop(store);
        let store = open(dir.path());
        dirs.lock().push(dir);
        store
    })
    .await;
}
