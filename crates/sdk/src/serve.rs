//! Serves a router over HTTP/1.1 and HTTP/2, and stops without breaking a request.

mod arrival;
mod flight;
mod metrics;
mod observe;
mod system;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use nines_runtime::Tasks;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use arrival::{Arrival, Head};
use flight::Flight;
pub(crate) use metrics::Metrics;
pub(crate) use observe::observe;
pub(crate) use system::Started;
pub(crate) use system::router as system_router;

/// How long a head may take from its first byte to its last.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request. Longer than clients keep it (the gateway and the client here 30 s,
/// most others 60 s), so that it is they who close it, and no request is sent into a connection that ends.
const IDLE: Duration = Duration::from_secs(75);
/// A connection on which nothing runs is closed so long after the stop: a head that is on its way still gets in.
const LINGER: Duration = Duration::from_millis(250);
/// After a failed accept (no file descriptor left, for example) the next try waits so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Server {
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Server {
    /// Accepts until it is stopped.
    pub(crate) fn start(listener: TcpListener, router: Router, tasks: &Tasks) -> Self {
        let server = Self {
            stop: CancellationToken::new(),
            connections: TaskTracker::new(),
        };
        let accepting = accept(
            listener,
            router,
            server.stop.clone(),
            server.connections.clone(),
            tasks.clone(),
        );
        tasks.spawn("accept", accepting);
        server
    }

    /// Stops accepting, answers what runs with `Connection: close`, closes what is idle; waits for all of it, at most
    /// for `deadline`. Whether everything ended by itself.
    pub(crate) async fn stop(&self, deadline: Duration) -> bool {
        self.stop.cancel();
        self.connections.close();
        tokio::time::timeout(deadline, self.connections.wait()).await.is_ok()
    }
}

async fn accept(listener: TcpListener, router: Router, stop: CancellationToken, open: TaskTracker, tasks: Tasks) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = open.track_future(connection(stream, router.clone(), stop.clone()));
                tasks.spawn("connection", connection);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    serve(stream, router, stop).await;
}

async fn serve<S>(stream: S, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (flight, head) = (Flight::default(), Head::new());
    let (counted, arrived) = (flight.clone(), head.clone());
    let service = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        arrived.ends();
        let (mut router, counted) = (router.clone(), counted.enter());
        async move {
            let Ok(response) = router.call(request.map(axum::body::Body::new)).await;
            Ok::<_, Infallible>(response.map(|body| axum::body::Body::new(counted.with(body))))
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
    builder.http2().timer(TokioTimer::new());
    let stream = TokioIo::new(Arrival::new(stream, head.clone(), flight.clone()));
    let mut serving = pin!(builder.serve_connection_with_upgrades(stream, TowerToHyperService::new(service)));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = head.is_late(HEAD_TIMEOUT) => Err("the head of a request took too long".into()),
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            // A connection that has not sent its first request would be waited for until its head times out.
            tokio::select! {
                ended = serving.as_mut() => ended,
                () = flight.idle_for(LINGER) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection broke off");
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}
