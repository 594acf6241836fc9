//! What the four services of the shop share: an error body, and the header that says who answered.

use axum::Json;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use nines_sdk::{CallError, Context};

/// Who answered: the instance's id and its version, as `orders-v1-1 v1`.
pub const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");

/// An answer that is not what was asked for.
#[derive(Debug)]
pub struct Refusal(pub StatusCode, pub String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(serde_json::json!({ "error": self.1 }))).into_response()
    }
}

/// Another service failed us: a bad gateway, except that its word on the request itself is passed on.
impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        let status = match &error {
            CallError::Status { status, .. } if status.is_client_error() => *status,
            CallError::NoEndpoint { .. } => StatusCode::SERVICE_UNAVAILABLE,
            CallError::Slow { .. } | CallError::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        };
        Refusal(status, error.to_string())
    }
}

/// Nothing of that name.
pub fn unknown(what: &str, id: impl std::fmt::Display) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("there is no {what} {id}"))
}

/// Puts [`SERVED_BY`] on every answer.
pub fn signed(router: Router, context: &Context) -> Router {
    let version = context.settings().labels.get("version").map_or("-", String::as_str);
    let name = format!("{} {version}", context.instance().id);
    match HeaderValue::from_str(&name) {
        Ok(name) => router.layer(from_fn_with_state(name, sign)),
        // A label that no header can hold is left out; the service works without.
        Err(_) => router,
    }
}

async fn sign(State(name): State<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(SERVED_BY, name);
    response
}
