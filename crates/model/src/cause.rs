//! Why Nines answered in place of the service: one closed list.

use std::fmt;

/// Every response that Nines itself makes carries one of these, with its evidence, in the `x-nines-cause` header, the
/// access log, the span and the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    NoRoute,
    NoEndpoint,
    BreakerOpen,
    RateLimited,
    Overloaded,
    ConnectFailed,
    ConnectTimeout,
    UpstreamReset,
    UpstreamTimeout,
    DeadlineExceeded,
    UpstreamProtocol,
    BadRequest,
    HeadTooLarge,
    BodyTooLarge,
    RequestTimeout,
    ClientClosed,
    Denied,
    FaultInjected,
    Draining,
    Redirected,
    Internal,
}

impl Cause {
    /// All of them, in the order of the list.
    pub const ALL: [Cause; 21] = [
        Cause::NoRoute,
        Cause::NoEndpoint,
        Cause::BreakerOpen,
        Cause::RateLimited,
        Cause::Overloaded,
        Cause::ConnectFailed,
        Cause::ConnectTimeout,
        Cause::UpstreamReset,
        Cause::UpstreamTimeout,
        Cause::DeadlineExceeded,
        Cause::UpstreamProtocol,
        Cause::BadRequest,
        Cause::HeadTooLarge,
        Cause::BodyTooLarge,
        Cause::RequestTimeout,
        Cause::ClientClosed,
        Cause::Denied,
        Cause::FaultInjected,
        Cause::Draining,
        Cause::Redirected,
        Cause::Internal,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::NoRoute => "no_route",
            Cause::NoEndpoint => "no_endpoint",
            Cause::BreakerOpen => "breaker_open",
            Cause::RateLimited => "rate_limited",
            Cause::Overloaded => "overloaded",
            Cause::ConnectFailed => "connect_failed",
            Cause::ConnectTimeout => "connect_timeout",
            Cause::UpstreamReset => "upstream_reset",
            Cause::UpstreamTimeout => "upstream_timeout",
            Cause::DeadlineExceeded => "deadline_exceeded",
            Cause::UpstreamProtocol => "upstream_protocol",
            Cause::BadRequest => "bad_request",
            Cause::HeadTooLarge => "head_too_large",
            Cause::BodyTooLarge => "body_too_large",
            Cause::RequestTimeout => "request_timeout",
            Cause::ClientClosed => "client_closed",
            Cause::Denied => "denied",
            Cause::FaultInjected => "fault_injected",
            Cause::Draining => "draining",
            Cause::Redirected => "redirected",
            Cause::Internal => "internal",
        }
    }

    /// The HTTP status that goes with it (RFC 9110 section 15; 499 is nginx's convention and only logged).
    pub fn status(self) -> u16 {
        match self {
            Cause::BadRequest => 400,
            Cause::Denied => 403,
            Cause::NoRoute => 404,
            Cause::RequestTimeout => 408,
            Cause::BodyTooLarge => 413,
            Cause::RateLimited => 429,
            Cause::HeadTooLarge => 431,
            Cause::ClientClosed => 499,
            Cause::Internal => 500,
            Cause::ConnectFailed | Cause::UpstreamReset | Cause::UpstreamProtocol => 502,
            Cause::NoEndpoint | Cause::BreakerOpen | Cause::Overloaded | Cause::FaultInjected | Cause::Draining => 503,
            Cause::ConnectTimeout | Cause::UpstreamTimeout | Cause::DeadlineExceeded => 504,
            Cause::Redirected => 302,
        }
    }

    /// Its place in [`Cause::ALL`], for counters kept in an array.
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(Cause::ALL.iter().enumerate().all(|(i, c)| c.index() == i));
    }
}
