//! Time limits while bodies move, in either direction.

use std::time::Duration;

use nines_base::Clock;
use tokio::sync::mpsc;

use crate::harness::{Backend, Client, Gateway, PATIENCE, config, ruled, simple, within};

/// Far beyond what a test may take: what ends earlier was ended by another limit.
const NEVER: Duration = Duration::from_secs(3600);

async fn gateway(rules: &str, app: &Backend) -> Gateway {
    let mut settings = config();
    settings.timeouts.body_progress = NEVER;
    Gateway::with(
        settings,
        &ruled(&format!("- backendRefs: [{{name: app}}]\n{rules}"), &[app.address]),
    )
    .await
}

/// The client's limit and the head of an upload.
fn upload(limit_ms: u64, more: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: x\r\nx-nines-timeout-ms: {limit_ms}\r\ntransfer-encoding: chunked\r\n{more}\r\n")
}

async fn silent() -> Backend {
    Backend::raw(|mut client| async move { client.read_to_end().await }).await
}

/// Takes chunks of one byte and tells of each; answers when the body is through, or never.
async fn taking(told: mpsc::UnboundedSender<()>, answers: bool) -> Backend {
    Backend::raw(move |mut client| {
        let told = told.clone();
        async move {
            client.request().await;
            while client.exactly(1).await != b"0" {
                client.exactly(5).await;
                told.send(()).expect("the test listens");
            }
            if answers {
                client.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            }
            client.read_to_end().await;
        }
    })
    .await
}

/// Sends a byte as soon as the one before has arrived, until `enough` or until the gateway takes no more.
async fn trickle(client: &mut Client, arrived: &mut mpsc::UnboundedReceiver<()>, enough: Duration) {
    let clock = Clock::system();
    let end = clock.now() + enough;
    while clock.now() < end && client.try_send(b"1\r\nx\r\n").await {
        let byte = tokio::time::timeout(Duration::from_millis(500), arrived.recv());
        if byte.await.is_err() {
            return;
        }
    }
}

async fn timeouts(gateway: &Gateway, app: &Backend) -> u64 {
    gateway
        .metric(&format!(
            "nines_proxy_upstream_timeouts_total{{endpoint=\"{}\"}}",
            app.address
        ))
        .await
}

#[tokio::test]
async fn the_clients_limit_holds_while_its_body_stalls() {
    let app = silent().await;
    let gateway = gateway("", &app).await;
    let mut client = gateway.connect().await;
    client.send(&upload(50, "")).await;
    client.send("4\r\nsome\r\n").await;
    let response = client.response().await;
    assert_eq!((response.status, response.cause()), (504, "deadline_exceeded"));
    assert_eq!(timeouts(&gateway, &app).await, 0, "it was not the endpoint's turn");
}

#[tokio::test]
async fn the_clients_limit_holds_while_its_body_trickles() {
    let (told, mut arrived) = mpsc::unbounded_channel();
    let app = taking(told, false).await;
    let gateway = gateway("", &app).await;
    let mut client = gateway.connect().await;
    client.send(&upload(100, "")).await;
    trickle(&mut client, &mut arrived, PATIENCE).await;
    let response = client.response().await;
    assert_eq!((response.status, response.cause()), (504, "deadline_exceeded"));
}

#[tokio::test]
async fn the_clients_limit_counts_from_the_beginning_although_the_routes_begins_with_the_bodys_end() {
    let (told, mut arrived) = mpsc::unbounded_channel();
    let app = taking(told, false).await;
    let gateway = gateway("  timeouts: {request: 300ms}", &app).await;
    let mut client = gateway.connect().await;
    client.send(&upload(400, "")).await;
    trickle(&mut client, &mut arrived, Duration::from_millis(200)).await;
    client.send("0\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!((response.status, response.cause()), (504, "deadline_exceeded"));
}

#[tokio::test]
async fn an_upload_may_take_longer_than_the_routes_limit() {
    let (told, mut arrived) = mpsc::unbounded_channel();
    let app = taking(told, true).await;
    let gateway = gateway("  timeouts: {request: 2s}", &app).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    trickle(&mut client, &mut arrived, Duration::from_millis(2500)).await;
    client.send("0\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "ok");
}

#[tokio::test]
async fn an_endpoint_that_does_not_take_the_body_has_no_more_time_than_for_an_answer() {
    let app = Backend::raw(|client| async move {
        std::future::pending::<()>().await;
        drop(client);
    })
    .await;
    let gateway = gateway("  timeouts: {request: 100ms}", &app).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n")
        .await;
    let body = vec![b'x'; 50_000_000];
    let taken = within("the gateway gives up", client.try_send(&body)).await;
    assert!(!taken);
    assert_eq!(timeouts(&gateway, &app).await, 1);
    let log = gateway.stop().await;
    assert_eq!(
        (log[0]["status"].as_u64(), log[0]["cause"].as_str()),
        (Some(504), Some("upstream_timeout"))
    );
}

#[tokio::test]
async fn an_endpoint_that_never_says_continue_is_late_and_not_the_client() {
    let app = silent().await;
    let gateway = gateway("  timeouts: {request: 100ms}", &app).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        .await;
    let response = client.response().await;
    assert_eq!((response.status, response.cause()), (504, "upstream_timeout"));
    assert_eq!(timeouts(&gateway, &app).await, 1);
}

#[tokio::test]
async fn after_the_continue_it_is_the_clients_turn() {
    let app = Backend::raw(|mut client| async move {
        client.request().await;
        client.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        client.read_to_end().await;
    })
    .await;
    let mut settings = config();
    settings.timeouts.body_progress = Duration::from_millis(200);
    let gateway = Gateway::with(settings, &simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status, 100);
    let response = client.response().await;
    assert_eq!((response.status, response.cause()), (408, "request_timeout"));
    assert_eq!(timeouts(&gateway, &app).await, 0);
}

/// An answer that goes on for as long as its reader asks for more is cut off by the limit that the request or the rule
/// bears.
async fn check_answer_is_cut_off(rules: &str, field: &str, cause: &str) {
    let (more, wanted) = mpsc::unbounded_channel();
    let wanted = std::sync::Arc::new(tokio::sync::Mutex::new(wanted));
    let app = Backend::raw(move |mut client| {
        let wanted = wanted.clone();
        async move {
            client.request().await;
            client
                .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await;
            while wanted.lock().await.recv().await.is_some() && client.try_send(b"1\r\nx\r\n").await {}
        }
    })
    .await;
    let gateway = gateway(rules, &app).await;
    let mut client = gateway.connect().await;
    client.send(&format!("GET / HTTP/1.1\r\nhost: x\r\n{field}\r\n")).await;
    assert_eq!(client.head().await.status, 200);
    let clock = Clock::system();
    let patience = clock.now() + PATIENCE;
    loop {
        assert!(clock.now() < patience, "{cause}: the answer goes on");
        more.send(()).expect("the endpoint listens");
        if client.try_exactly(6).await.is_none() {
            break;
        }
    }
    let log = gateway.stop().await;
    assert_eq!(
        (log[0]["status"].as_u64(), log[0]["cause"].as_str()),
        (Some(200), Some(cause))
    );
}

#[tokio::test]
async fn an_answer_that_trickles_is_cut_off_at_the_limit() {
    check_answer_is_cut_off("", "x-nines-timeout-ms: 700\r\n", "deadline_exceeded").await;
    check_answer_is_cut_off("  timeouts: {request: 700ms}", "", "upstream_timeout").await;
    check_answer_is_cut_off("  timeouts: {backendRequest: 700ms}", "", "upstream_timeout").await;
}
