//! What can go wrong, and whether to try again.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use nines_base::{Kind, Retry};

use crate::SettingsError;

/// Why a service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Settings(#[from] SettingsError),
    #[error("{0}")]
    Name(#[from] nines_model::name::NameError),
    #[error("{0}")]
    Server(#[from] nines_client::BadServer),
    #[error("{0}")]
    Log(#[from] nines_runtime::log::Error),
    #[error("cannot listen on {address}: {source}; free it or set NINES_LISTEN")]
    Bind {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot listen to signals: {0}")]
    Signals(std::io::Error),
}

/// Why a configuration item cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{0}")]
    Name(#[from] nines_model::name::NameError),
}

/// Why a call to another service has no answer. Names the service, and the endpoint where one was tried.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("{service}: no endpoint takes traffic; start an instance of it, or see `nines service show {service}`")]
    NoEndpoint { service: String },
    #[error("{service}: cannot connect to {endpoint} ({reason}), after {attempts} attempts")]
    Connect {
        service: String,
        endpoint: SocketAddr,
        reason: String,
        attempts: u32,
    },
    #[error("{service}: {endpoint} broke off ({reason}), after {attempts} attempts")]
    Broken {
        service: String,
        endpoint: SocketAddr,
        reason: String,
        attempts: u32,
    },
    #[error("{service}: {endpoint} did not answer within {}, after {attempts} attempts", nines_base::duration::format(*.after))]
    Slow {
        service: String,
        endpoint: SocketAddr,
        after: Duration,
        attempts: u32,
    },
    #[error("{service}: no answer within {}", nines_base::duration::format(*.after))]
    Timeout { service: String, after: Duration },
    #[error("{service}: the request cannot be made: {reason}")]
    BadRequest { service: String, reason: String },
    #[error("{service}: the answer's body cannot be read: {reason}")]
    BadBody { service: String, reason: String },
    #[error("{service}: answered {status}: {body}")]
    Status {
        service: String,
        status: StatusCode,
        body: String,
    },
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::Settings(_) | Error::Name(_) | Error::Server(_) | Error::Log(_) => Kind::InvalidArgument,
            Error::Bind { .. } => Kind::FailedPrecondition,
            Error::Signals(_) => Kind::Internal,
        }
    }
}

impl ConfigError {
    pub fn kind(&self) -> Kind {
        Kind::InvalidArgument
    }
}

impl CallError {
    pub fn kind(&self) -> Kind {
        match self {
            CallError::NoEndpoint { .. } | CallError::Connect { .. } => Kind::Unavailable,
            CallError::Broken { .. } => Kind::UnknownOutcome,
            CallError::Slow { .. } | CallError::Timeout { .. } => Kind::DeadlineExceeded,
            CallError::BadRequest { .. } => Kind::InvalidArgument,
            CallError::BadBody { .. } | CallError::Status { .. } => Kind::Internal,
        }
    }

    /// Whether the caller may make the same call again.
    pub fn retry(&self) -> Retry {
        self.kind().retry()
    }
}

/// A handler may end with `?`: 503 where nobody was reached, 504 where the time was over, 502 for what the other service
/// did, 500 for a request that could not be made.
impl IntoResponse for CallError {
    fn into_response(self) -> Response {
        let (status, kind) = match &self {
            CallError::NoEndpoint { .. } => (StatusCode::SERVICE_UNAVAILABLE, "no_endpoint"),
            CallError::Connect { .. } => (StatusCode::SERVICE_UNAVAILABLE, "connect_failed"),
            CallError::Broken { .. } => (StatusCode::BAD_GATEWAY, "upstream_reset"),
            CallError::Slow { .. } | CallError::Timeout { .. } => (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"),
            CallError::BadBody { .. } | CallError::Status { .. } => (StatusCode::BAD_GATEWAY, "upstream_protocol"),
            CallError::BadRequest { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let error = serde_json::json!({"error": {"kind": kind, "message": self.to_string()}});
        (status, Json(error)).into_response()
    }
}
