//! The attempts of one call: each on another endpoint, as long as it is safe.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Error as ClientError;
use nines_balance::{Excluded, Outcome, Permit, Shortage};
use nines_base::Rng;
use nines_model::Cause;
use nines_model::governing::Limits;
use tokio::time::{Instant, sleep_until, timeout_at};

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
    pub(super) start: Instant,
    /// How long the call may take, by itself or by its policy.
    pub(super) own: Duration,
    /// When it must be over: then, or sooner if the request that is being served must be answered sooner.
    pub(super) deadline: Instant,
    pub(super) limits: &'a Limits,
}

impl Attempts<'_> {
    pub(super) async fn run(self) -> Result<Response, CallError> {
        let (mut tried, mut rng) = (Excluded::none(), Rng::from_entropy());
        let mut failed: Option<CallError> = None;
        let mut since = self.start;
        for attempt in 1..=1 + self.limits.retry.attempts {
            if attempt > 1 {
                let pause = self.limits.retry.backoff.delay(attempt - 2, &mut rng);
                sleep_until(self.deadline.min(Instant::now() + pause)).await;
                since = Instant::now();
            }
            if since >= self.deadline {
                return Err(self.late());
            }
            let mut permit = self.pick(&tried);
            if permit.is_none() && tried.is_empty() {
                self.wait().await;
                since = Instant::now();
                permit = self.pick(&tried);
            }
            let Some(permit) = permit else {
                // Nobody else is there: what went wrong before is what helps.
                return Err(failed.unwrap_or_else(|| self.no_endpoint()));
            };
            let address = permit.endpoint().address();
            match self.attempt(permit, attempt, since).await {
                Ok(response) => return Ok(response),
                Err(error) if self.may_try_again(&error) => failed = Some(error),
                Err(error) => return Err(error),
            }
            tried.add(address);
        }
        Err(failed.unwrap_or_else(|| self.no_endpoint()))
    }

    /// An endpoint that was not tried.
    fn pick(&self, tried: &Excluded) -> Option<Permit> {
        self.client.upstream.pick(tried, self.client.clock.now())
    }

    /// At first there may be no endpoint yet, for example right after a start.
    async fn wait(&self) {
        let patience = self.deadline.min(Instant::now() + PATIENCE);
        drop(timeout_at(patience, self.client.upstream.available()).await);
    }

    /// Asks the endpoint, which is waited for since then.
    async fn attempt(&self, mut permit: Permit, attempt: u32, since: Instant) -> Result<Response, CallError> {
        let request = self.request(&permit, attempt)?;
        let clock = &self.client.clock;
        let start = clock.now();
        let (endpoint, id) = (permit.endpoint().address(), permit.endpoint().id().to_owned());
        let service = self.client.key.name.clone();
        let answer = self.client.upstream.http().request(request);
        let response = match timeout_at(self.attempt_ends(since), answer).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                if let Some(outcome) = said_of_endpoint(&error) {
                    permit.finish(outcome, clock.now());
                }
                return Err(failed(service, endpoint, attempt, &error));
            }
            Err(_) => {
                if let Some(outcome) = Outcome::of_cut_off(since.elapsed(), [Some(self.own), self.limits.attempt]) {
                    permit.finish(outcome, clock.now());
                }
                return Err(self.cut_off(endpoint, attempt));
            }
        };
        let now = clock.now();
        let latency = now.saturating_duration_since(start);
        if let Some(outcome) = self.said_by_answer(&response, latency) {
            permit.record(outcome, now);
        }
        let (head, body) = response.into_parts();
        let body = timeout_at(self.deadline, Limited::new(body, MAX_BODY).collect()).await;
        let body = body.map_err(|_| self.late())?.map_err(|error| CallError::BadBody {
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

    /// What an answer says of the endpoint. One that says only that the time was up which the request that is being served
    /// had left is as good as cut off.
    fn said_by_answer<B>(&self, answer: &http::Response<B>, latency: Duration) -> Option<Outcome> {
        let is_inherited = self.deadline < self.start + self.own;
        if is_inherited && ran_out(answer) {
            return Outcome::of_cut_off(latency, [Some(self.own), self.limits.attempt]);
        }
        Some(Outcome::of_status(answer.status().as_u16(), latency))
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

    fn attempt_ends(&self, since: Instant) -> Instant {
        let own = self.limits.attempt.map(|limit| since + limit);
        own.map_or(self.deadline, |own| own.min(self.deadline))
    }

    /// The attempt's time is over, or that of the whole call.
    fn cut_off(&self, endpoint: SocketAddr, attempts: u32) -> CallError {
        match self.limits.attempt {
            Some(after) if Instant::now() < self.deadline => CallError::Slow {
                service: self.client.key.name.clone(),
                endpoint,
                after,
                attempts,
            },
            _ => self.late(),
        }
    }

    fn late(&self) -> CallError {
        CallError::Timeout {
            service: self.client.key.name.clone(),
            after: self.start.elapsed(),
        }
    }

    fn no_endpoint(&self) -> CallError {
        CallError::NoEndpoint {
            service: self.client.key.name.clone(),
        }
    }
}

fn ran_out<B>(answer: &http::Response<B>) -> bool {
    let cause = answer.headers().get(call::CAUSE);
    answer.status() == StatusCode::GATEWAY_TIMEOUT
        && cause.is_some_and(|cause| {
            cause
                .as_bytes()
                .starts_with(Cause::DeadlineExceeded.as_str().as_bytes())
        })
}

/// What a failed attempt says of the endpoint.
fn said_of_endpoint(error: &ClientError) -> Option<Outcome> {
    match root(error).downcast_ref::<io::Error>() {
        Some(cause) if error.is_connect() => Outcome::of_failed_connect(cause),
        _ => Some(Outcome::Unavailable),
    }
}

fn failed(service: String, endpoint: SocketAddr, attempts: u32, error: &ClientError) -> CallError {
    let reason = reason(root(error));
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
fn root(error: &ClientError) -> &(dyn Error + 'static) {
    let mut innermost: &(dyn Error + 'static) = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

/// In words; what this process lacks with what to do.
fn reason(root: &(dyn Error + 'static)) -> String {
    let lacks = root.downcast_ref::<io::Error>().and_then(Shortage::of);
    lacks.map_or_else(|| root.to_string(), |lacks| lacks.to_string())
}
