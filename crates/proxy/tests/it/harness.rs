//! A proxy in this process, backends made of closures, and a client that sees bytes.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nines_base::Clock;
use nines_proxy::config::AccessLog;
use nines_proxy::{Config, DrainReport, Proxy, Source};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anything in a test may take; a hang ends as a failure that says where.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running proxy with its files.
pub(crate) struct Gateway {
    proxy: Proxy,
    dir: TempDir,
}

/// Settings of a test: one worker unless more are wanted, a log in the test's directory.
pub(crate) fn config() -> Config {
    let mut config = Config {
        workers: NonZeroUsize::new(1),
        ..Config::default()
    };
    config.admin.address.set_port(0);
    config
}

/// A Gateway on a free port and one route for everything.
pub(crate) fn simple(backends: &[SocketAddr]) -> String {
    ruled("- backendRefs: [{name: app}]", backends)
}

/// A Gateway on a free port, these rules for every host, and the Service `app`.
pub(crate) fn ruled(rules: &str, app: &[SocketAddr]) -> String {
    format!("{GATEWAY}---\n{}---\n{}", route("", rules), service("app", app))
}

pub(crate) const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: edge}\n\
    spec:\n  gatewayClassName: nines\n  listeners: [{name: http, protocol: HTTP, port: 0}]\n";

/// An HTTPRoute with these rules.
pub(crate) fn route(hostnames: &str, rules: &str) -> String {
    let rules = rules.replace('\n', "\n  ");
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: app}}\nspec:\n  \
         parentRefs: [{{name: edge}}]\n  hostnames: [{hostnames}]\n  rules:\n  {rules}\n"
    )
}

/// A Service with static endpoints.
pub(crate) fn service(name: &str, backends: &[SocketAddr]) -> String {
    let endpoints: Vec<String> = backends.iter().map(|a| format!("{{address: '{a}'}}")).collect();
    format!(
        "apiVersion: nines.dev/v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{endpoints: [{}]}}\n",
        endpoints.join(", ")
    )
}

impl Gateway {
    pub(crate) async fn start(resources: &str) -> Self {
        Self::with(config(), resources).await
    }

    pub(crate) async fn with(mut config: Config, resources: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("gateway.yaml");
        std::fs::write(&file, resources).expect("written");
        config.access_log = AccessLog::File(dir.path().join("access.log"));
        let started = Proxy::start(config, Source::Files(file), Clock::system()).await;
        let proxy = started.unwrap_or_else(|error| panic!("the proxy does not start: {error}"));
        Self { proxy, dir }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.proxy.listener_addrs().first().expect("one listener").1
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address()).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Response {
        let mut client = self.connect().await;
        client.send(&format!("GET {path} HTTP/1.1\r\nhost: app\r\n\r\n")).await;
        client.response().await
    }

    /// Replaces the configuration and waits until `in_force` of `/config` says so.
    pub(crate) async fn edit(&self, resources: &str, in_force: impl Fn(&str) -> bool) {
        self.edit_unseen(resources).await;
        let seen = async {
            while !in_force(&self.admin("/config").await) {
                tokio::task::yield_now().await;
            }
        };
        within("the edit comes into force", seen).await;
    }

    /// Replaces the configuration and waits for nothing.
    pub(crate) async fn edit_unseen(&self, resources: &str) {
        let next = self.dir.path().join("next");
        tokio::fs::write(&next, resources).await.expect("written");
        tokio::fs::rename(&next, self.dir.path().join("gateway.yaml"))
            .await
            .expect("renamed");
    }

    /// The body of an admin page.
    pub(crate) async fn admin(&self, path: &str) -> String {
        let mut client = Client::connect(self.proxy.admin_addr()).await;
        client
            .send(&format!("GET {path} HTTP/1.1\r\nhost: admin\r\n\r\n"))
            .await;
        client.response().await.text()
    }

    /// Waits until no request is in flight, so that all are counted: an answer may arrive before its counters.
    pub(crate) async fn quiet(&self) {
        let quiet = async { while self.metric("nines_proxy_in_flight").await > 0 {} };
        within("no request is in flight", quiet).await;
    }

    /// The value of a metric's sample, given with its labels as they are written.
    pub(crate) async fn metric(&self, sample: &str) -> u64 {
        let text = self.admin("/metrics").await;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0) as u64
    }

    /// Ends the proxy and gives its log lines.
    pub(crate) async fn stop(self) -> Vec<serde_json::Value> {
        self.drain(PATIENCE).await.1
    }

    pub(crate) async fn drain(self, deadline: Duration) -> (DrainReport, Vec<serde_json::Value>) {
        let report = within("the drain ends", self.proxy.shutdown(deadline)).await;
        let log = std::fs::read_to_string(self.dir.path().join("access.log")).expect("a log");
        let lines = log.lines().map(|line| serde_json::from_str(line).expect("a JSON line"));
        (report, lines.collect())
    }

    pub(crate) fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}

/// Fails instead of hanging.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.unwrap_or_else(|_| panic!("waited too long: {what}"))
}

