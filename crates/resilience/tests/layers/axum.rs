//! `Router::layer` takes every layer, since what is left of errors is `Infallible`.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use nines_resilience::deadline::{self as cores, Deadline};
use nines_resilience::layer::{Http, answer, deadline, panic, timeout};
use tower::ServiceBuilder;

use super::net::{Server, client, told};

async fn serve(app: Router) -> Server {
    Server::start(|listener| async move {
        axum::serve(listener, app).await.expect("it serves until it is aborted");
    })
    .await
}

/// Others may take their time, however busy the machine is.
fn slow_only(request: &axum::extract::Request) -> Option<Duration> {
    (request.uri().path() == "/slow").then_some(Duration::from_millis(20))
}

fn guarded(app: Router) -> Router {
    let stack = ServiceBuilder::new()
        .layer(answer::Layer::new())
        .layer(deadline::Layer::new("app/deadline", deadline::Config::server(), Http::new()).expect("a valid layer"))
        .layer(timeout::Layer::per_request("app/timeout", slow_only))
        .layer(panic::Layer::new("app/panic"));
    app.layer(stack)
}

#[tokio::test]
async fn a_router_answers_for_its_layers() {
    let left = get(|| async {
        let left =
            cores::current().and_then(|deadline: Deadline| deadline.remaining(tokio::time::Instant::now().into_std()));
        format!("{}", left.is_some_and(|left| left <= Duration::from_secs(2)))
    });
    let app = Router::new()
        .route("/left", left)
        .route("/slow", get(std::future::pending::<String>))
        .route("/panic", get(|| async { panic!("the password is 1234") as String }));
    let server = serve(guarded(app)).await;
    let send = async |path: &str, timeout: &'static str| {
        let mut request = server.get(path);
        let timeout = http::HeaderValue::from_static(timeout);
        request.headers_mut().insert("x-nines-timeout-ms", timeout);
        told(client().request(request).await.expect("an answer")).await
    };
    assert_eq!(send("/left", "2000").await, (200, String::new(), "true".into()));
    let (status, cause, _) = send("/slow", "2000").await;
    assert_eq!(
        (status, cause.starts_with("upstream_timeout; policy=app/timeout; wait=")),
        (504, true),
        "{cause}"
    );
    let (status, cause, _) = send("/left", "0").await;
    assert_eq!(
        (status, cause.starts_with("deadline_exceeded; policy=app/deadline")),
        (504, true),
        "{cause}"
    );
    let (status, cause, _) = send("/left", "soon").await;
    assert_eq!((status, &*cause), (400, "bad_request"));
    let (status, cause, body) = send("/panic", "2000").await;
    assert_eq!(
        (status, &*cause, &*body),
        (500, "internal", "internal: the service panicked\n")
    );
}
