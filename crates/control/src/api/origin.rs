//! Pages of other sites may not use a visitor's browser to change anything here.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use nines_base::Kind;

use super::error::Failure;

/// Refuses writes that a browser sends for a page of another site (W3C Fetch Metadata; programs send no such header).
pub(super) async fn refuse_other_pages(request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site").map(|value| value.as_bytes());
    let foreign = !matches!(site, None | Some(b"same-origin" | b"none"));
    if foreign && !request.method().is_safe() {
        let message = "a page of another site may not change anything here; send the request from a program";
        return Failure::new(Kind::PermissionDenied, message).into_response();
    }
    next.run(request).await
}
