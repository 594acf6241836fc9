//! Endpoints that are dead, slow or rude, and clients that go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::{Backend, Client, Gateway, config, header, nobody, ok, ruled, simple, within};

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_dead_endpoint_costs_no_request() {
    let app = Backend::named("alive").await;
    let gateway = Gateway::start(&simple(&[nobody().await, app.address])).await;
    let mut client = gateway.connect().await;
    for _ in 0..100 {
        client.send(GET).await;
        assert_eq!(client.response().await.text(), "alive");
    }
    let retries = gateway.metric("nines_proxy_retries_connect_total").await;
    assert!(
        retries <= 1,
        "a penalty keeps the dead one out, but it was tried {retries} times"
    );
}

/// Requests one after the other until this many in a row were answered by others than `bad`.
async fn until_it_is_passed_over(client: &mut Client, bad: &Backend) {
    let mut in_a_row = 0;
    while in_a_row < 20 {
        let before = bad.requests().len();
        client.send(GET).await;
        client.response().await;
        in_a_row = if bad.requests().len() == before {
            in_a_row + 1
        } else {
            0
        };
    }
}

#[tokio::test]
async fn an_outlier_is_ejected_tells_why_and_comes_back() {
    let well = Arc::new(AtomicBool::new(false));
    let answer = {
        let well = well.clone();
        move |_: &str, _: &[u8]| match well.load(Ordering::SeqCst) {
            true => ok("well again"),
            false => b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_vec(),
        }
    };
    let (bad, good) = (Backend::http(answer).await, Backend::named("good").await);
    let policy = "apiVersion: nines.dev/v1\nkind: Policy\nmetadata: {name: app}\nspec:\n  \
        targetRefs: [{kind: Service, name: app}]\n  balance: {algorithm: roundRobin}\n  \
        outlier: {consecutiveErrors: 3, baseEjection: 1s}\n";
    let resources = format!("{}---\n{policy}", simple(&[bad.address, good.address]));
    let gateway = Gateway::start(&resources).await;
    let mut client = gateway.connect().await;
    until_it_is_passed_over(&mut client, &bad).await;
    assert_eq!(bad.requests().len(), 3, "as many as the policy says");
    let shown: serde_json::Value = serde_json::from_str(&gateway.admin("/config").await).expect("JSON");
    let endpoints = shown["upstreams"][0]["endpoints"].as_array().expect("endpoints");
    let ejected: Vec<_> = endpoints
        .iter()
        .filter_map(|endpoint| endpoint["ejected"]["reason"].as_str())
        .collect();
    assert_eq!(ejected, ["3 gateway errors in a row (bound 3)"]);
    let sample = format!("nines_proxy_upstream_ejections_total{{endpoint=\"{}\"}}", bad.address);
    assert_eq!(gateway.metric(&sample).await, 1);
    well.store(true, Ordering::SeqCst);
    let back = async {
        loop {
            client.send(GET).await;
            if client.response().await.text() == "well again" {
                return;
            }
        }
    };
    within("it is asked again", back).await;
}

#[tokio::test]
async fn with_nobody_alive_the_answer_names_all_that_were_tried() {
    let (a, b) = (nobody().await, nobody().await);
    let gateway = Gateway::start(&simple(&[a, b])).await;
    let response = gateway.get("/").await;
    assert_eq!((response.status, response.cause()), (502, "connect_failed"));
    let evidence = response.header("x-nines-cause").unwrap_or_default();
    for part in [a.to_string(), b.to_string(), "attempts=2".into()] {
        assert!(evidence.contains(&part), "{evidence}");
    }
}

#[tokio::test]
async fn a_service_without_endpoints_is_told_apart() {
    let gateway = Gateway::start(&simple(&[])).await;
    let response = gateway.get("/").await;
    assert_eq!((response.status, response.cause()), (503, "no_endpoint"));
    assert!(
        response
            .header("x-nines-cause")
            .is_some_and(|e| e.contains("service=default/app"))
    );
}

