//! Listening sockets: one per worker and address, sharing the port by SO_REUSEPORT.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::snapshot::{ListenerId, ListenerPlan};

/// Connections that may wait to be accepted, per worker.
const BACKLOG: i32 = 4096;

/// Which socket a listener has: it survives a new name of the listener, and a listener without a port of its own keeps
/// the port that the system chose.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum SocketId {
    Address(SocketAddr),
    Name(ListenerId),
}

impl SocketId {
    pub(crate) fn of(plan: &ListenerPlan) -> Self {
        if plan.address.port() == 0 {
            Self::Name(plan.id.clone())
        } else {
            Self::Address(plan.address)
        }
    }
}

/// An address that is ours, on which nobody can connect yet: it may be given up without having turned anybody away.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) address: SocketAddr,
    sockets: Vec<Socket>,
}

impl Claim {
    /// Claims an address with `count` sockets; port 0 becomes one port for all of them. `ours` are the addresses that
    /// this process holds already.
    pub(crate) fn new(
        address: SocketAddr,
        count: usize,
        ours: impl IntoIterator<Item = SocketAddr>,
    ) -> io::Result<Self> {
        if !ours.into_iter().any(|held| overlap(held, address)) {
            refuse_taken(address)?;
        }
        let first = bound(address)?;
        let address = first.local_addr()?.as_socket().unwrap_or(address);
        let mut sockets = vec![first];
        while sockets.len() < count {
            sockets.push(bound(address)?);
        }
        Ok(Self { address, sockets })
    }

    /// Lets clients connect.
    pub(crate) fn listen(self) -> io::Result<Vec<TcpListener>> {
        let listen = |socket: Socket| {
            socket.listen(BACKLOG)?;
            socket.set_nonblocking(true)?;
            Ok(socket.into())
        };
        self.sockets.into_iter().map(listen).collect()
    }
}

/// Whether a socket on one address is in the way of one on the other. The same process may have both, as when a listener
/// goes from one address of the host to all of them.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip(), other.ip());
    one.port() == other.port() && a.is_ipv4() == b.is_ipv4() && (a == b || a.is_unspecified() || b.is_unspecified())
}

/// SO_REUSEPORT would let two proxies of one user share a port without a word, so a bind without it asks first.
fn refuse_taken(address: SocketAddr) -> io::Result<()> {
    let probe = socket(address)?;
    probe.bind(&address.into())
}

fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(address: &str, count: usize, ours: &[SocketAddr]) -> io::Result<Claim> {
        Claim::new(address.parse().expect("an address"), count, ours.iter().copied())
    }

    #[test]
    fn all_sockets_share_the_port_the_system_chose() {
        let claim = claim("127.0.0.1:0", 3, &[]).expect("bound");
        let address = claim.address;
        assert_ne!(address.port(), 0);
        let sockets = claim.listen().expect("listening");
        assert_eq!(sockets.len(), 3);
        for socket in &sockets {
            assert_eq!(socket.local_addr().expect("bound"), address);
        }
    }

    #[test]
    fn a_port_that_another_proxy_holds_is_refused() {
        let held = claim("127.0.0.1:0", 1, &[]).expect("bound");
        let address = held.address;
        let _held = held.listen().expect("listening");
        let error = claim(&address.to_string(), 1, &[]).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn nobody_can_connect_to_a_claim() {
        let claim = claim("127.0.0.1:0", 1, &[]).expect("bound");
        let error = std::net::TcpStream::connect(claim.address).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn an_address_of_our_own_is_not_in_the_way() {
        let held = claim("127.0.0.1:0", 1, &[]).expect("bound");
        let address = held.address;
        let _held = held.listen().expect("listening");
        let everywhere = format!("0.0.0.0:{}", address.port());
        let error = claim(&everywhere, 1, &[]).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        for wanted in [everywhere, address.to_string()] {
            let claim = claim(&wanted, 2, &[address]).expect("bound");
            claim.listen().expect("listening");
        }
    }
}
