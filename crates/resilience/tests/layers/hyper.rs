//! A hyper connection takes a layered service through `TowerToHyperService`, and hyper-util's client is layered as it is.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use nines_resilience::layer::{Http, answer, deadline, retry, timeout};
use nines_resilience::retry::{Budget, BudgetConfig, Config, History};
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use super::net::{Server, client, told};

/// Serves one connection after the other, each with a clone of the service.
async fn serve<S>(listener: TcpListener, service: S)
where
    S: Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let service = TowerToHyperService::new(service.clone());
        connections.spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            // How a connection ends is not this test's business.
            let _ended = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Others may take their time, however busy the machine is.
fn slow_only(request: &Request<Incoming>) -> Option<Duration> {
    (request.uri().path() == "/slow").then_some(Duration::from_millis(20))
}

#[tokio::test]
async fn a_hyper_server_answers_for_its_layers() {
    let stack = ServiceBuilder::new()
        .layer(answer::Layer::new())
        .layer(timeout::Layer::per_request("echo/timeout", slow_only));
    let service = stack.service(service_fn(async |request: Request<Incoming>| {
        if request.uri().path() == "/slow" {
            std::future::pending::<()>().await;
        }
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello")))
    }));
    let server = Server::start(|listener| serve(listener, service)).await;
    let answer = client().request(server.get("/")).await.expect("an answer");
    assert_eq!(told(answer).await, (200, String::new(), "hello".into()));
    let (status, cause, body) = told(client().request(server.get("/slow")).await.expect("an answer")).await;
    assert_eq!(status, 504);
    assert!(
        cause.starts_with("upstream_timeout; policy=echo/timeout; wait="),
        "{cause}"
    );
    assert!(
        body.starts_with("upstream_timeout: policy echo/timeout stopped the call: "),
        "{body}"
    );
}

#[tokio::test]
async fn a_hyper_client_tries_again_and_tells_its_deadline() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
        let attempt = request.headers().get("x-nines-attempt").cloned();
        let told_time = request.headers().contains_key("x-nines-timeout-ms");
        let mut response = Response::new(Full::<Bytes>::from(format!("{attempt:?} {told_time}")));
        if number < 3 {
            *response.status_mut() = StatusCode::BAD_GATEWAY;
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let server = Server::start(|listener| serve(listener, service)).await;
    let now = tokio::time::Instant::now().into_std();
    let budget = Arc::new(Budget::new(BudgetConfig::default(), now).expect("a valid budget"));
    let layered = ServiceBuilder::new()
        .layer(deadline::Layer::new("echo", deadline::Config::client(), Http::new()).expect("a valid layer"))
        .layer(retry::Layer::new("echo", Config::default(), budget, Http::cloning()).expect("a valid layer"))
        .service(client());
    let response = layered
        .oneshot(server.get("/"))
        .await
        .expect("the third attempt succeeds");
    assert_eq!(response.extensions().get::<History>().map(History::count), Some(2));
    assert_eq!(told(response).await, (200, String::new(), "Some(\"3\") true".into()));
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

/// Whether the client got so far as to have a connection.
fn unsent(error: &(dyn Error + 'static)) -> bool {
    let client = error.downcast_ref::<hyper_util::client::legacy::Error>();
    client.is_some_and(hyper_util::client::legacy::Error::is_connect)
}

/// Nothing was sent, so even a POST is tried again.
#[tokio::test]
async fn a_connection_that_never_came_about_is_safe_to_try_again() {
    let gone = Server::start(|listener| async move { drop(listener) }).await;
    let now = tokio::time::Instant::now().into_std();
    let budget = Arc::new(Budget::new(BudgetConfig::default(), now).expect("a valid budget"));
    let inspect = Http::cloning().unsent(unsent);
    let layer = retry::Layer::new("echo", Config::default(), budget, inspect).expect("a valid layer");
    let layered = ServiceBuilder::new().layer(layer).service(client());
    let mut request = gone.get("/");
    *request.method_mut() = http::Method::POST;
    let address = gone.address;
    drop(gone);
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let error = layered.oneshot(request).await.expect_err("nobody listens");
    assert!(
        error
            .to_string()
            .starts_with("call failed 3 times, no other try (exhausted)"),
        "{error}"
    );
}
