//! Taking connections: HTTP/1.1 and HTTP/2 (prior knowledge) on one port.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use nines_runtime::Tasks;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::Config;

/// Streams of one HTTP/2 connection: a client needs two, a gateway that multiplexes for others more.
const MAX_STREAMS: u32 = 1024;
const MAX_HEADER_LIST: u32 = 64 << 10;
/// A peer that is gone without a word is noticed by a ping that stays unanswered.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// The pause after a failed accept, such as when file descriptors have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until the tasks are told to stop.
pub(super) async fn run(listener: TcpListener, router: Router, config: &Config, tasks: &Tasks) {
    let stopping = tasks.stopping();
    let slots = Arc::new(Semaphore::new(config.max_connections));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = stopping.cancelled() => return,
        };
        let (stream, peer, slot) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let connection = Connection {
            router: router.clone(),
            peer,
            request_timeout: config.request_timeout,
            stopping: stopping.clone(),
            _slot: slot,
        };
        tasks.spawn("control-connection", connection.serve(stream));
    }
}

/// Waits for a free place first: beyond the limit, connections wait in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
    // The semaphore is never closed; without a permit the connection would only not be counted.
    let slot = slots.clone().acquire_owned().await.ok();
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, slot))
}

struct Connection {
    router: Router,
    peer: SocketAddr,
    request_timeout: Duration,
    stopping: CancellationToken,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let greeted = Arc::new(AtomicBool::new(false));
        let builder = builder(self.request_timeout);
        let (router, peer, seen) = (self.router, self.peer, greeted.clone());
        let service = hyper::service::service_fn(move |mut request: http::Request<Incoming>| {
            seen.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request.map(Body::new))
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        // While the version is not known yet neither protocol's own time-out runs.
        let mut first = std::pin::pin!(tokio::time::sleep(self.request_timeout));
        let mut told = false;
        let result = loop {
            tokio::select! {
                result = connection.as_mut() => break result,
                // Whether a request came is asked now: when the wait began none had.
                () = first.as_mut(), if !first.is_elapsed() => if !greeted.load(Ordering::Relaxed) {
                    return;
                },
                () = self.stopping.cancelled(), if !told => {
                    told = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        };
        if let Err(error) = result {
            tracing::debug!(%peer, %error, "a connection ended with an error");
        }
    }
}

fn builder(request_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(request_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST);
    builder
}
