//! Why a job has no result.

use nines_base::{Kind, Retry};

use crate::Refusal;
use crate::layer::{Panicked, Stopped};

/// Why a job has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// It waited too long, or until its deadline: it was not begun.
    #[error("job refused")]
    Refused(#[source] Refusal),
    /// It was under way at its deadline.
    #[error("job stopped")]
    Stopped(#[source] Stopped),
    /// It panicked.
    #[error("job panicked")]
    Panicked(#[source] Panicked),
    /// The pool or its runtime came to an end.
    #[error("job cancelled: the pool has ended")]
    Cancelled,
}

impl Error {
    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Refused(_) | Error::Cancelled => Kind::Unavailable,
            Error::Stopped(_) => Kind::DeadlineExceeded,
            Error::Panicked(_) => Kind::Internal,
        }
    }

    /// Whether it may be submitted again: nothing happened if it was not begun, and who knows what if it was.
    pub fn retry(&self) -> Retry {
        match self {
            Error::Refused(_) => Retry::Safe,
            Error::Stopped(_) | Error::Panicked(_) | Error::Cancelled => Retry::Unknown,
        }
    }
}
