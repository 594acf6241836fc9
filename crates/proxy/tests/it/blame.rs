//! What speaks against an endpoint, and what is the doing of others.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::harness::{Backend, Gateway, ruled, within};

/// Takes requests and never answers.
async fn hung() -> Backend {
    Backend::raw(|mut client| async move { client.read_to_end().await }).await
}

/// A listener that has room for one connection, and the connection that took it: others are not answered at all.
async fn full() -> (TcpListener, SocketAddr, TcpStream) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let listener = socket.listen(0).expect("it listens");
    let address = listener.local_addr().expect("bound");
    let first = TcpStream::connect(address).await.expect("the first is taken");
    (listener, address, first)
}

/// A gateway to `app` whose rule and Policy have these sections.
async fn gateway(rule: &str, policy: &str, app: &[SocketAddr]) -> Gateway {
    let rules = format!("- backendRefs: [{{name: app}}]\n{rule}");
    let policy = format!(
        "apiVersion: nines.dev/v1\nkind: Policy\nmetadata: {{name: app}}\nspec:\n  \
         targetRefs: [{{kind: Service, name: app}}]\n  {policy}\n"
    );
    Gateway::start(&format!("{}---\n{policy}", ruled(&rules, app))).await
}

/// The cause of the answer to a request with this field.
async fn cause(gateway: &Gateway, field: &str) -> String {
    let mut client = gateway.connect().await;
    client
        .send(&format!("GET / HTTP/1.1\r\nhost: x\r\n{field}\r\n\r\n"))
        .await;
    client.response().await.cause().to_owned()
}

/// The sum of a counter over all endpoints.
async fn sum(gateway: &Gateway, name: &str) -> u64 {
    let text = gateway.admin("/metrics").await;
    let samples = text.lines().filter(|line| line.starts_with(name));
    samples
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

const EJECTIONS: &str = "nines_proxy_upstream_ejections_total{";
const CONNECT_ERRORS: &str = "nines_proxy_upstream_connect_errors_total{";
const TOUCHY: &str = "balance: {algorithm: roundRobin}\n  outlier: {consecutiveErrors: 2}";

#[tokio::test]
async fn a_client_that_leaves_no_time_has_nobody_ejected() {
    let apps = [hung().await, hung().await];
    let gateway = gateway("", TOUCHY, &apps.each_ref().map(|app| app.address)).await;
    for _ in 0..12 {
        assert_eq!(cause(&gateway, "x-nines-timeout-ms: 1").await, "deadline_exceeded");
    }
    assert_eq!(sum(&gateway, EJECTIONS).await, 0);
}

#[tokio::test]
async fn an_endpoint_that_keeps_to_the_clients_limit_is_not_ejected_for_it() {
    let answer = |_: &str, _: &[u8]| {
        b"HTTP/1.1 504 Late\r\nx-nines-cause: deadline_exceeded\r\ncontent-length: 0\r\n\r\n".to_vec()
    };
    let apps = [Backend::http(answer).await, Backend::http(answer).await];
    let gateway = gateway("", TOUCHY, &apps.each_ref().map(|app| app.address)).await;
    for (field, ejections) in [("x-nines-timeout-ms: 5000", 0), ("x-other: 1", 1)] {
        for _ in 0..12 {
            cause(&gateway, field).await;
        }
        assert_eq!(sum(&gateway, EJECTIONS).await, ejections, "{field}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_no_time_to_connect_has_nobody_passed_over() {
    let (_listener, address, _first) = full().await;
    let tried = async |policy: &str, field: &str| {
        let gateway = gateway("", policy, &[address]).await;
        let cause = cause(&gateway, field).await;
        (cause, sum(&gateway, CONNECT_ERRORS).await)
    };
    let by_client = tried("retry: {attempts: 0}", "x-nines-timeout-ms: 20").await;
    assert_eq!(by_client, ("deadline_exceeded".into(), 0));
    let by_policy = tried("retry: {attempts: 0}\n  timeout: {connect: 20ms}", "x-other: 1").await;
    assert_eq!(by_policy, ("connect_timeout".into(), 1));
}

#[tokio::test]
async fn who_keeps_no_limit_of_the_routes_is_ejected_whatever_the_client_allows() {
    for (rule, policy) in [
        ("  timeouts: {request: 40ms}", ""),
        ("", "\n  timeout: {attempt: 40ms}"),
    ] {
        let (bad, good) = (hung().await, Backend::named("good").await);
        let gateway = gateway(rule, &format!("{TOUCHY}{policy}"), &[bad.address, good.address]).await;
        let gone = async {
            while sum(&gateway, EJECTIONS).await == 0 {
                cause(&gateway, "x-nines-timeout-ms: 60000").await;
            }
        };
        within("it is ejected", gone).await;
        assert_eq!(bad.connections(), 2);
    }
}

#[tokio::test]
async fn a_request_whose_time_is_over_asks_nobody() {
    let app = Backend::named("quick").await;
    let gateway = gateway("", "balance: {algorithm: roundRobin}", &[app.address]).await;
    assert_eq!(cause(&gateway, "x-nines-timeout-ms: 0").await, "deadline_exceeded");
    assert_eq!(app.connections(), 0);
}

/// What the gateway takes the endpoint's latency to be, in milliseconds.
async fn latency(gateway: &Gateway) -> f64 {
    let shown: serde_json::Value = serde_json::from_str(&gateway.admin("/config").await).expect("JSON");
    let endpoint = &shown["upstreams"][0]["endpoints"][0];
    endpoint["latencyMs"].as_f64().expect("a number")
}

#[tokio::test]
async fn a_body_that_is_slow_to_come_does_not_make_its_endpoint_slow() {
    for is_left_half_way in [true, false] {
        let app = Backend::named("quick").await;
        let gateway = gateway("", "balance: {algorithm: roundRobin}", &[app.address]).await;
        let mut client = gateway.connect().await;
        client
            .send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n1")
            .await;
        let asked = async {
            while app.connections() == 0 {
                tokio::task::yield_now().await;
            }
        };
        within("the endpoint is asked", asked).await;
        tokio::time::sleep(Duration::from_millis(1000)).await;
        if is_left_half_way {
            client.abort();
        } else {
            client.send("2").await;
            assert_eq!(client.response().await.text(), "quick");
        }
        gateway.quiet().await;
        let millis = latency(&gateway).await;
        assert!(millis < 500.0, "{millis} ms, left half way: {is_left_half_way}");
    }
}

#[tokio::test]
async fn an_endpoint_on_which_clients_give_up_is_hardly_asked() {
    let (bad, good) = (hung().await, Backend::named("good").await);
    let gateway = gateway("", "outlier: {consecutiveErrors: 100}", &[bad.address, good.address]).await;
    for _ in 0..60 {
        cause(&gateway, "x-nines-timeout-ms: 300").await;
    }
    assert!(bad.connections() <= 5, "{} of 60", bad.connections());
}
