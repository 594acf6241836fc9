//! What has been tried for a request, and what the client is told when nothing is left to try.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use nines_balance::{Excluded, Shortage};
use nines_model::Cause;

use super::{Failed, Limits};
use crate::exchange::Exchange;
use crate::pipeline::Stop;
use crate::refusal::Refusal;
use crate::route::Backend;
use crate::snapshot;
use crate::worker::{Origin, Upstream};

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoConnection {
    Failed(io::Error),
    Late,
}

/// What has been tried.
#[derive(Debug, Default)]
pub(super) struct Tried {
    pub(super) excluded: Excluded,
    connects: Vec<(SocketAddr, NoConnection)>,
    pub(super) raced: bool,
}

impl NoConnection {
    fn shortage(&self) -> Option<Shortage> {
        match self {
            NoConnection::Failed(error) => Shortage::of(error),
            NoConnection::Late => None,
        }
    }
}

impl Tried {
    /// Takes a failed connect into account; an error if it was the last.
    pub(super) fn connect(
        &mut self,
        exchange: &Exchange<'_>,
        origin: &Origin,
        failure: NoConnection,
        limits: &Limits,
        backend: &Backend,
        now: Instant,
    ) -> Result<(), Stop> {
        self.excluded.add(origin.address);
        self.connects.push((origin.address, failure));
        if limits.is_over(now) {
            return Err(limits.late(exchange, now).with("endpoint", origin.address).into());
        }
        if self.connects.len() as u64 > u64::from(backend.limits.retry.attempts) {
            return Err(self.connect_failed().into());
        }
        exchange.worker.shard().retried_connects.add(1);
        Ok(())
    }

    /// Whether this is the keep-alive race and the request may be sent again.
    pub(super) fn is_race(&self, exchange: &Exchange<'_>, upstream: &Upstream, failed: &Failed) -> bool {
        matches!(failed, Failed::Unanswered(_))
            && upstream.idle_since.is_some()
            && !self.raced
            && !exchange.is_streaming
            && exchange.facts.method.is_idempotent()
    }

    pub(super) fn nobody_left(&self, service: &snapshot::Upstream) -> Refusal {
        if !self.connects.is_empty() {
            return self.connect_failed();
        }
        Refusal::new(Cause::NoEndpoint, "the service has no endpoint that takes traffic")
            .with("service", &service.key)
            .with("endpoints", service.endpoints().len())
    }

    fn connect_failed(&self) -> Refusal {
        let all_late = self.connects.iter().all(|(_, why)| matches!(why, NoConnection::Late));
        let lacks = self.connects.iter().find_map(|(_, why)| why.shortage());
        let (cause, message) = match lacks {
            Some(lacks) => (
                Cause::Overloaded,
                format!("the gateway cannot open a connection: {lacks}"),
            ),
            None if all_late => (
                Cause::ConnectTimeout,
                "no endpoint accepted a connection in time".to_owned(),
            ),
            None => (Cause::ConnectFailed, "no endpoint could be connected to".to_owned()),
        };
        let refusal = Refusal::new(cause, message).with("attempts", self.connects.len());
        self.connects.iter().fold(refusal, |refusal, (address, why)| match why {
            NoConnection::Late => refusal.with("endpoint", format_args!("{address} timed out")),
            NoConnection::Failed(error) => match why.shortage() {
                Some(lacks) => refusal.with("endpoint", address).with("gateway", lacks),
                None => refusal.with("endpoint", format_args!("{address} {}", error.kind())),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_gateway_lacks_is_told_as_its_own() {
        let address = ([127, 0, 0, 1], 9).into();
        let refused = || io::ErrorKind::ConnectionRefused.into();
        for (errors, cause, message) in [
            (
                vec![refused(), io::ErrorKind::AddrNotAvailable.into()],
                Cause::Overloaded,
                "the gateway cannot open a connection: no free local port",
            ),
            (
                vec![io::Error::from_raw_os_error(24)],
                Cause::Overloaded,
                "the gateway cannot open a connection: too many open files in this process, raise",
            ),
            (
                vec![refused()],
                Cause::ConnectFailed,
                "no endpoint could be connected to",
            ),
        ] {
            let connects = errors.into_iter().map(|error| (address, NoConnection::Failed(error)));
            let tried = Tried {
                connects: connects.collect(),
                ..Tried::default()
            };
            let refusal = tried.connect_failed();
            assert_eq!(refusal.cause, cause);
            assert!(refusal.message.starts_with(message), "{}", refusal.message);
            assert!(
                refusal.evidence.contains("endpoint=127.0.0.1:9"),
                "{}",
                refusal.evidence
            );
        }
    }
}
