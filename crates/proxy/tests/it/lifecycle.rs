//! Starting, changing the configuration under load, and ending.

use std::time::Duration;

use nines_base::Clock;
use nines_proxy::{Proxy, Source};
use tokio::task::JoinSet;

use crate::harness::{Backend, Client, GATEWAY, Gateway, PATIENCE, config, nobody, ok, route, service, simple, within};

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn readiness_follows_the_listeners() {
    let gateway = Gateway::start(&simple(&[nobody().await])).await;
    assert_eq!(gateway.admin("/livez").await, "ok\n");
    let ready: serde_json::Value = serde_json::from_str(&gateway.admin("/readyz").await).expect("JSON");
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["checks"]["listeners"]["ready"], true);
    let shown: serde_json::Value = serde_json::from_str(&gateway.admin("/config").await).expect("JSON");
    assert_eq!(shown["listening"][0]["address"], gateway.address().to_string());
}

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = held.local_addr().expect("bound");
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("gateway.yaml");
    let resources = simple(&[]).replace("port: 0", &format!("port: {}", address.port()));
    std::fs::write(&file, resources).expect("written");
    let error = Proxy::start(config(), Source::Files(file), Clock::system())
        .await
        .expect_err("taken");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn a_broken_configuration_does_not_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("gateway.yaml");
    std::fs::write(&file, GATEWAY.replace("listeners", "listenesr")).expect("written");
    let error = Proxy::start(config(), Source::Files(file), Clock::system())
        .await
        .expect_err("a typo");
    assert!(error.to_string().contains("gateway.yaml:6"), "{error}");
}

#[tokio::test]
async fn a_broken_edit_changes_nothing_and_is_shown() {
    let app = Backend::named("still here").await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    gateway.edit_unseen("kind: Nonsense\n").await;
    let told = async {
        while !gateway.admin("/readyz").await.contains("not in force") {
            tokio::task::yield_now().await;
        }
    };
    within("the mistake is told", told).await;
    assert_eq!(gateway.get("/").await.text(), "still here");
}

#[tokio::test]
async fn edits_under_load_fail_no_request_and_keep_connections() {
    let (a, b) = (Backend::named("a").await, Backend::named("b").await);
    let resources = |weight: u32| {
        let rules = format!(
            "- backendRefs: [{{name: a, weight: {weight}}}, {{name: b, weight: {}}}]",
            100 - weight
        );
        format!(
            "{GATEWAY}---\n{}---\n{}---\n{}",
            route("", &rules),
            service("a", &[a.address]),
            service("b", &[b.address])
        )
    };
    let gateway = Gateway::start(&resources(100)).await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut load = JoinSet::new();
    for _ in 0..8 {
        let (stop, address) = (stop.clone(), gateway.address());
        load.spawn(async move {
            let mut client = Client::connect(address).await;
            let mut count = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                client.send(GET).await;
                assert_eq!(client.response().await.status, 200);
                count += 1;
            }
            count
        });
    }
    for weight in [50, 10, 0, 70, 30] {
        gateway
            .edit(&resources(weight), |shown| {
                shown.contains(&format!("\"weight\":{weight}}}"))
            })
            .await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let counts = within("the load ends", load.join_all()).await;
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    let opened = gateway.metric("nines_proxy_connections_total").await;
    assert_eq!(opened, 8);
}

/// How many listeners have their sockets, which is after the snapshot is in force.
fn listening(config: &str) -> usize {
    let config: serde_json::Value = serde_json::from_str(config).expect("JSON");
    config["listening"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn listeners_come_and_go_with_the_configuration() {
    let app = Backend::named("x").await;
    let two = "listeners: [{name: http, protocol: HTTP, port: 0}, {name: more, protocol: HTTP, port: 0}]";
    let one = "listeners: [{name: http, protocol: HTTP, port: 0}]";
    let resources = simple(&[app.address]);
    let gateway = Gateway::start(&resources).await;
    let first = gateway.address();
    gateway
        .edit(&resources.replace(one, two), |shown| listening(shown) == 2)
        .await;
    let addresses = gateway.proxy().listener_addrs();
    assert_eq!((addresses.len(), addresses[0].1), (2, first));
    let mut client = Client::connect(addresses[1].1).await;
    client.send(GET).await;
    assert_eq!(client.response().await.text(), "x");
    gateway.edit(&resources, |shown| listening(shown) == 1).await;
    client.send(GET).await;
    let response = client.response().await;
    assert_eq!((response.status, response.cause()), (404, "no_route"));
    let closed = async { while tokio::net::TcpStream::connect(addresses[1].1).await.is_ok() {} };
    within("the listener is closed", closed).await;
    assert_eq!(gateway.get("/").await.text(), "x");
}

#[tokio::test]
async fn a_drain_fails_no_request() {
    let app = Backend::named("x").await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut load = JoinSet::new();
    for _ in 0..16 {
        let mut client = gateway.connect().await;
        client.send(GET).await;
        assert_eq!(client.response().await.status, 200);
        load.spawn(async move {
            loop {
                client.send(GET).await;
                let response = client.response().await;
                assert_eq!(response.status, 200);
                if response.header("connection") == Some("close") {
                    return client.is_closed().await;
                }
            }
        });
    }
    let idle = gateway.connect().await;
    let (report, log) = gateway.drain(PATIENCE).await;
    assert_eq!(report.aborted, 0);
    let polite = within("the load ends", load.join_all()).await;
    assert!(polite.iter().all(|closed| *closed));
    assert!(log.iter().all(|line| line["status"] == 200));
    drop(idle);
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let app = Backend::raw(|mut client| async move { client.read_to_end().await }).await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let reached = async {
        while app.connections() == 0 {
            tokio::task::yield_now().await;
        }
    };
    within("the request is under way", reached).await;
    let (report, _) = gateway.drain(Duration::from_millis(50)).await;
    assert_eq!(report.aborted, 1);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_response_under_way_is_finished_by_a_drain() {
    let (more, wait) = tokio::sync::watch::channel(false);
    let app = Backend::raw(move |mut client| {
        let mut wait = wait.clone();
        async move {
            client.request().await;
            client.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst").await;
            wait.wait_for(|go| *go).await.expect("told");
            client.send(" last").await;
            client.read_to_end().await;
        }
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client.send(GET).await;
    client.head().await;
    assert_eq!(client.exactly(5).await, b"first");
    let finish = async {
        more.send(true).expect("heard");
        assert_eq!(client.exactly(5).await, b" last");
        assert!(client.is_closed().await);
    };
    let ((report, _), ()) = tokio::join!(gateway.drain(PATIENCE), finish);
    assert_eq!(report.aborted, 0);
}

#[tokio::test]
async fn many_workers_share_a_port() {
    let app = Backend::http(|_, _| ok("x")).await;
    let mut settings = config();
    settings.workers = std::num::NonZeroUsize::new(3);
    let gateway = Gateway::with(settings, &simple(&[app.address])).await;
    for _ in 0..50 {
        assert_eq!(gateway.get("/").await.status, 200);
    }
    gateway.quiet().await;
    assert_eq!(
        gateway
            .metric("nines_proxy_requests_total{route=\"default/app/0\",status=\"2xx\"}")
            .await,
        50
    );
    assert_eq!(gateway.stop().await.len(), 50);
}
