//! The attempts of one call: each on another endpoint, as long as it is safe.

use std::error::Error as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Error as ClientError;
use nines_balance::{Excluded, Outcome, Permit};
use nines_base::Rng;
use nines_model::governing::Limits;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{Client, Response};
use crate::call::{self, Call};
use crate::error::CallError;

/// How long a call waits for an endpoint to appear.
const PATIENCE: Duration = Duration::from_secs(1);
const MAX_BODY: usize = 16 << 20;
const ATTEMPT: HeaderName = HeaderName::from_static("x-nines-attempt");

pub(super) struct Attempts<'a> {
    pub(super) client: &'a Client,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) call: Option<Call>,
    pub(super) deadline: Instant,
    pub(super) limits: &'a Limits,
}

impl Attempts<'_> {
    pub(super) async fn run(self) -> Result<Response, CallError> {
        let (mut tried, mut rng) = (Excluded::none(), Rng::from_entropy());
        let mut failed: Option<CallError> = None;
        for attempt in 1..=1 + self.limits.retry.attempts {
            if attempt > 1 {
                sleep(self.limits.retry.backoff.delay(attempt - 2, &mut rng)).await;
            }
            let permit = match self.pick(&tried).await {
                Some(permit) => permit,
                // Nobody else is there: what went wrong before is what helps.
                None => return Err(failed.unwrap_or_else(|| self.no_endpoint())),
            };
            let address = permit.endpoint().address();
            match self.attempt(permit, attempt).await {
                Ok(response) => return Ok(response),
                Err(error) if self.may_try_again(&error) => failed = Some(error),
                Err(error) => return Err(error),
            }
            tried.add(address);
        }
        Err(failed.unwrap_or_else(|| self.no_endpoint()))
    }

    /// An endpoint that was not tried. At first there may be none yet, for example right after a start.
    async fn pick(&self, tried: &Excluded) -> Option<Permit> {
        let upstream = &self.client.upstream;
        let clock = &self.client.clock;
        if let Some(permit) = upstream.pick(tried, clock.now()) {
            return Some(permit);
        }
        if !tried.is_empty() {
            return None;
        }
        let patience = self.deadline.min(Instant::now() + PATIENCE);
        drop(timeout_at(patience, upstream.available()).await);
        upstream.pick(tried, clock.now())
    }

    async fn attempt(&self, mut permit: Permit, attempt: u32) -> Result<Response, CallError> {
        let request = self.request(&permit, attempt)?;
        let clock = &self.client.clock;
        let start = clock.now();
        let (endpoint, id) = (permit.endpoint().address(), permit.endpoint().id().to_owned());
        let service = self.client.key.name.clone();
        let answer = self.client.upstream.http().request(request);
        let response = match in_time(self.limits.attempt, answer).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                permit.finish(Outcome::Unavailable, clock.now());
                return Err(failed(service, endpoint, attempt, &error));
            }
            Err(after) => {
                permit.finish(Outcome::Unavailable, clock.now());
                return Err(CallError::Slow {
                    service,
                    endpoint,
                    after,
                    attempts: attempt,
                });
            }
        };
        let now = clock.now();
        let latency = now.saturating_duration_since(start);
        permit.record(Outcome::of_status(response.status().as_u16(), latency), now);
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|error| CallError::BadBody {
            service: service.clone(),
            reason: error.to_string(),
        })?;
        Ok(Response {
            service,
            endpoint: id,
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    fn request(&self, permit: &Permit, attempt: u32) -> Result<Request<Full<Bytes>>, CallError> {
        let bad = |reason: String| CallError::BadRequest {
            service: self.client.key.name.clone(),
            reason,
        };
        if !self.path.starts_with('/') {
            return Err(bad(format!("the path `{}` does not start with /", self.path)));
        }
        let uri = Uri::builder()
            .scheme("http")
            .authority(permit.endpoint().address().to_string())
            .path_and_query(self.path.as_str())
            .build();
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.uri_mut() = uri.map_err(|error| bad(format!("the path `{}` is none: {error}", self.path)))?;
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = self.headers.clone();
        self.propagate(request.headers_mut(), attempt);
        Ok(request)
    }

    /// Tells the next hop who calls, in which trace, and how much time is left.
    fn propagate(&self, headers: &mut HeaderMap, attempt: u32) {
        if let Some(call) = &self.call {
            call.write(headers);
        }
        let left = self.deadline.saturating_duration_since(Instant::now()).as_millis();
        headers.insert(
            call::TIMEOUT,
            HeaderValue::from(u64::try_from(left).unwrap_or(u64::MAX)),
        );
        headers.insert(ATTEMPT, HeaderValue::from(attempt));
    }

    fn may_try_again(&self, error: &CallError) -> bool {
        match error {
            CallError::Connect { .. } => true,
            CallError::Broken { .. } | CallError::Slow { .. } => self.method.is_idempotent(),
            _ => false,
        }
    }

    fn no_endpoint(&self) -> CallError {
        CallError::NoEndpoint {
            service: self.client.key.name.clone(),
        }
    }
}

/// The answer, or the limit that it did not keep.
async fn in_time<F: Future>(limit: Option<Duration>, answer: F) -> Result<F::Output, Duration> {
    match limit {
        Some(limit) => timeout(limit, answer).await.map_err(|_| limit),
        None => Ok(answer.await),
    }
}

fn failed(service: String, endpoint: SocketAddr, attempts: u32, error: &ClientError) -> CallError {
    let reason = root(error);
    if error.is_connect() {
        CallError::Connect {
            service,
            endpoint,
            reason,
            attempts,
        }
    } else {
        CallError::Broken {
            service,
            endpoint,
            reason,
            attempts,
        }
    }
}

/// The innermost reason, which is the one that helps.
fn root(error: &ClientError) -> String {
    let Some(mut innermost) = error.source() else {
        return error.to_string();
    };
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
