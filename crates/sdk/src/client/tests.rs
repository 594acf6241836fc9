//! Calls to servers of the test's own.

mod late;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::any;
use nines_client::{Source, Update};
use nines_model::{Catalog, Change, Instance, InstanceKey, InstanceState, Port, Protocol, document};
use nines_runtime::Tasks;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::*;
use crate::follow::Follow;
use crate::serve::Server;

fn instance(id: usize, address: SocketAddr) -> Instance {
    Instance {
        key: InstanceKey::new(ServiceKey::new("default", "inventory"), format!("i{id}")),
        address: address.ip(),
        ports: vec![Port {
            name: "http".into(),
            number: address.port(),
            protocol: Protocol::Http,
        }],
        labels: Default::default(),
        weight: 100,
        state: InstanceState::Ready,
        disabled: false,
        revision: 1,
    }
}

/// A client whose service has these endpoints.
fn client(endpoints: &[SocketAddr]) -> Client {
    governed(endpoints, "")
}

/// A client whose service has these endpoints and a policy of these sections.
fn governed(endpoints: &[SocketAddr], sections: &str) -> Client {
    let follow = Follow::new("default", Clock::system());
    let key = ServiceKey::new("default", "inventory");
    let client = Client::new(key.clone(), follow.upstream(&key), Clock::system());
    tell(&follow, endpoints, sections);
    client
}

/// What the control plane would send.
fn tell(follow: &Follow, endpoints: &[SocketAddr], sections: &str) {
    let mut catalog = Catalog::default();
    for (id, address) in endpoints.iter().enumerate() {
        catalog.apply(Change::Instance(instance(id, *address)));
    }
    let policy = format!(
        "{{apiVersion: nines.dev/v1, kind: Policy, metadata: {{name: p}},
        spec: {{targetRefs: [{{kind: Service, name: inventory}}], {sections}}}}}"
    );
    for resource in document::parse(&policy, None).expect("a good policy") {
        catalog.apply(Change::Resource(resource));
    }
    follow.apply(Update {
        catalog: Arc::new(catalog),
        interest: Arc::new(follow.interest()),
        source: Source::Live,
        epoch: 0,
    });
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    (listener, address)
}

async fn serve(router: Router, tasks: &Tasks) -> (Server, SocketAddr) {
    let (listener, address) = listen().await;
    (Server::start(listener, router, tasks), address)
}

/// Accepts, reads a little and closes without an answer; counts.
async fn rude(tasks: &Tasks) -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, address) = listen().await;
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    tasks.spawn("rude", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 16];
            if stream.read(&mut some).await.is_ok_and(|read| read > 0) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    (address, seen)
}

async fn dead() -> SocketAddr {
    listen().await.1
}

#[tokio::test]
async fn a_dead_endpoint_is_passed_over_whatever_the_method() {
    let tasks = Tasks::new();
    let (_server, alive) = serve(Router::new().route("/", any(|| async { "here" })), &tasks).await;
    for method in [Method::GET, Method::POST] {
        for _ in 0..10 {
            let client = client(&[dead().await, alive]);
            let response = client
                .request(method.clone(), "/")
                .send()
                .await
                .expect("the other one answers");
            assert_eq!(
                (response.body.as_ref(), response.endpoint.as_str()),
                (&b"here"[..], "i1")
            );
        }
    }
}

#[tokio::test]
async fn only_what_is_idempotent_is_sent_again_after_a_break() {
    let tasks = Tasks::new();
    let (_server, alive) = serve(Router::new().route("/", any(|| async { "here" })), &tasks).await;
    let (rude, seen) = rude(&tasks).await;
    for _ in 0..10 {
        client(&[rude, alive])
            .get("/")
            .send()
            .await
            .expect("the other one answers");
    }
    let error = client(&[rude]).post("/").send().await.expect_err("it breaks off");
    assert!(matches!(error, CallError::Broken { attempts: 1, .. }), "{error}");
    assert!(
        error.to_string().contains(&rude.to_string()) && error.to_string().contains("inventory"),
        "{error}"
    );
    let posts = seen.load(Ordering::SeqCst);
    client(&[rude]).post("/").send().await.expect_err("it breaks off");
    assert_eq!(seen.load(Ordering::SeqCst), posts + 1, "sent once");
}

#[tokio::test]
async fn nobody_there_is_named() {
    let error = client(&[])
        .get("/")
        .timeout(Duration::from_millis(20))
        .send()
        .await
        .expect_err("nobody");
    assert!(
        matches!(error, CallError::NoEndpoint { .. } | CallError::Timeout { .. }),
        "{error}"
    );
    let gone = dead().await;
    let error = client(&[gone]).get("/").send().await.expect_err("nobody");
    assert!(
        matches!(error, CallError::Connect { endpoint, .. } if endpoint == gone),
        "{error}"
    );
    let error = client(&[gone]).get("no-slash").send().await.expect_err("no path");
    assert!(matches!(error, CallError::BadRequest { .. }), "{error}");
}

