//! A service in this process, against no control plane and against one of the test's own.

use std::sync::Arc;

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::*;

struct Started {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Option<Result<bool, Error>>>,
}

async fn start(settings: Settings, routes: impl FnOnce(&Context) -> Router + Send + 'static) -> Started {
    let service = Service::builder("orders").version("v1").routes(routes);
    let (stop, stopped) = oneshot::channel::<()>();
    let (bound, address) = oneshot::channel();
    let running = service.run_with(settings, async { drop(stopped.await) }, |at| {
        bound.send(at).expect("the test waits");
    });
    let ended = Tasks::new().spawn("service", Box::pin(running));
    Started {
        address: address.await.expect("it binds"),
        stop,
        ended,
    }
}

async fn ask(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

#[tokio::test]
async fn it_serves_without_a_control_plane_and_says_so() {
    let settings = Settings {
        // Nobody listens on port 1.
        servers: vec!["http://127.0.0.1:1".into()],
        ..Settings::default()
    };
    let started = start(settings, |_| {
        Router::new().route("/hello/{name}", get(|| async { "hi" }))
    })
    .await;
    assert!(ask(started.address, "/hello/a", "").await.ends_with("hi"));
    for path in ["/livez", "/readyz"] {
        let answer = ask(started.address, path, "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let metrics = ask(started.address, "/metrics", "").await;
    let series = "nines_http_requests_total{method=\"GET\",route=\"/hello/{name}\",status=\"200\"} 1";
    assert!(metrics.contains(series), "{metrics}");
    started.stop.send(()).expect("it runs");
    assert!(matches!(started.ended.await, Ok(Some(Ok(true)))));
}

#[tokio::test]
async fn a_condition_that_fails_shows_at_readyz() {
    let started = start(Settings::default(), |context| {
        context.health().not_ready("database", "connecting");
        Router::new()
    })
    .await;
    let answer = ask(started.address, "/readyz", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("connecting"),
        "{answer}"
    );
    assert!(ask(started.address, "/startupz", "").await.starts_with("HTTP/1.1 503"));
    drop(started.stop);
    assert!(matches!(started.ended.await, Ok(Some(Ok(true)))));
}

#[tokio::test]
async fn a_panic_is_one_requests_failure() {
    let routes = |_: &Context| {
        let broken = || async {
            assert!(std::hint::black_box(false), "on purpose");
            "never"
        };
        Router::new()
            .route("/broken", get(broken))
            .route("/fine", get(|| async { "fine" }))
    };
    let started = start(Settings::default(), routes).await;
    let answer = ask(started.address, "/broken", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 500") && answer.contains("x-nines-cause: internal"),
        "{answer}"
    );
    assert!(ask(started.address, "/fine", "").await.ends_with("fine"));
    assert!(
        ask(started.address, "/metrics", "")
            .await
            .contains("nines_http_panics_total 1")
    );
}

#[tokio::test]
async fn a_request_ends_with_its_callers_time() {
    let hang = || async { std::future::pending::<&str>().await };
    let started = start(Settings::default(), move |_| Router::new().route("/hang", get(hang))).await;
    let answer = ask(
        started.address,
        "/hang",
        "x-nines-timeout-ms: 20\r\nx-request-id: r1\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    assert!(
        answer.contains("x-nines-cause: deadline_exceeded") && answer.contains("x-request-id: r1"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_call_that_ends_with_the_callers_time_is_told_as_that() {
    let waits = || async {
        let deadline = crate::call::Call::current().and_then(|call| call.deadline);
        tokio::time::sleep_until(deadline.expect("the caller sets one")).await;
        http::StatusCode::GATEWAY_TIMEOUT
    };
    let started = start(Settings::default(), move |_| Router::new().route("/waits", get(waits))).await;
    let answer = ask(started.address, "/waits", "x-nines-timeout-ms: 20\r\n").await;
    assert!(answer.contains("x-nines-cause: deadline_exceeded"), "{answer}");
}

#[tokio::test]
async fn a_stop_finishes_what_runs_and_closes_what_is_idle() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, outside) = (entered.clone(), release.clone());
    let slow = move || {
        let (entered, release) = (inside.clone(), outside.clone());
        async move {
            entered.notify_one();
            release.notified().await;
            "done"
        }
    };
    let started = start(Settings::default(), move |_| Router::new().route("/slow", get(slow))).await;
    let mut fresh = TcpStream::connect(started.address).await.expect("it listens");
    let mut busy = TcpStream::connect(started.address).await.expect("it listens");
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: t\r\n\r\n")
        .await
        .expect("it reads");
    entered.notified().await;
    started.stop.send(()).expect("it runs");
    let mut nothing = Vec::new();
    fresh
        .read_to_end(&mut nothing)
        .await
        .expect("an idle connection is closed");
    assert!(nothing.is_empty());
    assert!(TcpStream::connect(started.address).await.is_err(), "it accepts no more");
    release.notify_one();
    let mut answer = String::new();
    busy.read_to_string(&mut answer)
        .await
        .expect("the answer and then the end");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
        "{answer}"
    );
    assert!(matches!(started.ended.await, Ok(Some(Ok(true)))));
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = taken.local_addr().expect("a bound port");
    let table = [
        (
            Settings {
                listen,
                ..Settings::default()
            },
            "cannot listen on",
        ),
        (
            Settings {
                servers: vec!["nonsense".into()],
                ..Settings::default()
            },
            "nonsense",
        ),
    ];
    for (settings, part) in table {
        let service = Service::builder("orders").routes(|_| Router::new());
        let error = service
            .run_with(settings, std::future::pending(), |_| {})
            .await
            .expect_err(part);
        assert!(error.to_string().contains(part), "{error}");
    }
    let service = Service::builder("Orders!").routes(|_| Router::new());
    let error = service
        .run_with(Settings::default(), std::future::pending(), |_| {})
        .await
        .expect_err("a bad name");
    assert!(matches!(error, Error::Name(_)), "{error}");
}

#[test]
fn a_refusal_is_shown_and_breaks_nothing() {
    let key = InstanceKey::new(ServiceKey::new("default", "orders"), "1");
    let context = Context::new(Settings::default(), key, Tasks::new(), Clock::system());
    let refused = SessionStatus::Refused {
        instance: "default/orders/1".into(),
        message: "taken".into(),
    };
    keeper::remark(&context, &refused);
    let report = context.health().report();
    assert!(
        report.ready
            && report.checks["control plane"]
                .reason
                .as_deref()
                .is_some_and(|r| r.contains("taken"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_a_control_plane_that_is_away() {
    let tasks = Tasks::new();
    let config = SessionConfig {
        servers: vec!["http://127.0.0.1:1".into()],
        client: "test".into(),
        ttl: DEFAULT_TTL,
    };
    let session = Session::start(config, &tasks).expect("an address");
    let key = InstanceKey::new(ServiceKey::new("default", "orders"), "1");
    let registration = nines_model::Registration {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        ports: Vec::new(),
        labels: Default::default(),
        weight: 100,
        state: nines_model::InstanceState::Ready,
    };
    session.register(key.clone(), registration);
    let start = Instant::now();
    leave_rotation(&session, &key, Duration::from_secs(25)).await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}
