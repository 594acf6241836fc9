//! Bodies in every framing, in both directions.

use crate::harness::{Backend, Gateway, config, header, ok, simple};

async fn echo() -> Backend {
    Backend::http(|_, body| ok(&String::from_utf8_lossy(body))).await
}

#[tokio::test]
async fn a_body_with_a_length_arrives_whole() {
    let app = echo().await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    for size in [1, 100, 8_000, 100_000, 3_000_000] {
        let body = "x".repeat(size);
        client
            .send(&format!(
                "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n{body}"
            ))
            .await;
        let response = client.response().await;
        assert_eq!(response.status, 200);
        assert!(response.text() == body, "{size} bytes came back differently");
    }
    assert_eq!(app.connections(), 1);
}

#[tokio::test]
async fn chunks_and_trailers_go_both_ways() {
    let app = Backend::raw(|mut client| async move {
        let head = client.request().await.expect("a head");
        assert_eq!(header(&head, "transfer-encoding"), Some("chunked"));
        assert_eq!(client.chunked().await, (b"wikipedia".to_vec(), "x-sum: 9\n".into()));
        let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\n\r\n\
                      003;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nx-end: yes\r\n\r\n";
        client.send(answer).await;
        assert!(
            client
                .request()
                .await
                .is_some_and(|head| head.starts_with("GET /second"))
        );
        client.send_bytes(&ok("second")).await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4;a=b\r\nwi")
        .await;
    client.send("ki\r\n05\r\npedia\r\n0\r\nx-sum: 9\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!((response.status, response.text().as_str()), (200, "abcde"));
    assert_eq!(response.trailers, "x-end: yes\n");
    client.send("GET /second HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "second");
    assert_eq!(app.connections(), 1);
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_becomes_chunks() {
    let app = Backend::raw(|mut client| async move {
        client.request().await;
        client.send("HTTP/1.1 200 OK\r\n\r\nuntil the end").await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!(response.text(), "until the end");
        assert_eq!(response.header("transfer-encoding"), Some("chunked"));
    }
    assert_eq!(app.connections(), 2);
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let app = Backend::http(|head, _| {
        let status = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
        match status {
            "200" => b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n".to_vec(),
            "304" => b"HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\netag: \"a\"\r\n\r\n".to_vec(),
            _ => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        }
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    for (method, status, length) in [
        ("HEAD", 200, Some("7")),
        ("GET", 304, Some("7")),
        ("GET", 204, None),
        ("HEAD", 204, None),
    ] {
        client
            .send(&format!("{method} /{status} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        let response = client.head().await;
        assert_eq!(
            (response.status, response.header("content-length")),
            (status, length),
            "{method} {status}"
        );
    }
    assert_eq!(app.connections(), 1);
}

#[tokio::test]
async fn a_client_that_expects_100_waits_for_it() {
    let app = Backend::raw(|mut client| async move {
        let head = client.request().await.expect("a head");
        assert_eq!(header(&head, "expect"), Some("100-continue"));
        client.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        assert_eq!(client.exactly(4).await, b"body");
        client.send_bytes(&ok("thanks")).await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("PUT / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status, 100);
    client.send("body").await;
    assert_eq!(client.response().await.text(), "thanks");
}

#[tokio::test]
async fn a_refusal_before_the_body_is_passed_on_and_ends_the_connection() {
    let app = Backend::raw(|mut client| async move {
        client.request().await;
        client
            .send("HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n")
            .await;
        client.read_to_end().await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("PUT / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        .await;
    let response = client.response().await;
    assert_eq!((response.status, response.header("connection")), (417, Some("close")));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn interim_answers_reach_who_understands_them() {
    let answer = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n!";
    let app = Backend::http(|_, _| answer.to_vec()).await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let hints = client.head().await;
    assert_eq!((hints.status, hints.header("link")), (103, Some("</a.css>")));
    assert_eq!(client.response().await.text(), "!");
    let mut old = gateway.connect().await;
    old.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.response().await.status, 200);
}

#[tokio::test]
async fn an_answer_may_overtake_the_body() {
    let app = Backend::raw(|mut client| async move {
        client.request().await;
        client
            .send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno")
            .await;
        client.read_to_end().await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\nsome of it")
        .await;
    let response = client.response().await;
    assert_eq!((response.status, response.text().as_str()), (413, "no"));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn both_directions_may_flow_at_once() {
    let app = Backend::raw(|mut client| async move {
        client.request().await;
        client
            .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        for i in 0..3 {
            assert_eq!(client.exactly(6).await, format!("1\r\n{i}\r\n").into_bytes());
            client.send(&format!("1\r\n{i}\r\n")).await;
        }
        assert_eq!(client.exactly(5).await, b"0\r\n\r\n");
        client.send("0\r\n\r\n").await;
        client.read_to_end().await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status, 200);
    for i in 0..3 {
        client.send(&format!("1\r\n{i}\r\n")).await;
        assert_eq!(client.exactly(6).await, format!("1\r\n{i}\r\n").into_bytes());
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.exactly(5).await, b"0\r\n\r\n");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_in_either_framing() {
    let app = Backend::raw(|mut client| async move { client.read_to_end().await }).await;
    let mut settings = config();
    settings.limits.body_bytes = Some(10);
    let gateway = Gateway::with(settings, &simple(&[app.address])).await;
    for request in [
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\nhello world",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nb\r\nhello world\r\n",
    ] {
        let mut client = gateway.connect().await;
        client.send(request).await;
        let response = client.response().await;
        assert_eq!(
            (response.status, response.cause()),
            (413, "body_too_large"),
            "{request}"
        );
    }
}
