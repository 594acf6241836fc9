//! Failures, in one shape.

use axum::Json;
use axum::extract::OriginalUri;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use nines_base::Kind;
use nines_wire::rest::{ErrorBody, ErrorDetail, ProblemView};

use crate::error::Error;

/// Result of a handler.
pub(super) type Result<T> = std::result::Result<T, Failure>;

/// A failure as it is answered.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    detail: ErrorDetail,
}

impl Failure {
    /// A failure with the status of its kind.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            status: nines_wire::status::http(kind),
            detail: ErrorDetail {
                kind: kind.as_str().into(),
                message: message.into(),
                path: None,
                problems: Vec::new(),
            },
        }
    }

    /// A field or parameter that is wrong.
    pub(super) fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidArgument, message).at(path)
    }

    pub(super) fn at(mut self, path: impl Into<String>) -> Self {
        self.detail.path = Some(path.into()).filter(|path| !path.is_empty());
        self
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(super) fn with_problems(mut self, problems: Vec<ProblemView>) -> Self {
        self.detail.problems = problems;
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = Failure::new(error.kind(), error.to_string());
        match error {
            Error::Invalid { path, .. } => failure.at(path),
            Error::TooLarge { path, .. } => failure.at(path).with_status(StatusCode::PAYLOAD_TOO_LARGE),
            Error::Problems(problems) => {
                let path = problems.first().map(|problem| problem.path.clone()).unwrap_or_default();
                let problems = problems.iter().map(ProblemView::from).collect();
                failure.at(path).with_problems(problems)
            }
            _ => failure,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(ErrorBody { error: self.detail })).into_response()
    }
}

/// Answers a path that the API does not have.
pub(super) async fn unknown_route(OriginalUri(uri): OriginalUri) -> Failure {
    let path = shorten(uri.path());
    Failure::new(
        Kind::NotFound,
        format!("there is nothing at {path}; /v1/openapi.json lists what there is"),
    )
}

/// Answers a method that the path does not take; the `Allow` header names those it takes.
pub(super) async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> Failure {
    let path = shorten(uri.path());
    Failure::new(
        Kind::InvalidArgument,
        format!("{path} does not take {method}; the allow header names what it takes"),
    )
    .with_status(StatusCode::METHOD_NOT_ALLOWED)
}

fn shorten(path: &str) -> String {
    path.chars().take(200).collect()
}
