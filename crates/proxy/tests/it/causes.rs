//! Counters and log lines tell the same story, and rude peers get the answer they deserve.

use std::collections::BTreeMap;

use nines_model::Cause;

use crate::harness::{Backend, GATEWAY, Gateway, nobody, ok, route, ruled, service};

#[tokio::test]
async fn counters_and_log_lines_agree() {
    let app = Backend::http(|_, _| ok("fine")).await;
    let rude = Backend::http(|_, _| b"HTTP/1.1 2000 What\r\n\r\n".to_vec()).await;
    let rules = "- matches: [{path: {value: /app}}]\n  backendRefs: [{name: app}]\n\
                 - matches: [{path: {value: /rude}}]\n  backendRefs: [{name: rude}]\n\
                 - matches: [{path: {value: /dead}}]\n  backendRefs: [{name: dead}]\n\
                 - matches: [{path: {value: /empty}}]\n  backendRefs: [{name: empty}]";
    let resources = format!(
        "{GATEWAY}---\n{}---\n{}---\n{}---\n{}---\n{}",
        route("", rules),
        service("app", &[app.address]),
        service("rude", &[rude.address]),
        service("dead", &[nobody().await]),
        service("empty", &[]),
    );
    let gateway = Gateway::start(&resources).await;
    for (path, times) in [
        ("/app", 5),
        ("/rude", 2),
        ("/dead", 3),
        ("/empty", 4),
        ("/elsewhere", 6),
    ] {
        for _ in 0..times {
            gateway.get(path).await;
        }
    }
    let mut client = gateway.connect().await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.response().await.cause(), "bad_request");
    gateway.quiet().await;
    let mut counters = BTreeMap::new();
    for cause in Cause::ALL {
        let count = gateway
            .metric(&format!("nines_proxy_causes_total{{cause=\"{cause}\"}}"))
            .await;
        if count > 0 {
            counters.insert(cause.to_string(), count);
        }
    }
    let metrics = gateway.admin("/metrics").await;
    let requests: u64 = metrics
        .lines()
        .filter(|line| line.starts_with("nines_proxy_requests_total{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    let log = gateway.stop().await;
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    for line in &log {
        if let Some(cause) = line["cause"].as_str() {
            *lines.entry(cause.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(counters, lines);
    let expected = [
        ("bad_request", 1),
        ("connect_failed", 3),
        ("no_endpoint", 4),
        ("no_route", 6),
        ("upstream_protocol", 2),
    ];
    assert_eq!(
        counters,
        expected.map(|(cause, count)| (cause.to_owned(), count)).into()
    );
    assert_eq!(requests, log.len() as u64);
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_usable() {
    let app = Backend::named("x").await;
    let rules = "- matches: [{path: {value: /app}}]\n  backendRefs: [{name: app}]";
    let gateway = Gateway::start(&ruled(rules, &[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody")
        .await;
    let response = client.response().await;
    assert_eq!(
        (response.status, response.header("connection")),
        (404, Some("keep-alive"))
    );
    let body: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(body["cause"], "no_route");
    assert_eq!(body["requestId"].as_str(), response.header("x-request-id"));
    client.send("HEAD /nowhere HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.head().await.status, 404);
    client.send("GET /app HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "x");
}
