//! Calls to servers of the test's own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::any;
use nines_client::{Source, Update};
use nines_model::{Catalog, Change, Instance, InstanceKey, InstanceState, Port, Protocol};
use nines_runtime::Tasks;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

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
    let follow = Follow::new("default", Clock::system());
    let key = ServiceKey::new("default", "inventory");
    let client = Client::new(key.clone(), follow.upstream(&key), Transport::new(Clock::system()));
    let mut catalog = Catalog::default();
    for (id, address) in endpoints.iter().enumerate() {
        catalog.apply(Change::Instance(instance(id, *address)));
    }
    follow.apply(Update {
        catalog: Arc::new(catalog),
        interest: Arc::new(follow.interest()),
        source: Source::Live,
    });
    client
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