/// A client's connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = within("connecting", TcpStream::connect(address))
            .await
            .expect("connected");
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(crate) fn of(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        within("sending", self.stream.write_all(bytes)).await.expect("sent");
    }

    /// Sends although the peer may be gone.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    pub(crate) async fn shutdown(&mut self) {
        self.stream.shutdown().await.expect("shut down");
    }

    /// Sends a RST instead of a FIN when dropped.
    pub(crate) fn abort(self) {
        socket2::SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("set");
    }

    /// Reads one response to anything but HEAD.
    pub(crate) async fn response(&mut self) -> Response {
        self.try_response(false).await.expect("a response")
    }

    /// Reads one response without body.
    pub(crate) async fn head(&mut self) -> Response {
        self.try_response(true).await.expect("a response")
    }

    /// Reads one response; `None` if the connection ends first.
    pub(crate) async fn try_response(&mut self, no_body: bool) -> Option<Response> {
        let end = self.until(|b| find(b, b"\r\n\r\n")).await?;
        let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).expect("text");
        let status: u16 = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        let mut response = Response {
            status,
            head,
            body: Vec::new(),
            trailers: String::new(),
        };
        if no_body || status < 200 || status == 204 || status == 304 {
            return Some(response);
        }
        if let Some(length) = response.header("content-length") {
            let length: usize = length.parse().expect("a number");
            self.until(|b| (b.len() >= length).then_some(())).await?;
            response.body = self.buffer.drain(..length).collect();
        } else if response.header("transfer-encoding").is_some() {
            self.chunks(&mut response).await?;
        } else {
            self.read_to_end().await;
            response.body = std::mem::take(&mut self.buffer);
        }
        Some(response)
    }

    async fn chunks(&mut self, response: &mut Response) -> Option<()> {
        loop {
            let line = self.line().await?;
            let size = usize::from_str_radix(&line, 16).expect("a chunk size");
            if size == 0 {
                break;
            }
            self.until(|b| (b.len() >= size + 2).then_some(())).await?;
            response.body.extend(self.buffer.drain(..size));
            assert_eq!(self.buffer.drain(..2).collect::<Vec<_>>(), b"\r\n");
        }
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Some(());
            }
            response.trailers += &line;
            response.trailers.push('\n');
        }
    }

    async fn line(&mut self) -> Option<String> {
        let end = self.until(|b| find(b, b"\r\n")).await?;
        let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
        Some(String::from_utf8(line[..end].to_vec()).expect("text"))
    }

    /// Reads a body in chunks: its data and its trailer lines.
    pub(crate) async fn chunked(&mut self) -> (Vec<u8>, String) {
        let mut response = Response {
            status: 0,
            head: String::new(),
            body: Vec::new(),
            trailers: String::new(),
        };
        self.chunks(&mut response).await.expect("a whole body");
        (response.body, response.trailers)
    }

    /// Exactly so many bytes.
    pub(crate) async fn exactly(&mut self, count: usize) -> Vec<u8> {
        self.try_exactly(count).await.expect("as many bytes")
    }

    /// Exactly so many bytes; `None` if the connection ends first.
    pub(crate) async fn try_exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        self.until(|b| (b.len() >= count).then_some(())).await?;
        Some(self.buffer.drain(..count).collect())
    }

    /// Everything until the peer ends its side (or resets it).
    pub(crate) async fn read_to_end(&mut self) {
        let reading = async { while self.more().await {} };
        within("the connection ends", reading).await;
    }

    /// Whether the peer has ended its side with nothing left to read.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.read_to_end().await;
        self.buffer.is_empty()
    }

    /// Reads a head, as a backend does; `None` at the connection's end.
    pub(crate) async fn request(&mut self) -> Option<String> {
        let end = self.until(|b| find(b, b"\r\n\r\n")).await?;
        Some(String::from_utf8(self.buffer.drain(..end + 4).collect()).expect("text"))
    }

    async fn until<T>(&mut self, complete: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = complete(&self.buffer) {
                return Some(found);
            }
            if !within("reading", self.more()).await {
                return None;
            }
        }
    }

    async fn more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer).await;
        read.is_ok_and(|count| count > 0)
    }
}

impl Response {
    /// The first field of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The cause in `x-nines-cause`, without its evidence.
    pub(crate) fn cause(&self) -> &str {
        let line = self.header("x-nines-cause").unwrap_or_default();
        line.split(';').next().unwrap_or_default()
    }
}

/// The first field of that name in a head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().skip(1);
    lines.find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// A backend; each of its connections is handled by one call of a closure.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Backend {
    /// Handles every connection with `handle`.
    #[expect(clippy::disallowed_methods, reason = "a test's backend needs no name")]
    pub(crate) async fn raw<F, R>(handle: F) -> Self
    where
        F: Fn(Client) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(handle(Client::of(stream)));
            }
        });
        Self {
            address,
            connections,
            requests: Arc::default(),
        }
    }

    /// Answers every request by its head and body, on connections that stay open.
    pub(crate) async fn http<F>(answer: F) -> Self
    where
        F: Fn(&str, &[u8]) -> Vec<u8> + Send + Sync + 'static,
    {
        let answer = Arc::new(answer);
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = requests.clone();
        let backend = Self::raw(move |client| serve(client, answer.clone(), seen.clone())).await;
        Self { requests, ..backend }
    }

    /// Answers everything with 200 and its name.
    pub(crate) async fn named(name: &'static str) -> Self {
        Self::http(move |_, _| ok(name)).await
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

async fn serve<F: Fn(&str, &[u8]) -> Vec<u8>>(mut client: Client, answer: Arc<F>, seen: Arc<Mutex<Vec<String>>>) {
    while let Some(head) = client.request().await {
        let length = header(&head, "content-length")
            .and_then(|v| v.parse().ok())
            .unwrap_or(0);
        let body = client.exactly(length).await;
        seen.lock().push(head.clone());
        let bytes = answer(&head, &body);
        if !client.try_send(&bytes).await {
            return;
        }
    }
}

/// A response with a length.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    listener.local_addr().expect("bound")
}
