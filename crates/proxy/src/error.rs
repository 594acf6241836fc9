use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use nines_base::{Kind, Retry};
use nines_model::problem::Problem;

/// Why the data plane cannot start or cannot take a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the proxy's settings are wrong: {}", .0.join("; "))]
    Config(Vec<String>),
    #[error("cannot listen on {address}: {source}; free the address or choose another port")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot serve the admin pages on {address}: {source}; choose another address with --admin")]
    Admin { address: SocketAddr, source: io::Error },
    #[error("cannot open the access log {}: {source}", path.display())]
    AccessLog { path: PathBuf, source: io::Error },
    #[error("cannot start a worker thread: {0}")]
    Thread(io::Error),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot watch {} for changes: {source}", path.display())]
    Watch { path: PathBuf, source: notify::Error },
    #[error("the configuration is wrong:\n{}", list(.0))]
    Problems(Vec<Problem>),
    #[error("the configuration has no Gateway of class nines with a listener any more; the one before stays in force")]
    NoListener,
    #[error("the control plane's address is wrong: {0}")]
    Control(String),
}

impl Error {
    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Config(_) | Error::Problems(_) | Error::NoListener | Error::Control(_) => Kind::InvalidArgument,
            Error::Listen { .. } | Error::Admin { .. } => Kind::FailedPrecondition,
            Error::AccessLog { .. } | Error::Read { .. } | Error::Watch { .. } => Kind::FailedPrecondition,
            Error::Thread(_) => Kind::ResourceExhausted,
        }
    }

    /// What the caller may do.
    pub fn retry(&self) -> Retry {
        self.kind().retry()
    }
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    lines.join("\n")
}
