//! Load at a constant rate: requests start on schedule whether or not earlier ones were answered, so a stall shows as
//! what it is. Raw sockets, so that nothing between the test and the gateway tries again.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// One answer, or why there was none.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) sent: Instant,
    pub(crate) took: Duration,
    pub(crate) outcome: Result<Answer, String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// A load that runs until it is stopped.
#[derive(Debug)]
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    samples: Arc<Mutex<Vec<Sample>>>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    /// `rate` requests a second for `path`, spread over `connections` keep-alive connections.
    #[expect(clippy::disallowed_methods, reason = "a test owns its tasks")]
    pub(crate) fn start(gateway: SocketAddr, path: &str, rate: u32, connections: u32) -> Self {
        let (stop, samples) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let every = Duration::from_secs(1) * connections / rate;
        let start = Instant::now();
        let client = |number: u32| {
            let (path, stop, samples) = (path.to_string(), stop.clone(), samples.clone());
            let first = start + every * number / connections;
            tokio::spawn(async move {
                let mut connection = Connection::new(gateway);
                let mut due = first;
                while !stop.load(Ordering::Relaxed) {
                    tokio::time::sleep_until(due).await;
                    let sent = Instant::now();
                    let outcome = connection.get(&path).await.map_err(|error| error.to_string());
                    samples.lock().push(Sample {
                        sent,
                        took: sent.elapsed(),
                        outcome,
                    });
                    due += every;
                }
            })
        };
        let clients = (0..connections).map(client).collect();
        Self { stop, samples, clients }
    }

    /// Waits until this many answers are in.
    pub(crate) async fn until(&self, count: usize) {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while self.samples.lock().len() < count {
            tick.tick().await;
        }
    }

    /// Answers so far.
    pub(crate) fn count(&self) -> usize {
        self.samples.lock().len()
    }

    pub(crate) async fn stop(self) -> Vec<Sample> {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("a load client does not panic");
        }
        std::mem::take(&mut *self.samples.lock())
    }
}

/// The samples that are not an answer with status 200.
pub(crate) fn failures(samples: &[Sample]) -> Vec<String> {
    let describe = |sample: &Sample| match &sample.outcome {
        Ok(answer) if answer.status == 200 => None,
        Ok(answer) => Some(format!(
            "{} {:?} {}",
            answer.status,
            answer.headers.get("x-nines-cause"),
            answer.body
        )),
        Err(error) => Some(error.clone()),
    };
    samples.iter().filter_map(describe).collect()
}

/// One keep-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    pub(crate) async fn get(&mut self, path: &str) -> io::Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: shop.local\r\n\r\n");
        self.exchange(request.as_bytes()).await
    }

    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(self.address).await?,
        };
        stream.set_nodelay(true)?;
        stream.write_all(request).await?;
        let answer = read_answer(&mut stream).await?;
        if answer.headers.get("connection").is_none_or(|value| value != "close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

async fn read_answer(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::with_capacity(1024);
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("closed after {} bytes", bytes.len()),
            ));
        }
    };
    let (status, headers) = parse_head(&String::from_utf8_lossy(&bytes[..head]))?;
    let length: usize = headers
        .get("content-length")
        .and_then(|value| value.parse().ok())
        .unwrap_or(0);
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed within the body"));
        }
    }
    Ok(Answer {
        status,
        headers,
        body: String::from_utf8_lossy(&bytes[head..]).into_owned(),
    })
}

fn parse_head(head: &str) -> io::Result<(u16, BTreeMap<String, String>)> {
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no status line"))?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    Ok((
        status,
        headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_string()))
            .collect(),
    ))
}
