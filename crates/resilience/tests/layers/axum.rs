//! `Router::layer` takes every layer, since what is left of errors is `Infallible`.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use nines_resilience::deadline::{self as cores, Deadline};
use nines_resilience::layer::{Http, KeyBy, answer, deadline, limit, panic, timeout};
use nines_resilience::limit::Quota;
use tower::ServiceBuilder;

use super::net::{HttpClient, Server, client, told};

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

/// The example that tokio-rs/axum#3682 measured: a limit of five let 1500 concurrent requests through, because each
/// connection had a clone with a limit of its own.
#[tokio::test]
async fn axum_3682_a_limit_holds_for_all_connections_together() {
    let five = NonZeroU32::new(5).expect("from 1");
    let quota = Quota {
        per: Duration::from_secs(3600),
        ..Quota::per_second(five)
    };
    let stack = ServiceBuilder::new()
        .layer(answer::Layer::new())
        .layer(limit::Layer::new("app/limit", quota, Http::new()).expect("a valid layer"));
    let app = Router::new().route("/", get(|| async { "hello" })).layer(stack);
    let server = serve(app).await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..100 {
        // A client of its own, so a connection of its own.
        requests.spawn(client().request(server.get("/")));
    }
    let mut granted = 0;
    while let Some(answer) = requests.join_next().await {
        let answer = answer.expect("no panic").expect("an answer");
        if answer.status() == 200 {
            granted += 1;
            continue;
        }
        let headers = answer.headers();
        assert_eq!(headers["ratelimit-policy"], r#""app/limit";q=5"#);
        assert!(
            headers["ratelimit"]
                .to_str()
                .expect("ASCII")
                .starts_with(r#""app/limit";r=0;t="#)
        );
        assert!(headers.contains_key("retry-after"));
        let (status, cause, _) = told(answer).await;
        assert_eq!(
            (status, cause.starts_with("rate_limited; policy=app/limit; requests=")),
            (429, true),
            "{cause}"
        );
    }
    assert_eq!(granted, 5);
}

/// Each client has its own limit, by the address that axum knows of its connection.
#[tokio::test]
async fn a_limit_per_client_reads_the_address_of_axum() {
    let one = Quota {
        per: Duration::from_secs(3600),
        ..Quota::per_second(NonZeroU32::MIN)
    };
    let address = |extensions: &http::Extensions| {
        let info: Option<&ConnectInfo<SocketAddr>> = extensions.get();
        info.map(|info| info.0.ip())
    };
    let inspect = Http::new().client_address(address);
    let capacity = NonZeroUsize::new(1000).expect("over 0");
    let per_client = limit::Layer::keyed("app/client", one, capacity, KeyBy::Client, inspect);
    let stack = ServiceBuilder::new()
        .layer(answer::Layer::new())
        .layer(per_client.expect("a valid layer"));
    let app = Router::new().route("/", get(|| async { "hello" })).layer(stack);
    let server = Server::start(|listener| async move {
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, app).await.expect("it serves until it is aborted");
    })
    .await;
    let from = async |address: [u8; 4]| {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(address.into()));
        let client: HttpClient = Client::builder(TokioExecutor::new()).build(connector);
        client
            .request(server.get("/"))
            .await
            .expect("an answer")
            .status()
            .as_u16()
    };
    assert_eq!([from([127, 0, 0, 1]).await, from([127, 0, 0, 1]).await], [200, 429]);
    assert_eq!([from([127, 0, 0, 2]).await, from([127, 0, 0, 2]).await], [200, 429]);
}
