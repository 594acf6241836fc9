//! Accepting connections, and how a listener is closed without losing those that wait in its queue.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::connection;
use crate::worker::Worker;

/// How long to leave a socket alone after an error such as "too many open files".
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// One listening socket of one worker.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The listener's place in the configuration in force ([`crate::live::Live::plan`]).
    pub(crate) place: Cell<Option<usize>>,
    closing: CancellationToken,
    closed: CancellationToken,
}

impl Gate {
    pub(crate) fn new(place: Option<usize>) -> Self {
        Self {
            place: Cell::new(place),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
        }
    }

    /// Asks for the end.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    /// Waits until the socket is closed.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

/// Accepts until the gate closes.
pub(crate) async fn run(socket: TcpListener, gate: Rc<Gate>, worker: Rc<Worker>) {
    let _closed = gate.closed.clone().drop_guard();
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((stream, peer)) => admit(stream, peer, &gate, &worker),
                Err(error) => pause(&error).await,
            },
            () = gate.closing.cancelled() => break,
        }
    }
    // The kernel resets whoever is still in the queue when the socket closes.
    while let Some(Ok((stream, peer))) = socket.accept().now_or_never() {
        admit(stream, peer, &gate, &worker);
    }
}

/// Gives the connection a task of its own.
fn admit(stream: TcpStream, peer: SocketAddr, gate: &Rc<Gate>, worker: &Rc<Worker>) {
    if worker.metrics.connections() >= worker.config.limits.connections as u64 {
        worker.shard().connections_refused.add(1);
        connection::refuse(&stream, worker);
        return;
    }
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let open = connection::Open::new(worker.clone());
    let client = connection::Client::new(stream, peer, gate.clone(), open);
    tokio::task::spawn_local(connection::serve(client));
}

/// An error of one connection is the next one's business; anything else (no file descriptors, no memory) needs time.
async fn pause(error: &io::Error) {
    if matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    ) {
        return;
    }
    tracing::warn!(%error, "cannot accept connections; trying again");
    tokio::time::sleep(AFTER_ERROR).await;
}