#[tokio::test]
async fn the_keep_alive_race_is_lost_by_nobody() {
    // Closes after each answer without saying so.
    let app = Backend::raw(|mut client| async move {
        if client.request().await.is_some() {
            client.send_bytes(&ok("once")).await;
        }
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    for _ in 0..200 {
        client.send(GET).await;
        assert_eq!(client.response().await.text(), "once");
    }
}

#[tokio::test]
async fn a_race_is_run_again_once_for_idempotent_requests_only() {
    // The second request on a connection is read and never answered.
    let app = Backend::raw(|mut client| async move {
        client.request().await;
        client.send_bytes(&ok("first")).await;
        client.request().await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client.send(GET).await;
    assert_eq!(client.response().await.status, 200);
    client.send("DELETE / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.response().await.status, 200);
    assert_eq!(gateway.metric("nines_proxy_retries_race_total").await, 1);
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi")
        .await;
    let response = client.response().await;
    assert_eq!((response.status, response.cause()), (502, "upstream_reset"));
    assert!(
        response
            .header("x-nines-cause")
            .is_some_and(|e| e.contains("reused_after_ms"))
    );
    client.send(GET).await;
    assert_eq!(client.response().await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_here_is_sent_again_after_a_lost_race() {
    let app = Backend::raw(|mut client| async move {
        let first = client.request().await.expect("a head");
        if first.starts_with("PUT") {
            assert_eq!(client.exactly(5).await, b"again");
            assert_eq!(header(&first, "x-nines-attempt"), Some("2"));
        }
        client.send_bytes(&ok("done")).await;
        client.request().await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client.send(GET).await;
    assert_eq!(client.response().await.status, 200);
    client
        .send("PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nagain")
        .await;
    assert_eq!(client.response().await.text(), "done");
}

#[tokio::test]
async fn a_backend_that_breaks_off_on_a_fresh_connection_is_not_asked_twice() {
    let app = Backend::raw(|mut client| async move {
        client.request().await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let response = gateway.get("/").await;
    assert_eq!((response.status, response.cause()), (502, "upstream_reset"));
    assert_eq!(app.connections(), 1);
}

#[tokio::test]
async fn a_truncated_body_is_not_passed_off_as_whole() {
    let app = Backend::raw(|mut client| async move {
        client.request().await;
        client
            .send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nnot so much")
            .await;
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client.send(GET).await;
    assert_eq!(client.try_response(false).await, None);
    let log = gateway.stop().await;
    assert_eq!(
        (log[0]["status"].as_u64(), log[0]["cause"].as_str()),
        (Some(200), Some("upstream_reset"))
    );
}

#[tokio::test]
async fn the_routes_time_limit_is_kept() {
    let app = Backend::raw(|mut client| async move { client.read_to_end().await }).await;
    let rules = "- backendRefs: [{name: app}]\n  timeouts: {request: 50ms}";
    let gateway = Gateway::start(&ruled(rules, &[app.address])).await;
    let mut client = gateway.connect().await;
    for _ in 0..2 {
        client.send(GET).await;
        let response = client.response().await;
        assert_eq!((response.status, response.cause()), (504, "upstream_timeout"));
    }
    assert_eq!(app.connections(), 2);
}

#[tokio::test]
async fn the_clients_own_time_limit_is_kept() {
    let app = Backend::raw(|mut client| async move { client.read_to_end().await }).await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("GET / HTTP/1.1\r\nhost: x\r\nx-nines-timeout-ms: 30\r\n\r\n")
        .await;
    let response = client.response().await;
    assert_eq!((response.status, response.cause()), (504, "deadline_exceeded"));
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off_in_total() {
    let mut settings = config();
    settings.timeouts.head = Duration::from_millis(100);
    let gateway = Gateway::with(settings, &simple(&[nobody().await])).await;
    let mut client = gateway.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n").await;
    let response = client.response().await;
    assert_eq!((response.status, response.cause()), (408, "request_timeout"));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let mut settings = config();
    settings.timeouts.client_idle = Duration::from_millis(50);
    let gateway = Gateway::with(settings, &simple(&[nobody().await])).await;
    let mut client = gateway.connect().await;
    assert!(client.is_closed().await);
    assert!(gateway.stop().await.is_empty());
}

#[tokio::test]
async fn a_body_that_stops_coming_is_cut_off() {
    let app = Backend::raw(|mut client| async move { client.read_to_end().await }).await;
    let mut settings = config();
    settings.timeouts.body_progress = Duration::from_millis(100);
    let gateway = Gateway::with(settings, &simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nsome")
        .await;
    let response = client.response().await;
    assert_eq!(response.status, 408, "{}", response.head);
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut_off() {
    let app = Backend::http(|_, _| ok(&"x".repeat(30_000_000))).await;
    let mut settings = config();
    settings.timeouts.body_progress = Duration::from_millis(100);
    let gateway = Gateway::with(settings, &simple(&[app.address])).await;
    let mut client = gateway.connect().await;
    client.send(GET).await;
    client.head().await;
    let closed = async {
        while gateway.proxy().connections() > 0 {
            tokio::task::yield_now().await;
        }
    };
    within("the connection is cut off", closed).await;
    let log = gateway.stop().await;
    assert_eq!(log[0]["cause"], "client_closed");
    assert!(
        log[0]["evidence"].as_str().is_some_and(|e| e.contains("stalled=100ms")),
        "{log:?}"
    );
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_upstream_connection_along() {
    let (gone, mut was_gone) = tokio::sync::mpsc::unbounded_channel();
    let app = Backend::raw(move |mut client| {
        let gone = gone.clone();
        async move {
            client.request().await;
            client.read_to_end().await;
            gone.send(()).expect("the test listens");
        }
    })
    .await;
    let gateway = Gateway::start(&simple(&[app.address])).await;
    for abort in [true, false] {
        let mut client = gateway.connect().await;
        client.send(GET).await;
        let reached = async {
            while gateway.metric("nines_proxy_in_flight").await == 0 || app.connections() == 0 {
                tokio::task::yield_now().await;
            }
        };
        within("the request is under way", reached).await;
        if abort {
            client.abort();
        } else {
            drop(client);
        }
        within("the backend's connection ends", was_gone.recv()).await;
    }
    let log = gateway.stop().await;
    assert_eq!(log.len(), 2);
    for line in log {
        assert_eq!(
            (line["status"].as_u64(), line["cause"].as_str()),
            (Some(499), Some("client_closed"))
        );
    }
}

#[tokio::test]
async fn beyond_the_limit_of_requests_in_flight_the_rest_is_refused_at_once() {
    let app = Backend::raw(|mut client| async move { client.read_to_end().await }).await;
    let mut settings = config();
    settings.limits.in_flight = 2;
    let gateway = Gateway::with(settings, &simple(&[app.address])).await;
    let mut held = Vec::new();
    for i in 1..=2 {
        let mut client = gateway.connect().await;
        client.send(GET).await;
        let reached = async {
            while app.connections() < i {
                tokio::task::yield_now().await;
            }
        };
        within("the request is under way", reached).await;
        held.push(client);
    }
    let response = gateway.get("/").await;
    assert_eq!((response.status, response.cause()), (503, "overloaded"));
    assert_eq!(response.header("retry-after"), Some("1"));
    let evidence = response.header("x-nines-cause").unwrap_or_default();
    assert!(
        evidence.contains("limit=2") && evidence.contains("in_flight=3"),
        "{evidence}"
    );
}

#[tokio::test]
async fn heads_that_are_on_their_way_keep_nobody_out() {
    let app = Backend::named("x").await;
    let mut settings = config();
    settings.limits.in_flight = 2;
    let gateway = Gateway::with(settings, &simple(&[app.address])).await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut client = gateway.connect().await;
        client.send("G").await;
        slow.push(client);
    }
    assert_eq!(gateway.get("/").await.text(), "x");
    for client in &mut slow {
        client.send(&GET[1..]).await;
        assert_eq!(client.response().await.text(), "x");
    }
    gateway.quiet().await;
    let requests = "nines_proxy_requests_total{route=\"default/app/0\",status=\"2xx\"}";
    assert_eq!(gateway.metric(requests).await, 9);
}
