//! How the control plane fails.

use std::fmt;
use std::net::SocketAddr;

use nines_base::{Kind, Retry};
use nines_model::problem::Problem;

/// Result of a control-plane operation.
pub type Result<T> = std::result::Result<T, Error>;

/// How the control plane fails.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// One field of the request is wrong.
    #[error("{message}")]
    Invalid { path: String, message: String },
    /// A document has mistakes, all of them listed.
    #[error("{}", summary(.0))]
    Problems(Vec<Problem>),
    /// More than a bound allows.
    #[error("{message}")]
    TooLarge { path: &'static str, message: String },
    /// The named thing does not exist.
    #[error("{0}")]
    NotFound(String),
    /// Somebody else changed it, or holds it.
    #[error("{0}")]
    Conflict(String),
    /// The system is not in the state that the call needs.
    #[error("{0}")]
    FailedPrecondition(String),
    /// A count or size is at its bound.
    #[error("{0}")]
    Exhausted(String),
    /// Nothing was done; a later try may succeed.
    #[error("{0}")]
    Unavailable(String),
    /// The write is done, but this server has not seen it in time.
    #[error("{0}")]
    Lagging(String),
    /// The server cannot listen.
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: SocketAddr, reason: String },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] nines_store::Error),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// A wrong field, with what is wrong about it.
    pub fn invalid(path: impl Into<String>, message: impl fmt::Display) -> Self {
        Error::Invalid {
            path: path.into(),
            message: message.to_string(),
        }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Invalid { .. } | Error::Problems(_) => Kind::InvalidArgument,
            Error::TooLarge { .. } | Error::Exhausted(_) => Kind::ResourceExhausted,
            Error::NotFound(_) => Kind::NotFound,
            Error::Conflict(_) => Kind::Conflict,
            Error::FailedPrecondition(_) | Error::Listen { .. } => Kind::FailedPrecondition,
            Error::Unavailable(_) => Kind::Unavailable,
            Error::Lagging(_) => Kind::UnknownOutcome,
            Error::Store(error) => error.kind(),
            Error::Internal(_) => Kind::Internal,
        }
    }

    /// Whether the caller may try again.
    pub fn retry(&self) -> Retry {
        self.kind().retry()
    }
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [] => "the document is wrong".into(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}
