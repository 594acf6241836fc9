//! Successes.

use axum::Json;
use axum::response::{IntoResponse, Response};
use nines_model::Revision;
use nines_wire::rest::REVISION_HEADER;
use serde::Serialize;

/// A body with the revision it is true at, in the header too.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) revision: Revision,
    pub(super) body: T,
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let revision = [(REVISION_HEADER, self.revision.to_string())];
        (revision, Json(self.body)).into_response()
    }
}
