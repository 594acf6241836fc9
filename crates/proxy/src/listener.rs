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

/// Opens `count` sockets on one address; port 0 becomes one port for all of them.
pub(crate) fn bind(address: SocketAddr, count: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    refuse_taken(address)?;
    let first = open(address)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    while sockets.len() < count {
        sockets.push(open(address)?);
    }
    Ok((address, sockets))
}

/// SO_REUSEPORT would let two proxies of one user share a port without a word, so a bind without it asks first.
fn refuse_taken(address: SocketAddr) -> io::Result<()> {
    let probe = socket(address)?;
    probe.bind(&address.into())
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
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

    #[test]
    fn all_sockets_share_the_port_the_system_chose() {
        let (address, sockets) = bind("127.0.0.1:0".parse().expect("an address"), 3).expect("bound");
        assert_ne!(address.port(), 0);
        for socket in &sockets {
            assert_eq!(socket.local_addr().expect("bound"), address);
        }
    }

    #[test]
    fn a_port_that_another_proxy_holds_is_refused() {
        let (address, _held) = bind("127.0.0.1:0".parse().expect("an address"), 1).expect("bound");
        let error = bind(address, 1).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
