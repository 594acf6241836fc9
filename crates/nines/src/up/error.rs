//! Why a stack does not come up.

use std::net::SocketAddr;
use std::path::PathBuf;

use nines_model::problem::Problem;

/// Why a stack does not come up, or did not pass its checks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}", list(.0))]
    Broken(Vec<Problem>),
    #[error("cannot read {}: {reason}", .path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("cannot write {}: {reason}; choose another place with --data-dir", .path.display())]
    Unwritable { path: PathBuf, reason: String },
    #[error("another `nines up` runs on {}; stop it, or choose another place with --data-dir", .0.display())]
    Locked(PathBuf),
    #[error("{field}: cannot listen on {address} ({reason}); stop what listens there, or choose another port")]
    PortTaken {
        field: String,
        address: SocketAddr,
        reason: String,
    },
    #[error("no free port to be had: {0}")]
    NoPort(String),
    #[error(
        "command `{command}` of service {service}: there is no such program {place}; build or install it, or correct the name"
    )]
    NoCommand {
        service: String,
        command: String,
        place: String,
    },
    #[error("{process} did not start: {why}\nlast lines of {}:\n{tail}", .log.display())]
    NotStarted {
        process: String,
        why: String,
        log: PathBuf,
        tail: String,
    },
    #[error("the control plane refuses {what}: {why}")]
    Refused { what: String, why: String },
    #[error("the stack was not ready within {0:?}; the table above says what it waits for")]
    NotReady(std::time::Duration),
    #[error("{failed} of {total} checks failed")]
    ChecksFailed { failed: usize, total: usize },
    #[error("{0} while draining: stopped at once")]
    CutOff(&'static str),
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Error {
    /// Whether the fault lies in what the user gave us (exit code 2) or in what happened (1).
    pub(crate) fn is_misuse(&self) -> bool {
        matches!(
            self,
            Error::Broken(_)
                | Error::Unreadable { .. }
                | Error::Unwritable { .. }
                | Error::Locked(_)
                | Error::PortTaken { .. }
                | Error::NoCommand { .. }
        )
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