#[tokio::test]
async fn a_call_takes_its_context_along() {
    let tasks = Tasks::new();
    let echo = |headers: HeaderMap| async move {
        let shown = ["x-request-id", "traceparent", "x-nines-timeout-ms", "x-nines-attempt"];
        let value = |name: &str| {
            headers
                .get(name)
                .and_then(|v| v.to_str().ok())
                .unwrap_or("-")
                .to_owned()
        };
        axum::Json(shown.map(value))
    };
    let (_server, alive) = serve(Router::new().route("/", any(echo)), &tasks).await;
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", HeaderValue::from_static("r1"));
    headers.insert("x-nines-timeout-ms", HeaderValue::from_static("5000"));
    let call = Call::read(&headers, Instant::now());
    let trace = format!("00-{:032x}-", call.trace_id);
    let response = call
        .scope(async { client(&[alive]).get("/").send().await })
        .await
        .expect("it answers");
    let [id, parent, timeout, attempt]: [String; 4] = response.json().expect("four words");
    assert_eq!((id.as_str(), attempt.as_str()), ("r1", "1"));
    assert!(parent.starts_with(&trace), "{parent}");
    assert!(timeout.parse::<u64>().expect("a number") <= 5000, "{timeout}");
}

#[tokio::test]
async fn a_slow_answer_ends_at_the_timeout() {
    let tasks = Tasks::new();
    let hang = || async { std::future::pending::<&str>().await };
    let (_server, alive) = serve(Router::new().route("/", any(hang)), &tasks).await;
    let error = client(&[alive])
        .get("/")
        .timeout(Duration::from_millis(20))
        .send()
        .await
        .expect_err("late");
    assert!(matches!(error, CallError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn the_policy_says_how_often_and_how_long() {
    let tasks = Tasks::new();
    let (rude, seen) = rude(&tasks).await;
    for (sections, expected) in [("", 1), ("retry: {attempts: 0}", 1)] {
        seen.store(0, Ordering::SeqCst);
        governed(&[rude], sections)
            .get("/")
            .send()
            .await
            .expect_err("it breaks off");
        assert_eq!(
            seen.load(Ordering::SeqCst),
            expected,
            "another attempt needs another endpoint"
        );
    }
    let (other, more) = self::rude(&tasks).await;
    for (sections, expected) in [("", 2), ("retry: {attempts: 1}", 2), ("retry: {attempts: 0}", 1)] {
        seen.store(0, Ordering::SeqCst);
        more.store(0, Ordering::SeqCst);
        governed(&[rude, other], sections)
            .get("/")
            .send()
            .await
            .expect_err("both break off");
        assert_eq!(
            seen.load(Ordering::SeqCst) + more.load(Ordering::SeqCst),
            expected,
            "{sections}"
        );
    }
    let hang = || async { std::future::pending::<&str>().await };
    let (_server, alive) = serve(Router::new().route("/", any(hang)), &tasks).await;
    let client = governed(&[alive], "timeout: {request: 20ms}");
    let error = client.get("/").send().await.expect_err("late");
    assert!(matches!(error, CallError::Timeout { .. }), "{error}");
    let answers = any(|| async { "here" });
    let (_server, quick) = serve(Router::new().route("/", answers), &tasks).await;
    for _ in 0..10 {
        let client = governed(&[alive, quick], "timeout: {attempt: 20ms}");
        client.get("/").send().await.expect("the quick one answers");
    }
    let client = governed(&[alive], "timeout: {attempt: 20ms}");
    let error = client.post("/").send().await.expect_err("late");
    assert!(matches!(error, CallError::Slow { attempts: 1, .. }), "{error}");
}

#[tokio::test]
async fn an_edited_policy_acts_on_the_next_call() {
    let follow = Follow::new("default", Clock::system());
    let key = ServiceKey::new("default", "inventory");
    let client = Client::new(key.clone(), follow.upstream(&key), Clock::system());
    let full = full().await;
    for limit in ["20ms", "30ms"] {
        tell(&follow, &[full.1], &format!("timeout: {{connect: {limit}}}"));
        let error = client.get("/").send().await.expect_err("nobody accepts");
        assert!(
            matches!(&error, CallError::Connect { reason, .. } if reason.contains(limit)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_outlier_is_asked_no_more() {
    let tasks = Tasks::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let unwell = any(move || {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::ready(StatusCode::SERVICE_UNAVAILABLE)
    });
    let (_bad, bad) = serve(Router::new().route("/", unwell), &tasks).await;
    let (_good, good) = serve(Router::new().route("/", any(|| async { "here" })), &tasks).await;
    let sections = "balance: {algorithm: roundRobin}, outlier: {consecutiveErrors: 3}, retry: {attempts: 0}";
    let client = governed(&[bad, good], sections);
    for _ in 0..40 {
        client.post("/").send().await.expect("an answer");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

/// A listener that has room for one connection, and the connection that took it: others are not answered at all.
async fn full() -> (TcpListener, SocketAddr, TcpStream) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let listener = socket.listen(0).expect("it listens");
    let address = listener.local_addr().expect("a bound port");
    let first = TcpStream::connect(address).await.expect("the first is taken");
    (listener, address, first)
}
