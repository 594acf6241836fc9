//! What an operator may set on a data plane, with the defaults of the product.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of one data plane. [`Config::default`] is meant for production.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Worker threads; one per core if absent.
    pub workers: Option<NonZeroUsize>,
    pub admin: Admin,
    pub limits: Limits,
    pub timeouts: Timeouts,
    pub forwarding: Forwarding,
    pub access_log: AccessLog,
}

/// Where `/metrics`, `/livez`, `/readyz` and `/config` are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admin {
    /// Loopback unless set otherwise: the pages carry no authentication.
    pub address: SocketAddr,
}

/// Bounds on what clients and backends may make the proxy hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests being answered at one time, over all workers; one whose head is not complete is none yet.
    pub in_flight: usize,
    /// Client connections, over all workers.
    pub connections: usize,
    /// Bytes of a request or response head.
    pub head_bytes: usize,
    /// Header fields of a head.
    pub headers: usize,
    /// Bytes of a request body; none is no limit.
    pub body_bytes: Option<u64>,
    /// Bytes of a request body kept so that it can be sent again.
    pub replay_bytes: usize,
    /// Idle connections kept per endpoint and worker.
    pub idle_upstreams: usize,
    /// Requests on one client connection, after which it is closed.
    pub requests_per_connection: u64,
}

/// How long to wait for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// A request head, from its first byte to its last.
    pub head: Duration,
    /// A client connection without a request.
    pub client_idle: Duration,
    /// Connecting to an endpoint.
    pub connect: Duration,
    /// A body in either direction without any progress.
    pub body_progress: Duration,
    /// A tunnel without a byte in either direction.
    pub tunnel_idle: Duration,
    /// An idle connection to an endpoint.
    pub upstream_idle: Duration,
    /// How long an endpoint that could not be connected to is passed over while there are others.
    pub penalty: Duration,
}

/// What is told to the backend, and whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarding {
    /// Whether the client is itself a trusted proxy: `x-forwarded-*` and `forwarded` are then continued instead of
    /// replaced, and its `x-request-id` is kept if it is well formed.
    pub trust_client: bool,
    /// `x-forwarded-for`, `x-forwarded-proto` and `x-forwarded-host`.
    pub x_forwarded: bool,
    /// `forwarded` (RFC 7239).
    pub forwarded: bool,
    /// `via` (RFC 9110 section 7.6.3), under this pseudonym.
    pub via: Option<String>,
    /// `x-request-id`, to the backend and back to the client.
    pub request_id: bool,
}

/// Where the access log goes, one JSON object a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AccessLog {
    #[default]
    Off,
    Stdout,
    /// Appended to; a rotation by renaming is followed on the next write.
    File(PathBuf),
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9998),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 10_000,
            connections: 100_000,
            head_bytes: 64 * 1024,
            headers: 100,
            body_bytes: None,
            replay_bytes: 64 * 1024,
            idle_upstreams: 1024,
            requests_per_connection: 1_000_000,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            client_idle: Duration::from_secs(65),
            connect: Duration::from_secs(1),
            body_progress: Duration::from_secs(30),
            tunnel_idle: Duration::from_secs(3600),
            upstream_idle: Duration::from_secs(30),
            penalty: Duration::from_secs(5),
        }
    }
}

impl Default for Forwarding {
    fn default() -> Self {
        Self {
            trust_client: false,
            x_forwarded: true,
            forwarded: false,
            via: None,
            request_id: true,
        }
    }
}

impl Config {
    /// Every mistake, each with the field's path.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        let mut require = |good: bool, text: &str| {
            if !good {
                problems.push(text.to_owned());
            }
        };
        require(self.limits.in_flight > 0, "limits.inFlight: must be at least 1");
        require(self.limits.connections > 0, "limits.connections: must be at least 1");
        require(
            (1024..=1024 * 1024).contains(&self.limits.head_bytes),
            "limits.headBytes: must be between 1 KiB and 1 MiB",
        );
        require(
            (8..=1000).contains(&self.limits.headers),
            "limits.headers: must be between 8 and 1000",
        );
        require(
            self.limits.replay_bytes <= 1024 * 1024,
            "limits.replayBytes: must be at most 1 MiB",
        );
        require(!self.timeouts.head.is_zero(), "timeouts.head: must not be zero");
        require(!self.timeouts.connect.is_zero(), "timeouts.connect: must not be zero");
        require(
            !self.timeouts.body_progress.is_zero(),
            "timeouts.bodyProgress: must not be zero",
        );
        let via = self.forwarding.via.as_deref().unwrap_or("nines");
        require(
            !via.is_empty() && via.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
            "forwarding.via: must be letters, digits, '-', '.' and '_'",
        );
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Config::default().validate(), Ok(()));
    }

    #[test]
    fn every_mistake_is_told() {
        let mut config = Config::default();
        config.limits.in_flight = 0;
        config.timeouts.head = Duration::ZERO;
        config.forwarding.via = Some("a b".into());
        let problems = config.validate().expect_err("three mistakes");
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
