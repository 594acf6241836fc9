//! Loopback servers and clients of the tests.

use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The legacy client is a tower service, cheap to clone.
pub(super) type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// A server on a free port. It is aborted with its handle.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "the test owns the task")]
    pub(super) async fn start<F, S>(serve: S) -> Self
    where
        S: FnOnce(TcpListener) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let task = tokio::spawn(serve(listener));
        Self { address, task }
    }

    pub(super) fn get(&self, path: &str) -> Request<Full<Bytes>> {
        let request = Request::get(format!("http://{}{path}", self.address));
        request.body(Full::default()).expect("a request")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Status, `x-nines-cause` and body.
pub(super) async fn told<B>(response: Response<B>) -> (u16, String, String)
where
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let cause = response.headers().get("x-nines-cause");
    let cause = cause.map_or(String::new(), |cause| {
        String::from_utf8_lossy(cause.as_bytes()).into_owned()
    });
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, cause, String::from_utf8_lossy(&body).into_owned())
}
