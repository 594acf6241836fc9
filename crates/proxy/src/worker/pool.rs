//! A worker's connections to endpoints: idle ones in a stack per endpoint, the last used on top.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::metrics::{Endpoint, Metrics};

/// Every endpoint this worker has talked to lately.
#[derive(Debug)]
pub(crate) struct Pool {
    worker: usize,
    metrics: Metrics,
    idle_per_endpoint: usize,
    origins: RefCell<HashMap<SocketAddr, Rc<Origin>>>,
    /// Until when endpoints are passed over because they could not be connected to. Mostly empty.
    penalties: RefCell<Vec<(SocketAddr, Instant)>>,
}

/// One endpoint as this worker sees it.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    worker: usize,
    counts: Arc<[CachePadded<Endpoint>]>,
    idle: RefCell<Vec<Idle>>,
    max_idle: usize,
    last_used: Cell<Option<Instant>>,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
    opened: Instant,
}

/// A connection for one request.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) stream: TcpStream,
    pub(crate) origin: Rc<Origin>,
    pub(crate) opened: Instant,
    /// When it last went idle; `None` on its first request.
    pub(crate) idle_since: Option<Instant>,
}

impl Pool {
    pub(crate) fn new(worker: usize, metrics: Metrics, idle_per_endpoint: usize) -> Self {
        Self {
            worker,
            metrics,
            idle_per_endpoint,
            origins: RefCell::default(),
            penalties: RefCell::default(),
        }
    }

    /// The endpoint at that address.
    pub(crate) fn origin(&self, address: SocketAddr) -> Rc<Origin> {
        if let Some(origin) = self.origins.borrow().get(&address) {
            return origin.clone();
        }
        let origin = Rc::new(Origin {
            address,
            worker: self.worker,
            counts: self.metrics.endpoint(&address.to_string()),
            idle: RefCell::default(),
            max_idle: self.idle_per_endpoint,
            last_used: Cell::new(None),
        });
        self.origins.borrow_mut().insert(address, origin.clone());
        origin
    }

    /// Passes the endpoint over until then.
    pub(crate) fn penalise(&self, address: SocketAddr, until: Instant) {
        let mut penalties = self.penalties.borrow_mut();
        penalties.retain(|(other, _)| *other != address);
        penalties.push((address, until));
    }

    /// The endpoint works again.
    pub(crate) fn pardon(&self, address: SocketAddr) {
        if !self.penalties.borrow().is_empty() {
            self.penalties.borrow_mut().retain(|(other, _)| *other != address);
        }
    }

    /// The endpoints to pass over now.
    pub(crate) fn penalised(&self, now: Instant, mut each: impl FnMut(SocketAddr)) {
        for (address, until) in self.penalties.borrow().iter() {
            if *until > now {
                each(*address);
            }
        }
    }

    /// Closes connections that have been idle for too long or that their endpoint has closed, and forgets endpoints
    /// that have not been used for as long.
    pub(crate) fn prune(&self, now: Instant, max_idle: Duration) {
        self.penalties.borrow_mut().retain(|(_, until)| *until > now);
        let expired = |since: Instant| now.saturating_duration_since(since) >= max_idle;
        self.origins.borrow_mut().retain(|_, origin| {
            let mut idle = origin.idle.borrow_mut();
            idle.retain(|idle| !expired(idle.since) && is_quiet(&idle.stream));
            !idle.is_empty() || Rc::strong_count(origin) > 1 || !origin.last_used.get().is_none_or(expired)
        });
    }

    /// Idle connections over all endpoints.
    #[cfg(test)]
    fn idle(&self) -> usize {
        self.origins.borrow().values().map(|o| o.idle.borrow().len()).sum()
    }
}

impl Origin {
    /// This worker's counters of the endpoint.
    pub(crate) fn counts(&self) -> &Endpoint {
        &self.counts[self.worker]
    }

    /// The connection used last that is still open. Bytes that nobody asked for count as closed: they would be taken
    /// for the answer to the next request.
    pub(crate) fn reuse(self: &Rc<Self>, now: Instant, max_idle: Duration) -> Option<Upstream> {
        let mut stack = self.idle.borrow_mut();
        while let Some(idle) = stack.pop() {
            let fresh = now.saturating_duration_since(idle.since) < max_idle;
            if fresh && is_quiet(&idle.stream) {
                self.counts().reuses.add(1);
                return Some(Upstream {
                    stream: idle.stream,
                    origin: self.clone(),
                    opened: idle.opened,
                    idle_since: Some(idle.since),
                });
            }
        }
        None
    }

