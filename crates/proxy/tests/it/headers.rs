//! What is told to the backend and to the client, and what is not.

use nines_proxy::config::Forwarding;

use crate::harness::{Backend, Gateway, config, header, ok, ruled, simple};

/// The head that the backend gets for these fields.
async fn forwarded(forwarding: Forwarding, fields: &str) -> String {
    let app = Backend::named("x").await;
    let mut settings = config();
    settings.forwarding = forwarding;
    let gateway = Gateway::with(settings, &simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send(&format!("GET / HTTP/1.1\r\nhost: shop.local\r\n{fields}\r\n"))
        .await;
    assert_eq!(client.response().await.status, 200, "{fields}");
    app.requests().remove(0)
}

#[tokio::test]
async fn hop_by_hop_fields_stay_on_their_hop() {
    let fields = "connection: x-private, keep-alive\r\nkeep-alive: timeout=5\r\nx-private: 1\r\nte: gzip\r\n\
                  upgrade: h2c\r\nproxy-authorization: Basic abc\r\nx-public: 2\r\n";
    let head = forwarded(Forwarding::default(), fields).await;
    for gone in [
        "connection",
        "keep-alive",
        "x-private",
        "te",
        "upgrade",
        "proxy-authorization",
    ] {
        assert_eq!(header(&head, gone), None, "{gone} in {head}");
    }
    assert_eq!(header(&head, "x-public"), Some("2"));
    assert_eq!(header(&head, "host"), Some("shop.local"));
}

#[tokio::test]
async fn an_edge_believes_nobody() {
    let fields = "x-forwarded-for: 6.6.6.6\r\nx-forwarded-proto: https\r\nx-forwarded-host: bank\r\n\
                  x-forwarded-port: 443\r\nforwarded: for=6.6.6.6\r\nx-request-id: mine\r\nx-nines-attempt: 7\r\n\
                  x-nines-colour: red\r\n";
    let head = forwarded(Forwarding::default(), fields).await;
    assert_eq!(header(&head, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(header(&head, "x-forwarded-proto"), Some("http"));
    assert_eq!(header(&head, "x-forwarded-host"), Some("shop.local"));
    assert_eq!(header(&head, "x-request-id").map(str::len), Some(32));
    for gone in ["x-forwarded-port", "forwarded", "x-nines-colour", "via"] {
        assert_eq!(header(&head, gone), None, "{gone} in {head}");
    }
    assert!(!head.contains("6.6.6.6") && !head.contains("mine"), "{head}");
}

#[tokio::test]
async fn a_trusted_client_is_continued() {
    let forwarding = Forwarding {
        trust_client: true,
        forwarded: true,
        via: Some("edge-1".into()),
        ..Forwarding::default()
    };
    let fields = "x-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: https\r\nx-request-id: mine-1\r\n";
    let head = forwarded(forwarding, fields).await;
    assert!(
        head.contains("x-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: https\r\n"),
        "{head}"
    );
    assert!(head.contains("x-forwarded-for: 127.0.0.1\r\n"), "{head}");
    assert!(!head.contains("x-forwarded-proto: http\r\n"), "{head}");
    assert_eq!(header(&head, "x-request-id"), Some("mine-1"));
    assert_eq!(header(&head, "via"), Some("1.1 edge-1"));
    assert_eq!(
        header(&head, "forwarded"),
        Some("for=127.0.0.1;proto=http;host=\"shop.local\"")
    );
}

#[tokio::test]
async fn the_clients_limit_is_shortened_and_passed_on() {
    let head = forwarded(Forwarding::default(), "x-nines-timeout-ms: 500\r\n").await;
    let left: u64 = header(&head, "x-nines-timeout-ms")
        .and_then(|v| v.parse().ok())
        .expect("a number");
    assert!((1..=500).contains(&left), "{head}");
    let head = forwarded(Forwarding::default(), "").await;
    assert_eq!(header(&head, "x-nines-timeout-ms"), Some("15000"));
}

#[tokio::test]
async fn the_response_loses_what_is_hop_by_hop_and_gains_the_id() {
    let app = Backend::http(|_, _| {
        b"HTTP/1.1 200 Fine\r\nconnection: x-inner\r\nx-inner: 1\r\nkeep-alive: timeout=5\r\nx-request-id: theirs\r\n\
          set-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n"
            .to_vec()
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let response = gateway.get("/").await;
    assert!(response.head.starts_with("HTTP/1.1 200 Fine\r\n"), "{}", response.head);
    for gone in ["connection", "x-inner", "keep-alive"] {
        assert_eq!(response.header(gone), None, "{}", response.head);
    }
    let sent = header(&app.requests()[0], "x-request-id").map(str::to_owned);
    assert_eq!(response.header("x-request-id").map(str::to_owned), sent);
    assert!(
        response.head.contains("set-cookie: a=1\r\nset-cookie: b=2\r\n"),
        "{}",
        response.head
    );
}

#[tokio::test]
async fn edits_are_applied_to_both_heads() {
    let app = Backend::http(|_, _| b"HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let rules = "- backendRefs: [{name: app}]\n  filters:\n  \
                 - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-a, value: new}], add: [{name: x-b, value: '2'}], remove: [x-c]}}\n  \
                 - {type: ResponseHeaderModifier, responseHeaderModifier: {remove: [server], add: [{name: x-d, value: '4'}]}}";
    let gateway = Gateway::start(&ruled(rules, &[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("GET / HTTP/1.1\r\nX-A: old\r\nHost: x\r\nX-B: 1\r\nX-C: 3\r\n\r\n")
        .await;
    let response = client.response().await;
    assert_eq!((response.header("server"), response.header("x-d")), (None, Some("4")));
    let head = app.requests().remove(0);
    assert_eq!((header(&head, "x-a"), header(&head, "x-c")), (Some("new"), None));
    assert!(head.contains("X-B: 1\r\n") && head.contains("x-b: 2\r\n"), "{head}");
    assert_eq!(
        head.to_lowercase().matches("host: x\r\n").count(),
        2,
        "host and x-forwarded-host: {head}"
    );
}

#[tokio::test]
async fn an_absolute_target_sends_its_authority_as_host() {
    let app = Backend::http(|_, _| ok("")).await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("GET http://shop.local/a?b HTTP/1.1\r\nhost: shop.local\r\n\r\n")
        .await;
    assert_eq!(client.response().await.status, 200);
    let head = app.requests().remove(0);
    assert!(head.starts_with("GET /a?b HTTP/1.1\r\nhost: shop.local\r\n"), "{head}");
}
