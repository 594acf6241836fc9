//! What kind of failure an error is, and whether the caller may try again.

use std::fmt;

/// The kinds of failure that cross a crate's border. Each crate's error type has `kind()`; `nines-wire` maps a kind
/// to an HTTP or gRPC status in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The input is wrong and stays wrong.
    InvalidArgument,
    /// The named thing does not exist.
    NotFound,
    /// A thing of that name exists.
    AlreadyExists,
    /// A compare-and-set met another version.
    Conflict,
    /// The system is not in the state that the call needs.
    FailedPrecondition,
    /// The revision asked for is compacted away.
    Compacted,
    /// The caller may not do this.
    PermissionDenied,
    /// A bound is reached: size, count, disk.
    ResourceExhausted,
    /// The peer cannot be reached; nothing was done.
    Unavailable,
    /// The time was up.
    DeadlineExceeded,
    /// It is not known whether the write happened.
    UnknownOutcome,
    /// A fault of ours.
    Internal,
}

/// What the caller of a failed operation may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nothing happened: the same call may be made again.
    Safe,
    /// Something may have happened: look before trying again.
    Unknown,
    /// The same call fails again.
    Never,
}

impl Kind {
    /// The stable name used in JSON errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::InvalidArgument => "invalid_argument",
            Kind::NotFound => "not_found",
            Kind::AlreadyExists => "already_exists",
            Kind::Conflict => "conflict",
            Kind::FailedPrecondition => "failed_precondition",
            Kind::Compacted => "compacted",
            Kind::PermissionDenied => "permission_denied",
            Kind::ResourceExhausted => "resource_exhausted",
            Kind::Unavailable => "unavailable",
            Kind::DeadlineExceeded => "deadline_exceeded",
            Kind::UnknownOutcome => "unknown_outcome",
            Kind::Internal => "internal",
        }
    }

    /// Whether an operation that failed in this way may be repeated.
    pub fn retry(self) -> Retry {
        match self {
            Kind::Unavailable => Retry::Safe,
            Kind::DeadlineExceeded | Kind::UnknownOutcome => Retry::Unknown,
            _ => Retry::Never,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
