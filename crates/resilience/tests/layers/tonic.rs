//! A tonic server takes the layers in `Server::builder().layer`, and a tonic channel is layered as it is.

use std::convert::Infallible;
use std::future::Future;
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut};
use http::uri::PathAndQuery;
use nines_resilience::breaker::State;
use nines_resilience::layer::{Http, answer, breaker, deadline, limit, panic, timeout};
use nines_resilience::limit::Quota;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{NamedService, UnaryService};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tower::{Service, ServiceBuilder};

use super::net::Server;

/// Messages that are texts.
#[derive(Debug, Clone, Copy, Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        let text = String::from_utf8(bytes.to_vec());
        text.map(Some)
            .map_err(|error| Status::invalid_argument(error.to_string()))
    }
}

/// Its methods are called as what they do, and so are the messages.
#[derive(Debug, Clone)]
struct Echo;

type Boxed<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Boxed<Self::Response, Infallible>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async { Ok(tonic::server::Grpc::new(Text).unary(Echo, request).await) })
    }
}

impl UnaryService<String> for Echo {
    type Response = String;
    type Future = Boxed<Response<String>, Status>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        Box::pin(async move {
            match request.get_ref().as_str() {
                "slow" => std::future::pending().await,
                "panic" => panic!("the password is 1234"),
                "left" => Ok(Response::new(deadline_in_force())),
                other => Ok(Response::new(other.to_owned())),
            }
        })
    }
}

fn deadline_in_force() -> String {
    let now = tokio::time::Instant::now().into_std();
    let left = nines_resilience::deadline::current().and_then(|deadline| deadline.remaining(now));
    left.is_some_and(|left| left <= Duration::from_secs(2)).to_string()
}

/// Others may take their time, however busy the machine is.
fn slow_only(request: &http::Request<Body>) -> Option<Duration> {
    (request.uri().path() == "/test.Echo/slow").then_some(Duration::from_millis(20))
}

async fn serve() -> Server {
    let two = Quota {
        per: Duration::from_secs(3600),
        ..Quota::per_second(NonZeroU32::new(2).expect("from 1"))
    };
    let by_method = |request: &http::Request<Body>| Some(request.uri().path().to_owned());
    let capacity = NonZeroUsize::new(100).expect("over 0");
    let stack = ServiceBuilder::new()
        .layer(answer::Layer::silent())
        .layer(limit::Layer::keyed_by("echo/limit", two, capacity, by_method, Http::new()).expect("a valid layer"))
        .layer(deadline::Layer::new("echo/deadline", deadline::Config::server(), Http::new()).expect("a valid layer"))
        .layer(timeout::Layer::per_request("echo/timeout", slow_only))
        .layer(panic::Layer::new("echo/panic"));
    Server::start(|listener| async move {
        let server = tonic::transport::Server::builder().layer(stack).add_service(Echo);
        let served = server.serve_with_incoming(TcpListenerStream::new(listener)).await;
        served.expect("it serves until it is aborted");
    })
    .await
}

fn channel(server: &Server) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address));
    endpoint.expect("an address").connect_lazy()
}

/// Calls through a layered channel with so much time.
async fn call(server: &Server, message: &str, time: Duration) -> Result<String, Status> {
    let config = deadline::Config {
        default: Some(time),
        ..deadline::Config::client()
    };
    let layered = ServiceBuilder::new()
        .layer(deadline::Layer::new("client", config, Http::new()).expect("a valid layer"))
        .service(channel(server));
    let mut client = tonic::client::Grpc::new(layered);
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let path = PathAndQuery::try_from(format!("/test.Echo/{message}")).expect("a path");
    let answer = client.unary(Request::new(message.to_owned()), path, Text).await;
    answer.map(Response::into_inner)
}

#[tokio::test]
async fn a_tonic_server_answers_for_its_layers_and_a_layered_channel_tells_its_deadline() {
    let server = serve().await;
    let time = Duration::from_secs(2);
    assert_eq!(call(&server, "hello", time).await.expect("an answer"), "hello");
    assert_eq!(call(&server, "left", time).await.expect("an answer"), "true");
    for (message, code, cause) in [
        (
            "slow",
            Code::DeadlineExceeded,
            "upstream_timeout; policy=echo/timeout; wait=",
        ),
        ("panic", Code::Internal, "internal"),
    ] {
        let status = call(&server, message, time).await.expect_err("it is refused");
        assert_eq!(status.code(), code, "{status:?}");
        let told = status.metadata().get("x-nines-cause").expect("the cause is told");
        assert!(told.to_str().expect("ASCII").starts_with(cause), "{told:?}");
    }
}

#[tokio::test]
async fn a_limited_call_is_resource_exhausted_with_the_pushback() {
    let server = serve().await;
    let time = Duration::from_secs(2);
    for _ in 0..2 {
        assert_eq!(call(&server, "hello", time).await.expect("an answer"), "hello");
    }
    let status = call(&server, "hello", time).await.expect_err("it is refused");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(
        status
            .message()
            .starts_with("policy echo/limit refused: rate_limited: requests="),
        "{status:?}"
    );
    assert!(status.metadata().contains_key("grpc-retry-pushback-ms"));
    assert_eq!(call(&server, "other", time).await.expect("another method"), "other");
}

/// The status of a call that failed is in the head of its answer, where the breaker sees it.
#[tokio::test]
async fn a_breaker_around_a_channel_reads_grpc_statuses_and_keeps_the_channels_error() {
    let gone = Server::start(|listener| async move { drop(listener) }).await;
    let config = nines_resilience::breaker::Config {
        consecutive_failures: Some(2),
        ..Default::default()
    };
    let server = serve().await;
    for (target, code) in [(&server, Code::Internal), (&gone, Code::Unavailable)] {
        let breaker = breaker::Layer::new("echo/breaker", config, Http::new()).expect("a valid layer");
        let path = PathAndQuery::from_static("/test.Echo/panic");
        let mut last = Code::Ok;
        for _ in 0..2 {
            let mut client =
                tonic::client::Grpc::new(ServiceBuilder::new().layer(breaker.clone()).service(channel(target)));
            client.ready().await.expect("a lazy channel is ready");
            let answer = client.unary(Request::new("panic".to_owned()), path.clone(), Text).await;
            last = answer.expect_err("it fails").code();
        }
        assert_eq!(last, code);
        assert_eq!(breaker.shared().core.state(), State::Open);
    }
}
