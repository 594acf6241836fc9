//! Connections to the control plane, and when to try again.

use std::time::Duration;

use nines_base::{Backoff, Rng};
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};

const RECONNECT: Backoff = Backoff {
    base: Duration::from_millis(100),
    max: Duration::from_secs(5),
};
/// A stream that lived for less is no success: were it one, a control plane that ends each stream at once would be asked
/// anew without a pause.
const STEADY: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// HTTP/2 pings at this interval find a dead connection that nobody has closed.
const PING_INTERVAL: Duration = Duration::from_secs(3);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// The control-plane replicas, tried in turn. It never gives up; it only waits longer.
#[derive(Debug)]
pub(crate) struct Servers {
    endpoints: Vec<Endpoint>,
    next: usize,
    failures: u32,
    rng: Rng,
}

/// An address that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is not the address of a control plane ({reason}); write for example http://127.0.0.1:9999")]
pub struct BadServer {
    pub url: String,
    pub reason: String,
}

impl Servers {
    pub(crate) fn new(urls: &[String], mut rng: Rng) -> Result<Self, BadServer> {
        let endpoints = urls.iter().map(|url| endpoint(url)).collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(BadServer {
                url: String::new(),
                reason: "no address given".into(),
            });
        }
        // Each client starts elsewhere, so that the replicas share the load.
        let next = rng.below(endpoints.len() as u64) as usize;
        Ok(Self {
            endpoints,
            next,
            failures: 0,
            rng,
        })
    }

    /// Connects to the next replica.
    pub(crate) async fn connect(&mut self) -> Result<Channel, tonic::transport::Error> {
        let endpoint = &self.endpoints[self.next];
        self.next = (self.next + 1) % self.endpoints.len();
        endpoint.connect().await
    }

    /// A stream has ended that worked since then, if it did at all: after one that lasted the next wait is the shortest
    /// again.
    pub(crate) fn ended(&mut self, live_since: Option<Instant>) {
        if live_since.is_some_and(|since| since.elapsed() >= STEADY) {
            self.failures = 0;
        }
    }

    /// How long to wait before the next try: 0.05 to 0.1 s at first, 2.5 to 5 s in the end.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = RECONNECT.delay_at_least_half(self.failures, &mut self.rng);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }
}

fn endpoint(url: &str) -> Result<Endpoint, BadServer> {
    let bad = |reason: String| BadServer {
        url: url.into(),
        reason,
    };
    if !url.starts_with("http://") {
        return Err(bad("it must start with http://".into()));
    }
    let endpoint = Endpoint::from_shared(url.to_string()).map_err(|error| bad(error.to_string()))?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true))
}

/// Why a stream ended, in the words that help: the innermost reason.
pub(crate) fn reason(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_address_is_named() {
        for url in ["127.0.0.1:9999", "https://x", ""] {
            let error = Servers::new(&[url.into()], Rng::seeded(1)).expect_err(url);
            assert_eq!(error.url, url);
        }
        assert!(Servers::new(&[], Rng::seeded(1)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_and_start_over_after_a_stream_that_lasted() {
        let mut servers = Servers::new(&["http://127.0.0.1:1".into()], Rng::seeded(1)).expect("an address");
        for _ in 0..20 {
            assert!(servers.wait() <= Duration::from_secs(5));
        }
        assert!(servers.wait() >= Duration::from_millis(2500));
        let begun = Instant::now();
        tokio::time::advance(STEADY - Duration::from_millis(1)).await;
        for no_success in [None, Some(begun)] {
            servers.ended(no_success);
            assert!(servers.wait() >= Duration::from_millis(2500));
        }
        tokio::time::advance(Duration::from_millis(1)).await;
        servers.ended(Some(begun));
        assert!(servers.wait() <= Duration::from_millis(100));
    }
}
