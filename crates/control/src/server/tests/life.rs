//! Start, stop, and what stands in their way.

use std::time::Duration;

use nines_model::InstanceState;
use nines_wire::proto::session_response::Message as Answer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::client::*;
use crate::{Config, Error, Server};

const LONG: Duration = Duration::from_secs(60);

async fn get(server: &Running, path: &str) -> String {
    send(server, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n")).await
}

/// Sends a head, but for its end, and gives the answer.
async fn send(server: &Running, head: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = format!("{head}connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn after_a_restart_the_session_goes_on_and_nothing_has_disappeared() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut session = server.session("", LONG).await;
    session.register(&instance(1), InstanceState::Ready).await;
    let mut subscription = server.subscribe(in_orders(), 0).await;
    subscription.next().await;
    let seen = subscription.catalog.revision;
    let id = session.id.clone();
    drop((session, subscription));
    server.stop().await;

    let server = start(dir.path()).await;
    let mut session = server.session(&id, LONG).await;
    assert_eq!(session.id, id);
    assert!(matches!(session.heartbeat().await, Answer::Alive(_)));
    let mut subscription = server.subscribe(in_orders(), seen).await;
    let first = subscription.next().await;
    assert!(first.revision >= seen, "the revision went back");
    if first.full {
        assert_eq!(subscription.state(&instance(1)), Some(InstanceState::Ready));
    }
    assert_eq!(server.registry().instances(&orders()).0.len(), 1);
    drop((session, subscription));
    server.stop().await;
}

#[tokio::test]
async fn health_and_metrics_are_on_the_same_port() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    // The first answer of the hub comes when the mirror is filled.
    let mut subscription = server.subscribe(in_orders(), 0).await;
    subscription.until(|_| true).await;
    assert!(get(&server, "/livez").await.starts_with("HTTP/1.1 200"));
    assert!(get(&server, "/metrics").await.contains("nines_hub_subscribers"));
    assert!(
        get(&server, "/v1/namespaces/shop/services")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(get(&server, "/nowhere").await.starts_with("HTTP/1.1 404"));
    drop(subscription);
    server.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_reach_no_part_of_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    for path in ["/v1/apply", "/nines.v1.Registry/Session", "/nines.v1.Hub/Subscribe"] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example\r\n");
        let answer = send(&server, &head).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{path}: {answer}");
    }
    for path in ["/v1/status", "/metrics", "/readyz"] {
        let answer = send(&server, &format!("GET {path} HTTP/1.1\r\nhost: evil.example\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{path}: {answer}");
        assert!(answer.contains("--host-name evil.example"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.request_timeout = Duration::from_millis(100);
    let server = start_with(config).await;
    let mut silent = tokio::net::TcpStream::connect(server.address).await.unwrap();
    silent.write_all(b"PRI * HT").await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut rest)).await;
    read.expect("closed in time").ok();
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_has_said_something_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.request_timeout = Duration::from_millis(100);
    let server = start_with(config).await;
    let mut session = server.session("", LONG).await;
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(300) {
        assert!(matches!(session.heartbeat().await, Answer::Alive(_)));
    }
    drop(session);
    server.stop().await;
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_start_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let taken = Config::new(server.address, dir.path().join("other"));
    let error = Server::bind(taken, process()).await.expect_err("the port is taken");
    assert!(
        matches!(error, Error::Listen { .. }) && error.to_string().contains("taken"),
        "{error}"
    );
    let error = Server::bind(config(dir.path()), process())
        .await
        .expect_err("the store is locked");
    assert!(error.to_string().contains("in use by another nines server"), "{error}");
    server.stop().await;
}
