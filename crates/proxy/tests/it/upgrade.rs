//! WebSocket tunnels.

use std::time::Duration;

use nines_base::Clock;

use crate::harness::{Backend, Client, Gateway, header, ruled, simple};

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

async fn echo(mut client: Client) {
    let head = client.request().await.expect("a head");
    assert_eq!(header(&head, "upgrade"), Some("websocket"));
    assert_eq!(header(&head, "connection"), Some("upgrade"));
    client.send(SWITCH).await;
    for _ in 0..3 {
        let frame = client.exactly(4).await;
        client.send_bytes(&frame).await;
    }
    assert!(client.is_closed().await);
    client.send("last words").await;
}

#[tokio::test]
async fn frames_flow_after_the_101_and_each_side_ends_for_itself() {
    let app = Backend::raw(echo).await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    // The first frame comes with the handshake, before anybody has agreed to anything.
    client.send(&format!("{HANDSHAKE}ping")).await;
    let response = client.head().await;
    assert_eq!((response.status, response.header("upgrade")), (101, Some("websocket")));
    assert_eq!(client.exactly(4).await, b"ping");
    for frame in [b"abcd", b"efgh"] {
        client.send_bytes(frame).await;
        assert_eq!(client.exactly(4).await, frame);
    }
    client.shutdown().await;
    assert_eq!(client.exactly(10).await, b"last words");
    assert!(client.is_closed().await);
    let log = gateway.stop().await;
    assert_eq!(
        (log[0]["status"].as_u64(), log[0]["tunnel"].as_bool()),
        (Some(101), Some(true))
    );
}

#[tokio::test]
async fn a_tunnel_outlives_the_limits_of_its_request() {
    let app = Backend::raw(|mut client| async move {
        client.request().await;
        client.send(SWITCH).await;
        while let Some(frame) = client.try_exactly(4).await {
            client.send_bytes(&frame).await;
        }
    })
    .await;
    let rules = "- backendRefs: [{name: app}]\n  timeouts: {request: 500ms}";
    let gateway = Gateway::start(&ruled(rules, &[app.address])).await;
    let mut client = gateway.connect().await;
    let clock = Clock::system();
    let end = clock.now() + Duration::from_millis(700);
    client
        .send(&HANDSHAKE.replace("\r\n\r\n", "\r\nx-nines-timeout-ms: 600\r\n\r\n"))
        .await;
    assert_eq!(client.head().await.status, 101);
    while clock.now() < end {
        client.send("ping").await;
        assert_eq!(client.exactly(4).await, b"ping");
    }
}

#[tokio::test]
async fn a_101_that_nobody_asked_for_is_no_tunnel() {
    let app = Backend::raw(|mut client| async move {
        client.request().await;
        client.send(SWITCH).await;
        client.read_to_end().await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let response = gateway.get("/").await;
    assert_eq!((response.status, response.cause()), (502, "upstream_protocol"));
}

#[tokio::test]
async fn a_backend_that_declines_answers_as_usual() {
    let app = Backend::named("no sockets here").await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client.send(HANDSHAKE).await;
    assert_eq!(client.response().await.text(), "no sockets here");
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.response().await.status, 200);
}

#[tokio::test]
async fn other_protocols_are_not_tunnelled() {
    let app = Backend::named("plain").await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
        .await;
    assert_eq!(client.response().await.text(), "plain");
    assert_eq!(header(&app.requests()[0], "upgrade"), None);
}
