//! What an answer says of the callee, and whether the call may be made again.
//!
//! HTTP, after RFC 9110 and Envoy's `retry-on: gateway-error`:
//!
//! | status | outcome | again | why |
//! |---|---|---|---|
//! | 429 | throttled | safe | refused before it was processed (RFC 6585 section 4) |
//! | 503 with Retry-After | throttled | if idempotent | the callee is well enough to name a time |
//! | 502, 503, 504 | failure | if idempotent | a hop in between failed; the origin may have done the work |
//! | other 5xx | failure | never | the callee did process it, and mostly fails the same way again |
//! | 499 | ignored | never | the client left (nginx's convention) |
//! | all else | success | never | done, or the client's own mistake |
//!
//! gRPC, after the documentation of the status codes and proposal A6 (retry pushback):
//!
//! | status | outcome | again |
//! |---|---|---|
//! | UNAVAILABLE, DEADLINE_EXCEEDED | failure | if idempotent |
//! | UNKNOWN, INTERNAL, DATA_LOSS, no such code | failure | never |
//! | RESOURCE_EXHAUSTED | throttled | safe with a pushback, else never: a message too large says this too |
//! | CANCELLED | ignored | never |
//! | all else | success | never |
//!
//! A pushback that is no number, or below 0, forbids another try for every code.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use super::pushback::{digits, retry_after};
use crate::{Observed, Outcome, Repeat};

/// The callee surely did not process the request: the connect failed, HTTP/2 refused the stream (REFUSED_STREAM, or a
/// GOAWAY that leaves it out: RFC 9113 section 8.7), nothing was sent.
pub const UNPROCESSED: Observed = Observed {
    outcome: Outcome::Failure,
    repeat: Repeat::Safe,
    retry_after: None,
};

/// Reads an HTTP answer. `wall` is the wall time, against which a date in Retry-After counts; one that cannot be read is
/// taken as absent, and of several the longest counts.
pub fn http(status: StatusCode, headers: &HeaderMap, wall: SystemTime) -> Observed {
    let pause = match status.as_u16() {
        429 | 502..=504 => asked(headers, wall),
        _ => None,
    };
    let (outcome, repeat) = match status.as_u16() {
        429 => (Outcome::Throttled, Repeat::Safe),
        503 if pause.is_some() => (Outcome::Throttled, Repeat::IfIdempotent),
        502..=504 => (Outcome::Failure, Repeat::IfIdempotent),
        499 => (Outcome::Ignored, Repeat::Never),
        500.. => (Outcome::Failure, Repeat::Never),
        _ => (Outcome::Success, Repeat::Never),
    };
    Observed {
        outcome,
        repeat,
        retry_after: pause,
    }
}

/// Reads the status of a gRPC answer, as a number so that codes to come stay readable; `trailers` are searched for
/// `grpc-retry-pushback-ms`.
pub fn grpc(code: u32, trailers: &HeaderMap) -> Observed {
    let pushback = pushback(trailers);
    let (outcome, repeat) = match code {
        1 => (Outcome::Ignored, Repeat::Never),
        4 | 14 => (Outcome::Failure, Repeat::IfIdempotent),
        8 => (Outcome::Throttled, exhausted(pushback)),
        2 | 13 | 15 | 17.. => (Outcome::Failure, Repeat::Never),
        _ => (Outcome::Success, Repeat::Never),
    };
    Observed {
        outcome,
        repeat: if pushback == Pushback::Stop {
            Repeat::Never
        } else {
            repeat
        },
        retry_after: match pushback {
            Pushback::After(wait) if repeat != Repeat::Never => Some(wait),
            _ => None,
        },
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pushback {
    Absent,
    After(Duration),
    Stop,
}

fn exhausted(pushback: Pushback) -> Repeat {
    match pushback {
        Pushback::After(_) => Repeat::Safe,
        Pushback::Absent | Pushback::Stop => Repeat::Never,
    }
}

fn pushback(trailers: &HeaderMap) -> Pushback {
    let Some(value) = trailers.get("grpc-retry-pushback-ms") else {
        return Pushback::Absent;
    };
    match digits(value.as_bytes()) {
        Some(millis) => Pushback::After(Duration::from_millis(millis)),
        None => Pushback::Stop,
    }
}

fn asked(headers: &HeaderMap, wall: SystemTime) -> Option<Duration> {
    let values = headers.get_all(RETRY_AFTER).iter();
    values
        .filter_map(|value| retry_after(value.as_bytes(), wall).ok())
        .max()
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
