//! What the contract suite cannot ask: restarts, crashes, disks that fail, time, and bounds.

mod crash;
mod damage;
mod disk;
mod failure;
mod leases;
mod load;
mod model;
mod restart;
mod watches;

use nines_base::{Clock, ManualClock};
use tempfile::TempDir;

use super::*;
use crate::contract;
use crate::types::{KeyValue, WatchBatch};

fn open(dir: &Path) -> Embedded {
    Embedded::open(dir, Config::default()).unwrap()
}

fn fresh(config: Config) -> (TempDir, Embedded) {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), config).unwrap();
    (dir, store)
}

fn with_manual_clock() -> (Config, ManualClock) {
    let (clock, hand) = Clock::manual();
    (
        Config {
            clock,
            ..Config::default()
        },
        hand,
    )
}

async fn everything(store: &Embedded) -> Vec<KeyValue> {
    store.range(Range::of(Keys::prefix(""))).await.unwrap().kvs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_the_contract() {
    let dirs = Mutex::new(Vec::new());
    contract::run(async || {
        let (dir, store) = fresh(Config::default());
        dirs.lock().push(dir);
        crate::Backend::from(store)
    })
    .await;
}

#[tokio::test]
async fn counts_what_it_does() {
    let (_dir, store) = fresh(Config::default());
    let mut registry = prometheus_client::registry::Registry::default();
    store.shared().config.metrics.register(&mut registry);
    store.put("k", "v").await.unwrap();
    store.lease_grant(Duration::from_secs(60)).await.unwrap();
    let watch = store.watch(Keys::one("k"), 0).await.unwrap();
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "commits_total 2",
        "revision 1",
        "keys 1",
        "leases 1",
        "watches 1",
        "group_size_count 2",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line} is not in\n{text}");
    }
    drop(watch);
    assert_eq!(store.shared().config.metrics.watches.get(), 0);
}
