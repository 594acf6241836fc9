//! A client of another service: balanced over the registry's endpoints, retried where that is safe, inside a deadline.

mod attempt;
pub(crate) mod connect;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use nines_base::Clock;
use nines_model::ServiceKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::call::Call;
use crate::error::CallError;
use crate::follow::Upstream;
use attempt::Attempts;

/// The longest that a call may take when its policy says `0s`, which is no limit.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How much of a body stands in an error.
const EXCERPT: usize = 200;

/// Sends requests to one service. Clones share connections and statistics.
#[derive(Debug, Clone)]
pub struct Client {
    key: ServiceKey,
    upstream: Arc<Upstream>,
    clock: Clock,
}

/// A request to be sent.
#[derive(Debug)]
#[must_use]
pub struct RequestBuilder {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    timeout: Option<Duration>,
    mistake: Option<String>,
}

/// An answer, whole.
#[derive(Debug)]
pub struct Response {
    service: String,
    /// The instance that answered.
    pub endpoint: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    pub(crate) fn new(key: ServiceKey, upstream: Arc<Upstream>, clock: Clock) -> Self {
        Self { key, upstream, clock }
    }

    pub fn get(&self, path: impl Into<String>) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: impl Into<String>) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// A request of any method; `path` may have a query.
    pub fn request(&self, method: Method, path: impl Into<String>) -> RequestBuilder {
        RequestBuilder {
            client: self.clone(),
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: None,
            mistake: None,
        }
    }
}

impl RequestBuilder {
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// A JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => self.body = json.into(),
            Err(error) => self.mistake = Some(error.to_string()),
        }
        self.header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// How long the call may take with all its attempts; the policy's `timeout.request` if not set, which is 15 s by
    /// default. The deadline of the request that is being served shortens it. An endpoint that did not answer in this
    /// time counts as one that cannot be reached, and is ejected after some; cut off before half of it, by the deadline of
    /// the request that is being served, it does not.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends it. A failed connect is tried again on another endpoint; so is an idempotent request (RFC 9110 section
    /// 9.2.2) that was broken off before an answer came; as often as the service's Policy says. Every status is an
    /// answer and no error.
    pub async fn send(self) -> Result<Response, CallError> {
        if let Some(reason) = self.mistake {
            let service = self.client.key.name.clone();
            return Err(CallError::BadRequest { service, reason });
        }
        let start = Instant::now();
        let limits = self.client.upstream.limits();
        let own = self.timeout.or(limits.request).unwrap_or(LONGEST).min(LONGEST);
        let call = Call::current();
        let inherited = call.as_ref().and_then(|call| call.deadline);
        let deadline = inherited.map_or(start + own, |inherited| inherited.min(start + own));
        let attempts = Attempts {
            client: &self.client,
            method: self.method,
            path: self.path,
            headers: self.headers,
            body: self.body,
            call,
            start,
            own,
            deadline,
            limits: &limits,
        };
        Box::pin(attempts.run()).await
    }
}

impl Response {
    /// The body as JSON, whatever the status.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| CallError::BadBody {
            service: self.service.clone(),
            reason: error.to_string(),
        })
    }

    /// Makes an error of every status from 400.
    pub fn error_for_status(self) -> Result<Self, CallError> {
        if !self.status.is_client_error() && !self.status.is_server_error() {
            return Ok(self);
        }
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(EXCERPT)]);
        Err(CallError::Status {
            body: text.chars().flat_map(char::escape_debug).collect(),
            service: self.service,
            status: self.status,
        })
    }
}

#[cfg(test)]
mod tests;
