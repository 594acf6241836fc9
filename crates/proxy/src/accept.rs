//! Accepting connections, and how a listener is closed without losing those that wait in its queue.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::connection;
use crate::live::Live;
use crate::snapshot::{ListenerId, ListenerPlan};
use crate::worker::Worker;

/// How long to leave a socket alone after an error such as "too many open files".
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// One listening socket of one worker.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The listener's place in the configuration in force; `None` if it has no such socket any more.
    place: Cell<Option<usize>>,
    /// What the listener was called last.
    name: RefCell<Option<ListenerId>>,
    closing: CancellationToken,
    closed: CancellationToken,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            place: Cell::new(None),
            name: RefCell::default(),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
        }
    }

    /// Takes the listener's place in a new configuration.
    pub(crate) fn set_place(&self, place: Option<usize>, live: &Live) {
        self.place.set(place);
        if let Some(plan) = place.and_then(|place| live.plan(place)) {
            self.name.replace(Some(plan.id.clone()));
        }
    }

    /// What serves those who came through this gate: where the listener has gone to another address, what it is there.
    pub(crate) fn plan<'a>(&self, live: &'a Live) -> Option<&'a ListenerPlan> {
        match self.place.get() {
            Some(place) => live.plan(place),
            None => live.named(self.name.borrow().as_ref()?),
        }
    }

    /// Whether connections that came through this gate may stay.
    pub(crate) fn is_wanted(&self) -> bool {
        self.place.get().is_some()
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
    if let Err(error) = empty_queue(socket, &gate, &worker) {
        tracing::warn!(%error, "cannot accept all connections that wait on a listener that closes");
    }
}

/// The kernel resets whoever is still in the queue when the socket closes. The system is asked itself: the runtime tells
/// of a few connections at a time, and only of those that it has heard of.
fn empty_queue(socket: TcpListener, gate: &Rc<Gate>, worker: &Rc<Worker>) -> io::Result<()> {
    let socket = socket.into_std()?;
    loop {
        let error = match socket.accept() {
            Ok((stream, peer)) => {
                stream.set_nonblocking(true)?;
                admit(TcpStream::from_std(stream)?, peer, gate, worker);
                continue;
            }
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::WouldBlock => return Ok(()),
            _ if is_of_one_connection(&error) => {}
            _ => return Err(error),
        }
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
    if is_of_one_connection(error) {
        return;
    }
    tracing::warn!(%error, "cannot accept connections; trying again");
    tokio::time::sleep(AFTER_ERROR).await;
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream as Peer;
    use std::sync::Arc;

    use nines_base::Clock;

    use crate::access::Writer;
    use crate::config::{AccessLog, Config};
    use crate::listener::{Claim, SocketId};
    use crate::metrics::Metrics;
    use crate::worker::{Command, Handle, Parts};

    fn worker() -> Handle {
        let log = Writer::start(&AccessLog::Off).expect("no log");
        let parts = Parts {
            index: 0,
            config: Arc::new(Config::default()),
            clock: Clock::system(),
            metrics: Metrics::new(1),
            log: log.lines(),
        };
        Handle::start(parts).expect("a thread")
    }

    /// A client that has sent a request to somebody who has not accepted it yet.
    fn queued(address: SocketAddr) -> Peer {
        let mut peer = Peer::connect(address).expect("connected");
        peer.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").expect("sent");
        peer
    }

    #[test]
    fn whoever_waits_in_the_queue_of_a_listener_that_closes_is_answered() {
        let claim = Claim::new("127.0.0.1:0".parse().expect("an address"), 1, []).expect("bound");
        let (address, worker) = (claim.address, worker());
        let socket = claim.listen().expect("listening").remove(0);
        let peers: Vec<Peer> = (0..400).map(|_| queued(address)).collect();
        worker.send(Command::Listen(SocketId::Address(address), socket));
        worker.send(Command::Drain(Duration::from_secs(20)));
        for (number, mut peer) in peers.into_iter().enumerate() {
            let mut answer = String::new();
            let read = peer.read_to_string(&mut answer);
            assert!(answer.starts_with("HTTP/1.1 404"), "client {number}: {read:?} {answer}");
        }
        assert_eq!(worker.join(), 0);
    }
}
