//! What a call came to, as policies see it.

use std::time::Duration;

/// Whom an outcome speaks for or against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The callee did its work. A client's mistake (most 4xx) is a success of the callee.
    Success,
    /// The callee failed: 5xx, reset, timeout, panic.
    Failure,
    /// The callee is healthy and asks for less: 429, or 503 with Retry-After. Not a failure to a breaker; not accepted
    /// to the adaptive throttle.
    Throttled,
    /// Says nothing of the callee: cancelled by the caller, refused on our side.
    Ignored,
}

/// Whether the same call may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// The answer stands.
    Never,
    /// Only if the request is idempotent (RFC 9110 section 9.2.2): it may have been processed.
    IfIdempotent,
    /// Always: it was surely not processed (connect failed, refused before processing).
    Safe,
}

/// An outcome with what policies need to act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    pub outcome: Outcome,
    pub repeat: Repeat,
    /// The callee's own word on when to come again (RFC 9110 section 10.2.3).
    pub retry_after: Option<Duration>,
}

impl Observed {
    /// The callee did its work.
    pub const SUCCESS: Self = Self {
        outcome: Outcome::Success,
        repeat: Repeat::Never,
        retry_after: None,
    };

    /// The callee failed and may have processed the request.
    pub const FAILURE: Self = Self {
        outcome: Outcome::Failure,
        repeat: Repeat::IfIdempotent,
        retry_after: None,
    };

    /// The stricter word of two attempts, with this one's outcome: the longer pause, and never if one says never.
    pub(crate) fn stricter(self, other: Self) -> Self {
        let strictness = |repeat: Repeat| match repeat {
            Repeat::Never => 2,
            Repeat::IfIdempotent => 1,
            Repeat::Safe => 0,
        };
        let other_is = strictness(other.repeat) > strictness(self.repeat);
        Self {
            repeat: if other_is { other.repeat } else { self.repeat },
            retry_after: self.retry_after.max(other.retry_after),
            ..self
        }
    }

    /// Says nothing of the callee.
    pub const IGNORED: Self = Self {
        outcome: Outcome::Ignored,
        repeat: Repeat::Never,
        retry_after: None,
    };
}
