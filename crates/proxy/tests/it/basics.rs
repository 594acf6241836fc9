//! Routing, picking and connections when all goes well.

use std::collections::BTreeMap;

use crate::harness::{Backend, GATEWAY, Gateway, route, ruled, service, simple};

#[tokio::test]
async fn a_request_reaches_its_backend_and_the_answer_comes_back() {
    let app = Backend::named("hello").await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let response = gateway.get("/a?b=c").await;
    assert_eq!((response.status, response.text().as_str()), (200, "hello"));
    assert!(
        app.requests()[0].starts_with("GET /a?b=c HTTP/1.1\r\n"),
        "{:?}",
        app.requests()
    );
    let log = gateway.stop().await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["status"], 200);
    assert_eq!(log[0]["path"], "/a?b=c");
    assert_eq!(log[0]["endpoint"], app.address.to_string());
}

#[tokio::test]
async fn hosts_and_paths_decide() {
    let (red, blue) = (Backend::named("red").await, Backend::named("blue").await);
    let rules = "- matches: [{path: {type: PathPrefix, value: /red}}]\n  backendRefs: [{name: red}]\n\
                 - backendRefs: [{name: blue}]";
    let resources = format!(
        "{GATEWAY}---\n{}---\n{}---\n{}",
        route("shop.local", rules),
        service("red", &[red.address]),
        service("blue", &[blue.address])
    );
    let gateway = Gateway::start(&resources).await;
    let mut client = gateway.connect().await;
    for (host, path, expected) in [
        ("shop.local", "/red/1", (200, "red")),
        ("SHOP.local:8080", "/red", (200, "red")),
        ("shop.local", "/redder", (200, "blue")),
        ("shop.local", "/", (200, "blue")),
        ("other.local", "/", (404, "no_route")),
    ] {
        client
            .send(&format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n"))
            .await;
        let response = client.response().await;
        assert_eq!(response.status, expected.0, "{host}{path}");
        assert!(
            response.text().contains(expected.1),
            "{host}{path}: {}",
            response.text()
        );
    }
}

#[tokio::test]
async fn weights_are_kept() {
    let (a, b) = (Backend::named("a").await, Backend::named("b").await);
    let rules = "- backendRefs: [{name: a, weight: 90}, {name: b, weight: 10}]";
    let resources = format!(
        "{GATEWAY}---\n{}---\n{}---\n{}",
        route("", rules),
        service("a", &[a.address]),
        service("b", &[b.address])
    );
    let gateway = Gateway::start(&resources).await;
    let mut client = gateway.connect().await;
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..500 {
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        *seen.entry(client.response().await.text()).or_default() += 1;
    }
    assert!((445..=455).contains(&seen["a"]), "{seen:?}");
}

#[tokio::test]
async fn connections_are_reused_on_both_sides() {
    let app = Backend::named("x").await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    for _ in 0..20 {
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(client.response().await.status, 200);
    }
    assert_eq!(app.connections(), 1);
    assert_eq!(gateway.metric("nines_proxy_connections_total").await, 1);
    let endpoint = format!("{{endpoint=\"{}\"}}", app.address);
    assert_eq!(
        gateway
            .metric(&format!("nines_proxy_upstream_reuses_total{endpoint}"))
            .await,
        19
    );
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let app = Backend::http(|head, _| crate::harness::ok(head.split(' ').nth(1).unwrap_or_default())).await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    let requests: String = (0..50)
        .map(|i| format!("GET /{i} HTTP/1.1\r\nhost: x\r\n\r\n"))
        .collect();
    client.send(&requests).await;
    for i in 0..50 {
        assert_eq!(client.response().await.text(), format!("/{i}"));
    }
}

#[tokio::test]
async fn a_head_may_come_byte_by_byte() {
    let app = Backend::named("slow but sure").await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    for byte in b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" {
        client.send_bytes(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.response().await.text(), "slow but sure");
}

#[tokio::test]
async fn http_1_0_clients_get_plain_bodies_and_an_end() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let app = Backend::http(|_, _| chunked.to_vec()).await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!(response.text(), "abcde");
    assert_eq!(response.header("transfer-encoding"), None);
    assert_eq!(response.header("connection"), Some("close"));
}

#[tokio::test]
async fn http_1_0_keep_alive_is_honoured_where_the_end_is_known() {
    let app = Backend::named("ten").await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!(response.text(), "ten");
        assert_eq!(response.header("connection"), Some("keep-alive"));
    }
}

#[tokio::test]
async fn redirects_and_rewrites_are_applied() {
    let app = Backend::named("x").await;
    let rules = "- matches: [{path: {type: PathPrefix, value: /old}}]\n  \
                   filters: [{type: RequestRedirect, requestRedirect: {statusCode: 301, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}]\n\
                 - matches: [{path: {type: PathPrefix, value: /api}}]\n  \
                   filters: [{type: URLRewrite, urlRewrite: {hostname: inner.local, path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1}}}]\n  \
                   backendRefs: [{name: app}]";
    let gateway = Gateway::start(&ruled(rules, &[app.address])).await;
    let mut client = gateway.connect().await;
    client.send("GET /old/a?q=1 HTTP/1.1\r\nhost: shop.local\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!((response.status, response.cause()), (301, "redirected"));
    let port = gateway.address().port();
    assert_eq!(
        response.header("location"),
        Some(&*format!("http://shop.local:{port}/new/a?q=1"))
    );
    client.send("GET /api/a?q=1 HTTP/1.1\r\nhost: shop.local\r\n\r\n").await;
    assert_eq!(client.response().await.status, 200);
    let head = &app.requests()[0];
    assert!(
        head.starts_with("GET /v1/a?q=1 HTTP/1.1\r\nhost: inner.local\r\n"),
        "{head}"
    );
}
