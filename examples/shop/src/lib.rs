//! What the four services of the shop share: an error body, and the header that says who answered.

use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request, State};
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
        (self.0, Json(serde_json::json!({"error": {"message": self.1}}))).into_response()
    }
}

/// A JSON body. One that cannot be read is refused in the same shape as everything else.
#[derive(Debug, FromRequest)]
#[from_request(via(Json), rejection(Refusal))]
pub struct Body<T>(pub T);

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Refusal(rejection.status(), rejection.body_text())
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body as Bytes;
    use axum::http::Method;

    #[tokio::test]
    async fn a_body_that_cannot_be_read_is_refused_like_everything_else() {
        for (json, status) in [("x", 400), ("[]", 422), ("3", 200)] {
            let request = Request::builder()
                .method(Method::POST)
                .header("content-type", "application/json")
                .body(Bytes::from(json))
                .expect("a good request");
            let result = Body::<u32>::from_request(request, &()).await;
            let response = result.map_or_else(Refusal::into_response, |_| StatusCode::OK.into_response());
            assert_eq!(response.status(), status, "{json}");
            if status != 200 {
                let body = axum::body::to_bytes(response.into_body(), 10_000)
                    .await
                    .expect("a body");
                let error: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
                assert!(error["error"]["message"].is_string(), "{error}");
            }
        }
    }
}
