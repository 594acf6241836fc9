//! What an idle keep-alive connection costs: resident memory before and after, divided by their number.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result};

use super::system::Running;

/// Opens connections, sends one request on each, leaves them idle and reads the growth. Kernel memory is not counted,
/// for any of the systems.
pub(crate) fn bytes_per_connection(system: &Running, count: usize) -> Result<f64> {
    let warm = open(system.port(), 500)?;
    let before = system.resident()?;
    let idle = open(system.port(), count)?;
    let after = system.resident()?;
    drop((warm, idle));
    Ok((after as f64 - before as f64) / count as f64)
}

fn open(port: u16, count: usize) -> Result<Vec<TcpStream>> {
    (0..count)
        .map(|n| exchange(port).with_context(|| format!("connection {n} of {count}")))
        .collect()
}

fn exchange(port: u16) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /orders/1 HTTP/1.1\r\nHost: bench\r\n\r\n")?;
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer)?;
    anyhow::ensure!(answer[..read].starts_with(b"HTTP/1.1 200"), "unexpected answer");
    Ok(stream)
}
