//! How the store fails.

use std::path::PathBuf;

use nines_base::{Kind, Retry};

use crate::types::{LeaseId, Revision};

/// Result of a store operation.
pub type Result<T> = std::result::Result<T, Error>;

/// How the store fails. It never repeats a transaction by itself.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The revision asked for has been compacted away.
    #[error("revision is compacted; the oldest that can be read is {oldest}")]
    Compacted { oldest: Revision },
    /// The revision asked for lies in the future.
    #[error("revision {asked} is in the future; the newest is {newest}")]
    FutureRevision { asked: Revision, newest: Revision },
    /// The lease does not exist or has ended.
    #[error("lease {} does not exist or has ended; grant a new one", .0.0)]
    LeaseNotFound(LeaseId),
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// Another process holds the data directory.
    #[error("{} is in use by another nines server; stop it or choose another --data-dir", .0.display())]
    Locked(PathBuf),
    /// The file was written by a newer version.
    #[error("{} has store format {found}, this version reads up to {supported}; run the newer nines", .path.display())]
    NewerFormat { path: PathBuf, found: u32, supported: u32 },
    /// The disk refused; nothing was done.
    #[error("cannot {action} {}: {reason}", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        reason: String,
    },
    /// The file does not say what a store's file says.
    #[error("{} is damaged: {reason}; restore it from a backup, or move it away to start empty", .path.display())]
    Corrupt { path: PathBuf, reason: String },
    /// All keys and values together have reached the bound.
    #[error("the store is full ({limit} bytes of keys and values); delete keys or raise its limit")]
    Full { limit: u64 },
    /// The write may or may not have happened.
    #[error("the outcome of the write is unknown: {0}")]
    UnknownOutcome(String),
    /// The store is closed or cannot be reached; nothing was done.
    #[error("the store is not available: {0}")]
    Unavailable(String),
}

impl Error {
    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Compacted { .. } => Kind::Compacted,
            Error::FutureRevision { .. } | Error::Invalid(_) => Kind::InvalidArgument,
            Error::LeaseNotFound(_) => Kind::NotFound,
            Error::Locked(_) | Error::NewerFormat { .. } => Kind::FailedPrecondition,
            Error::Corrupt { .. } => Kind::Internal,
            Error::Full { .. } => Kind::ResourceExhausted,
            Error::UnknownOutcome(_) => Kind::UnknownOutcome,
            Error::Io { .. } | Error::Unavailable(_) => Kind::Unavailable,
        }
    }

    /// Whether the caller may try again.
    pub fn retry(&self) -> Retry {
        self.kind().retry()
    }
}
