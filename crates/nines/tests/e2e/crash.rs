//! What a crash may cost: of an instance, of the control plane, of the store.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::Instant;

use crate::api::Api;
use crate::load::{Load, failures};
use crate::process::{send, start_server_at};
use crate::stack::Stack;

const CONNECTIONS: u32 = 32;

/// Only requests already sent to the killed instance may fail; the registry forgets it at its TTL.
#[tokio::test]
async fn a_killed_instance_fails_only_what_was_sent_to_it() {
    let stack = Stack::up("never");
    let api = Api::new(&stack.api);
    assert_eq!(api.instances("orders").await, ["orders-1", "orders-2", "orders-v2-1"]);
    let load = Load::start(stack.gateway, "/orders", 1000, CONNECTIONS);
    load.until(1000).await;

    send(stack.pid("orders-1"), Signal::SIGKILL);
    let killed = Instant::now();
    load.until(load.count() + 3000).await;
    let samples = load.stop().await;

    let late: Vec<_> = samples
        .iter()
        .filter(|s| s.sent > killed + Duration::from_millis(100))
        .cloned()
        .collect();
    assert_eq!(failures(&late), Vec::<String>::new(), "it is out of rotation at once");
    let failed = failures(&samples);
    assert!(
        failed.len() <= CONNECTIONS as usize,
        "{} requests failed: {failed:#?}",
        failed.len()
    );
    assert!(failed.iter().all(|why| why.contains("upstream_reset")), "{failed:#?}");

    let gone = async {
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        while api.instances("orders").await.contains(&"orders-1".to_string()) {
            tick.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .expect("the registry forgets it");
    let after = killed.elapsed();
    // The TTL of 10 s counts from its last heartbeat, which may lie 3 s before the kill; the store ends a lease at most 1 s late.
    assert!(
        (Duration::from_secs(6)..Duration::from_secs(13)).contains(&after),
        "gone after {after:?}"
    );
}

/// The data plane goes on without the control plane, and starts without it.
#[tokio::test]
async fn the_control_plane_may_die() {
    let mut stack = Stack::up("always");
    let load = Load::start(stack.gateway, "/orders", 1000, CONNECTIONS);
    load.until(500).await;
    kill_control(&stack).await;
    load.until(load.count() + 2000).await;
    assert_eq!(failures(&load.stop().await), Vec::<String>::new());
    stack.up.signal(Signal::SIGTERM);
    assert!(stack.up.end().success());
}

/// Nor do they wait for it when they crash themselves in the meantime.
#[tokio::test]
async fn gateway_and_services_are_started_again_while_the_control_plane_is_down() {
    let stack = Stack::up("always");
    let store = stack.folder.path().join(".nines/run/control/store.redb");
    assert!(store.is_file(), "{}", store.display());
    std::fs::write(store, "not a store").expect("the store is damaged");
    send(stack.pid("control"), Signal::SIGKILL);
    stack
        .until("the control plane is down", |rows| {
            ["backoff", "crash-loop"].contains(&rows["control"].state.as_str())
        })
        .await;
    for process in ["gateway", "catalog-1"] {
        let before = stack.pid(process);
        send(before, Signal::SIGKILL);
        stack
            .until("it is back", |rows| {
                let row = &rows[process];
                row.state == "ready" && row.pid != Some(before)
            })
            .await;
    }
    let control = &stack.processes()["control"];
    assert!(control.restarts > 0 && control.state != "ready", "{control:?}");
}

/// What the stack file says is there again when all of it is lost; what a user changed is not undone otherwise.
#[tokio::test]
async fn a_control_plane_that_lost_its_store_is_given_again_what_the_stack_says() {
    const CONFIG: &str = "/v1/namespaces/default/configs/orders.discount";
    let mut stack = Stack::up("always");
    let api = Api::new(&stack.api);
    let status = async |path: &str| api.get(path).await.expect("the control plane answers").0;
    assert_eq!(api.delete(CONFIG).await, 200);
    kill_control(&stack).await;
    assert_eq!(status(CONFIG).await, 404);

    let store = stack.folder.path().join(".nines/run/control/store.redb");
    std::fs::rename(&store, store.with_extension("lost")).expect("the store is moved away");
    kill_control(&stack).await;
    stack.up.wait_for("it has it again");
    assert_eq!(status(CONFIG).await, 200);
    assert_eq!(status("/v1/resources/HTTPRoute/default/orders").await, 200);
    assert_eq!(stack.up.seen().matches("it has it again").count(), 1);
}

/// Waits until the control plane is back.
async fn kill_control(stack: &Stack) {
    let before = stack.pid("control");
    send(before, Signal::SIGKILL);
    stack
        .until("the control plane is back", |rows| {
            let row = &rows["control"];
            row.state == "ready" && row.pid != Some(before)
        })
        .await;
}

/// kill -9 in a storm of writes, twenty times: what was acknowledged is there, and the revision has not gone back.
#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut acknowledged: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut highest = 0;
    for round in 0..20 {
        let (server, url) = start_server_at(folder.path(), "127.0.0.1:0");
        let api = Api::new(&url);
        highest = check_all(&api, &acknowledged, highest).await;
        let writers = (0..8).map(|writer| write_until_it_fails(api.clone(), writer));
        let storm = futures_util::future::join_all(writers);
        let kill = async {
            tokio::time::sleep(Duration::from_millis(50 + 17 * round)).await;
            server.crash();
        };
        let (written, ()) = tokio::join!(storm, kill);
        for (name, version, revision) in written.into_iter().flatten() {
            acknowledged.insert(name, (version, revision));
            highest = highest.max(revision);
        }
    }
    assert!(
        acknowledged.values().any(|(version, _)| *version > 20),
        "the storm wrote little: {acknowledged:?}"
    );
    let (_server, url) = start_server_at(folder.path(), "127.0.0.1:0");
    let api = Api::new(&url);
    check_all(&api, &acknowledged, highest).await;
}

/// Publishes versions of one item until the server is gone; gives the last acknowledged one.
async fn write_until_it_fails(api: Api, writer: usize) -> Option<(String, u64, u64)> {
    let name = format!("storm-{writer}");
    let mut last = None;
    for n in 0.. {
        let Some(answer) = api
            .publish(&name, &json!({"writer": writer, "n": n, "pad": "x".repeat(200)}))
            .await
        else {
            break;
        };
        let number = |field: &str| {
            answer[field]
                .as_u64()
                .unwrap_or_else(|| panic!("no {field} in {answer}"))
        };
        last = Some((name.clone(), number("version"), number("revision")));
    }
    last
}

/// Every acknowledged version is there; gives the store's revision, which must not be below what was seen.
async fn check_all(api: &Api, acknowledged: &BTreeMap<String, (u64, u64)>, highest: u64) -> u64 {
    api.until_ready().await;
    for (name, (version, _)) in acknowledged {
        let path = format!("/v1/namespaces/default/configs/{name}");
        let (status, item) = api.get(&path).await.expect("the control plane answers");
        assert_eq!(status, 200, "{name} is lost: {item}");
        let found = item["version"].as_u64().unwrap_or(0);
        assert!(
            found >= *version,
            "{name} has version {found}, acknowledged was {version}"
        );
    }
    let (_, status) = api.get("/v1/status").await.expect("the control plane answers");
    let revision = status["revision"]
        .as_u64()
        .unwrap_or_else(|| panic!("no revision in {status}"));
    assert!(
        revision >= highest,
        "the revision went back from {highest} to {revision}"
    );
    revision
}
