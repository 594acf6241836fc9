//! What an answer of our own says.

use std::fmt::Write;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use nines_model::Cause;

use super::Body;
use crate::layer::Fault;

/// Names the cause and its evidence: `cause; key=value; key=value`.
pub const CAUSE: HeaderName = HeaderName::from_static("x-nines-cause");

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// What an answer of our own says, before it is written as HTTP or gRPC.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub cause: Cause,
    /// The value of `x-nines-cause`.
    pub line: String,
    /// For people.
    pub why: String,
    /// When another try can succeed, if that is known.
    pub retry_after: Option<Duration>,
}

impl Report {
    /// The report of a fault.
    #[cold]
    pub fn of(fault: Fault<'_>) -> Box<Self> {
        let cause = fault.cause();
        let why = match fault {
            Fault::Refused(refusal) => refusal.to_string(),
            Fault::Stopped(stopped) => stopped.to_string(),
            // What a panic says may be nobody else's business; it is in the error for the service's own log.
            Fault::Panicked(_) => "the service panicked".to_owned(),
            Fault::Malformed(bad) => bad.to_string(),
        };
        Box::new(Self {
            cause,
            line: line(fault, cause),
            why,
            retry_after: fault.refusal().and_then(|refusal| refusal.refused.retry_after),
        })
    }

    /// The answer to an HTTP request.
    pub fn http<D>(&self, body: &impl Body<D>) -> Response<D> {
        let mut response = Response::new(body.text(format!("{}: {}\n", self.cause, self.why)));
        let status = StatusCode::from_u16(self.cause.status());
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CAUSE, value(&self.line));
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        }
        response
    }

    /// The answer to a gRPC request: its status is in the head and there is no message ("Trailers-Only" in gRPC over
    /// HTTP/2); the time to come again is the pushback of proposal A6.
    pub fn grpc<D>(&self, body: &impl Body<D>) -> Response<D> {
        let mut response = Response::new(body.empty());
        let headers: &mut HeaderMap = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(GRPC_STATUS, HeaderValue::from(grpc_code(self.cause)));
        headers.insert(GRPC_MESSAGE, value(&percent_encoded(&self.why)));
        headers.insert(CAUSE, value(&self.line));
        if let Some(after) = self.retry_after {
            let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            headers.insert(GRPC_PUSHBACK, HeaderValue::from(millis));
        }
        response
    }
}

fn line(fault: Fault<'_>, cause: Cause) -> String {
    let Some(refusal) = fault.refusal() else {
        return cause.to_string();
    };
    let evidence = &refusal.refused.evidence.to_string().replace(' ', "; ");
    format!("{cause}; policy={}; {evidence}", refusal.policy)
}

/// Rounded up: who comes a little late is let through, and who comes early is refused again.
fn whole_seconds(after: Duration) -> u64 {
    after.as_secs() + u64::from(after.subsec_nanos() > 0)
}

/// What a header cannot bear is replaced.
fn value(text: &str) -> HeaderValue {
    let clean = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
    let clean: String = text.chars().map(clean).collect();
    HeaderValue::try_from(clean).unwrap_or(HeaderValue::from_static("internal"))
}

/// `grpc-message`: what is no printable ASCII, and the percent sign, are percent-encoded.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'%' | 0..b' ' | 0x7f.. => write!(out, "%{byte:02X}").expect("a string takes all"),
            _ => out.push(char::from(byte)),
        }
        out
    })
}

/// The gRPC status that goes with a cause, after the table of HTTP statuses in gRPC's documentation, but exact where the
/// cause says more than the status.
fn grpc_code(cause: Cause) -> u16 {
    match cause {
        Cause::ClientClosed => 1,
        Cause::BadRequest | Cause::HeadTooLarge | Cause::BodyTooLarge => 3,
        Cause::DeadlineExceeded | Cause::UpstreamTimeout | Cause::ConnectTimeout | Cause::RequestTimeout => 4,
        Cause::Denied => 7,
        Cause::RateLimited => 8,
        Cause::NoRoute => 12,
        Cause::Internal => 13,
        Cause::BreakerOpen
        | Cause::ConnectFailed
        | Cause::Draining
        | Cause::FaultInjected
        | Cause::NoEndpoint
        | Cause::Overloaded
        | Cause::Redirected
        | Cause::UpstreamProtocol
        | Cause::UpstreamReset => 14,
    }
}
