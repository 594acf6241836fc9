//! Connections to the endpoints of one service, each made within the time that its policy allows.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use nines_model::governing::Limits;
use tokio::net::TcpStream;
use tokio::time::timeout;

const POOL_IDLE: Duration = Duration::from_secs(30);

type BoxError = Box<dyn Error + Send + Sync>;
pub(crate) type Http = Client<Connector, Full<Bytes>>;

/// Connects within `limits.connect`.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    http: HttpConnector,
    limits: Arc<ArcSwap<Limits>>,
}

/// A client with its own pool of connections that follows the limits.
pub(crate) fn http(limits: Arc<ArcSwap<Limits>>) -> Http {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_timer(TokioTimer::new())
        .build(Connector { http, limits })
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.http.call(uri);
        let limit = self.limits.load().connect;
        Box::pin(async move {
            let Some(limit) = limit else {
                return Ok(connecting.await?);
            };
            match timeout(limit, connecting).await {
                Ok(connected) => Ok(connected?),
                Err(_) => Err(format!("no connection within {}", nines_base::duration::format(limit)).into()),
            }
        })
    }
}
