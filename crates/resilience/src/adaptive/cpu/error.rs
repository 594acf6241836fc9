//! Why the load cannot be measured.

use std::io;
use std::path::{Path, PathBuf};

use nines_base::{Kind, Retry};

/// Why the load cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the system cannot be read.
    #[error("cannot read {}: {source}; the load is measured on Linux with /proc mounted: mount it, or leave `shed` out", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// A file of the system says something that is not known.
    #[error("cannot make out {}; leave `shed` out, and tell us what it says", path.display())]
    Malformed { path: PathBuf },
}

impl Error {
    pub(super) fn malformed(path: &Path) -> Self {
        let path = path.to_owned();
        Error::Malformed { path }
    }

    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Unreadable { .. } => Kind::Unavailable,
            Error::Malformed { .. } => Kind::Internal,
        }
    }

    /// Reading again does no harm.
    pub fn retry(&self) -> Retry {
        Retry::Safe
    }
}
