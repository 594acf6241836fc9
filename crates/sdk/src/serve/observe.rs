//! What happens around every request: trace, deadline, metrics, and a panic that stays one request's.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderValue, StatusCode};
use nines_model::Cause;
use prometheus_client::metrics::gauge::Gauge;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::metrics::{Metrics, Route, method_name};
use crate::call::{CAUSE, Call, REQUEST_ID};

/// The outermost middleware.
pub(crate) async fn observe(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let call = Call::read(request.headers(), start);
    let route = route(&request);
    let span = tracing::info_span!(
        "request",
        trace_id = format!("{:032x}", call.trace_id),
        request_id = call.request_id.to_str().unwrap_or_default(),
        method = route.method,
        route = route.route,
    );
    let _in_flight = InFlight::enter(&metrics.in_flight);
    let request_id = call.request_id.clone();
    let handled = handle(call, request, next, &metrics).instrument(span.clone());
    let mut response = handled.await;
    response.headers_mut().insert(REQUEST_ID, request_id);
    let (status, took) = (response.status(), start.elapsed());
    span.in_scope(|| log(status, took));
    metrics.answered(route, status.as_u16(), took);
    response
}

/// The handler is dropped when the caller's time is up: nobody waits for its answer.
async fn handle(call: Call, request: Request, next: Next, metrics: &Metrics) -> Response {
    let deadline = call.deadline;
    let guarded = call.scope(AssertUnwindSafe(next.run(request)).catch_unwind());
    let outcome = match deadline {
        Some(deadline) => match timeout_at(deadline, guarded).await {
            Ok(outcome) => outcome.map(|response| explained(response, deadline)),
            Err(_) => {
                return refusal(
                    Cause::DeadlineExceeded,
                    "the caller's time was up before the handler was done",
                );
            }
        },
        None => guarded.await,
    };
    outcome.unwrap_or_else(|panic| {
        metrics.panics.inc();
        tracing::error!(panic = words(&*panic), "a handler panicked");
        refusal(Cause::Internal, "the handler panicked; its log says where")
    })
}

/// A call that the handler waited for ends with the same deadline, perhaps a moment before: it is the caller's time that was
/// up then too.
fn explained(mut response: Response, deadline: Instant) -> Response {
    if response.status() == StatusCode::GATEWAY_TIMEOUT && Instant::now() >= deadline {
        let cause = HeaderValue::from_static(Cause::DeadlineExceeded.as_str());
        response.headers_mut().insert(CAUSE, cause);
    }
    response
}

fn refusal(cause: Cause, message: &'static str) -> Response {
    let status = StatusCode::from_u16(cause.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::json!({"error": {"kind": cause.as_str(), "message": message}});
    let mut response = (status, axum::Json(body)).into_response();
    response
        .headers_mut()
        .insert(CAUSE, HeaderValue::from_static(cause.as_str()));
    response
}

/// The route's pattern and not the path, of which there are endlessly many.
fn route(request: &Request) -> Route {
    let matched = request.extensions().get::<MatchedPath>();
    Route {
        method: method_name(request.method()),
        route: matched.map_or("unmatched", MatchedPath::as_str).to_owned(),
    }
}

fn log(status: StatusCode, took: std::time::Duration) {
    let ms = took.as_secs_f64() * 1000.0;
    if status.is_server_error() {
        tracing::warn!(status = status.as_u16(), ms, "answered");
    } else {
        tracing::debug!(status = status.as_u16(), ms, "answered");
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words")
}

/// Counts a request also when its connection goes away and the future is dropped.
struct InFlight(Gauge);

impl InFlight {
    fn enter(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