    /// A new connection, for one request.
    pub(crate) fn opened(self: &Rc<Self>, stream: TcpStream, now: Instant) -> Upstream {
        self.counts().connects.add(1);
        Upstream {
            stream,
            origin: self.clone(),
            opened: now,
            idle_since: None,
        }
    }
}

impl Upstream {
    /// Gives the connection back after a complete exchange.
    pub(crate) fn park(self, now: Instant) {
        let mut stack = self.origin.idle.borrow_mut();
        self.origin.last_used.set(Some(now));
        if stack.len() < self.origin.max_idle {
            stack.push(Idle {
                stream: self.stream,
                since: now,
                opened: self.opened,
            });
        }
    }
}

/// Whether the endpoint has neither sent nor closed, as far as the last look at the sockets tells; no system call
/// unless it looks otherwise.
fn is_quiet(stream: &TcpStream) -> bool {
    match stream.try_io(Interest::READABLE, || Ok(())) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
        Err(_) => false,
        Ok(()) => matches!(stream.try_read(&mut [0; 1]), Err(e) if e.kind() == io::ErrorKind::WouldBlock),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_base::Clock;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    const MINUTE: Duration = Duration::from_secs(60);

    async fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let address = listener.local_addr().expect("bound");
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        (client.expect("connected"), server.expect("accepted").0)
    }

    async fn setup() -> (Pool, Rc<Origin>, TcpListener, Instant) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let pool = Pool::new(0, Metrics::new(1), 2);
        let origin = pool.origin(listener.local_addr().expect("bound"));
        (pool, origin, listener, Clock::system().now())
    }

    #[tokio::test]
    async fn the_connection_used_last_comes_first() {
        let (_pool, origin, listener, now) = setup().await;
        let (first, _a) = pair(&listener).await;
        let (second, _b) = pair(&listener).await;
        let port = second.local_addr().expect("connected").port();
        origin.opened(first, now).park(now);
        origin.opened(second, now).park(now);
        let taken = origin.reuse(now, MINUTE).expect("two are idle");
        assert_eq!(taken.stream.local_addr().expect("connected").port(), port);
        assert!(taken.idle_since.is_some());
    }

    #[tokio::test]
    async fn a_closed_connection_is_not_reused() {
        let (_pool, origin, listener, now) = setup().await;
        let (client, server) = pair(&listener).await;
        drop(server);
        client.readable().await.expect("the end is readable");
        origin.opened(client, now).park(now);
        assert!(origin.reuse(now, MINUTE).is_none());
    }

    #[tokio::test]
    async fn a_connection_with_unasked_bytes_is_not_reused() {
        let (_pool, origin, listener, now) = setup().await;
        let (client, mut server) = pair(&listener).await;
        server
            .write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
            .await
            .expect("sent");
        client.readable().await.expect("readable");
        origin.opened(client, now).park(now);
        assert!(origin.reuse(now, MINUTE).is_none());
    }

    #[tokio::test]
    async fn the_stack_is_bounded_and_idle_connections_expire() {
        let (pool, origin, listener, now) = setup().await;
        let mut servers = Vec::new();
        for _ in 0..3 {
            let (client, server) = pair(&listener).await;
            origin.opened(client, now).park(now);
            servers.push(server);
        }
        assert_eq!(pool.idle(), 2);
        drop(origin);
        pool.prune(now + MINUTE, MINUTE);
        assert_eq!(pool.idle(), 0);
        assert!(pool.origins.borrow().is_empty());
    }

    #[test]
    fn a_penalty_ends() {
        let pool = Pool::new(0, Metrics::new(1), 2);
        let now = Clock::system().now();
        let address: SocketAddr = "127.0.0.1:1".parse().expect("an address");
        let penalised = |at| {
            let mut found = Vec::new();
            pool.penalised(at, |a| found.push(a));
            found
        };
        pool.penalise(address, now + MINUTE);
        assert_eq!(penalised(now), [address]);
        assert!(penalised(now + MINUTE).is_empty());
        pool.pardon(address);
        assert!(penalised(now).is_empty());
    }
}
