//! `http` requests and responses, gRPC among them.

use std::error::Error as StdError;
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use ::http::{Extensions, HeaderMap, Request, Response, StatusCode};
use nines_base::Clock;
use nines_model::policy::RateKey;

use super::{Inspect, Key, KeyBy, Mark, Stamp, Unsent, describe_error, observe_error};
use crate::Observed;
use crate::adaptive::Priority;
use crate::deadline::{BadDeadline, Deadline, GRPC_TIMEOUT, TIMEOUT_MS};
use crate::layer::fields;
use crate::retry::{OuterAttempt, classify, is_idempotent};

/// Reads `http` types: axum, tonic and hyper all speak them.
///
/// - The deadline is in the request's extensions, where [`deadline`](crate::layer::deadline) put it.
/// - A request is idempotent if its method is (RFC 9110 section 9.2.2) or if it bears [`Idempotent`] in its extensions,
///   which decides either way; gRPC calls are POSTs, so only the extension speaks for them.
/// - Results are read as [`classify`] says; a gRPC status is seen where it is in the head of the response, which is where
///   servers put the status of a call that failed before its first message.
/// - An error is a failure, which only an idempotent request survives twice, unless [`Http::unsent`] knows that the request
///   was not sent.
/// - The body decides whether a request can be copied: see [`Http::new`], [`Http::cloning`] and [`Http::copying`].
#[derive(Debug, Clone, Copy)]
pub struct Http<C = Once> {
    copy: C,
    client: fn(&Extensions) -> Option<IpAddr>,
    unsent: Unsent,
}

/// The client's address in a request's extensions. Whoever accepts the connection puts it there; frameworks have their own
/// (axum's `ConnectInfo`, tonic's `TcpConnectInfo`), which [`Http::client_address`] can read instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// Put into a request's extensions, says whether making the call twice has the effect of making it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Idempotent(pub bool);

/// The deadline that the next hop is told, so that another attempt tells it anew.
#[derive(Debug, Clone, Copy)]
struct Told(Deadline);

/// How the body of a request is copied.
pub trait CopyBody<B> {
    /// The same body once more; `None` if it cannot be sent twice.
    fn copy_body(&self, body: &B) -> Option<B>;
}

/// Bodies are sent once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Once;

/// Bodies are cloned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cloned;

/// Bodies are copied by a function.
#[derive(Debug, Clone, Copy)]
pub struct With<F>(F);

impl Http<Once> {
    /// For services that neither retry nor hedge: their bodies need not be copied.
    pub fn new() -> Self {
        Self::with(Once)
    }
}

impl Default for Http<Once> {
    fn default() -> Self {
        Self::new()
    }
}

impl Http<Cloned> {
    /// For bodies that are cheap to clone, such as `http_body_util::Full<Bytes>`.
    pub fn cloning() -> Self {
        Self::with(Cloned)
    }
}

impl<F> Http<With<F>> {
    /// For bodies of which some can be copied: `copy` gives the same body once more, or `None`. Of an
    /// `axum::body::Body` or a `tonic::body::Body` that would be the one that is at its end.
    pub fn copying(copy: F) -> Self {
        Self::with(With(copy))
    }
}

impl<C> Http<C> {
    fn with(copy: C) -> Self {
        Self {
            copy,
            client: |extensions| extensions.get().map(|ClientAddress(address)| *address),
            unsent: |_| false,
        }
    }

    /// Reads the client's address by `read` instead of from [`ClientAddress`].
    #[must_use]
    pub fn client_address(self, read: fn(&Extensions) -> Option<IpAddr>) -> Self {
        Self { client: read, ..self }
    }

    /// Knows an error that came before the request was sent, so that any request may be sent again after it. It is asked
    /// of an error and of all its sources. Of hyper-util's client that is one of which `is_connect()` is true.
    #[must_use]
    pub fn unsent(self, is_unsent: fn(&(dyn StdError + 'static)) -> bool) -> Self {
        let unsent = is_unsent;
        Self { unsent, ..self }
    }
}

impl<B> CopyBody<B> for Once {
    fn copy_body(&self, _body: &B) -> Option<B> {
        None
    }
}

impl<B: Clone> CopyBody<B> for Cloned {
    fn copy_body(&self, body: &B) -> Option<B> {
        Some(body.clone())
    }
}

impl<B, F: Fn(&B) -> Option<B>> CopyBody<B> for With<F> {
    fn copy_body(&self, body: &B) -> Option<B> {
        (self.0)(body)
    }
}

impl<B, D, Err, C> Inspect<Request<B>, Response<D>, Err> for Http<C>
where
    C: CopyBody<B>,
    Err: StdError + 'static,
{
    fn deadline(&self, request: &Request<B>) -> Option<Deadline> {
        Deadline::of(request.extensions())
    }

    fn arrived(&self, request: &Request<B>, now: Instant) -> Result<Option<Deadline>, BadDeadline> {
        Deadline::from_headers(request.headers(), now)
    }

    fn put_deadline(&self, request: &mut Request<B>, deadline: Deadline) {
        deadline.put(request.extensions_mut());
    }

    fn stamp(&self, request: &mut Request<B>, stamp: Stamp) {
        if let Some(deadline) = stamp.deadline {
            request.extensions_mut().insert(Told(deadline));
        }
        if let Some(Told(deadline)) = request.extensions().get().copied() {
            stamp_deadline(request.headers_mut(), deadline, stamp.now);
        }
        let attempt = OuterAttempt::new(stamp.attempt);
        if attempt.is_repetition() {
            request.headers_mut().insert(OuterAttempt::HEADER, attempt.to_header());
        }
    }

    /// A header that cannot be read counts as a first attempt: it bounds our own work, and nothing else hangs on it.
    fn outer(&self, request: &Request<B>) -> OuterAttempt {
        OuterAttempt::from_headers(request.headers()).unwrap_or(OuterAttempt::FIRST)
    }

    /// The [`Priority`] in its extensions: a header would let every caller say that he is the most important.
    fn priority(&self, request: &Request<B>) -> Option<Priority> {
        request.extensions().get().copied()
    }

    fn idempotent(&self, request: &Request<B>) -> bool {
        match request.extensions().get() {
            Some(Idempotent(said)) => *said,
            None => is_idempotent(request.method()),
        }
    }

    fn key<'a>(&self, request: &'a Request<B>, by: &KeyBy) -> Option<Key<'a>> {
        match by {
            KeyBy::Client => (self.client)(request.extensions()).map(|address| Key::Address(RateKey::client(address))),
            KeyBy::Header(name) => request.headers().get(name).map(|value| Key::Bytes(value.as_bytes())),
        }
    }

    fn copy(&self, request: &Request<B>) -> Option<Request<B>> {
        let mut copy = Request::new(self.copy.copy_body(request.body())?);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        Some(copy)
    }

    fn mark(&self, response: &mut Response<D>, mark: Mark<'_>) {
        match mark {
            Mark::Degraded(degraded) => {
                response
                    .headers_mut()
                    .insert(crate::fallback::HEADER, degraded.to_header());
                response.extensions_mut().insert(degraded);
            }
            Mark::Tried(history) => {
                response.extensions_mut().insert(history.clone());
            }
            Mark::Limited { policy, standing } => {
                let (quota, left) = (standing.limit, standing.remaining);
                fields::write(response.headers_mut(), policy, quota, left, Some(standing.reset));
            }
        }
    }

    /// A whole answer (RFC 9110 section 15.3) that nobody wants for himself: one without `no-store` or `private` in its
    /// `Cache-Control` (RFC 9111 section 3) that sets no cookie.
    fn keeps(&self, response: &Response<D>) -> bool {
        let whole = response.status().is_success() && response.status() != StatusCode::PARTIAL_CONTENT;
        whole && !response.headers().contains_key(SET_COOKIE) && !is_private(response.headers())
    }

    fn observe(&self, result: &Result<Response<D>, Err>) -> Observed {
        match result {
            Ok(response) => observe_head(response.status(), response.headers()),
            Err(error) => observe_error(error, self.unsent),
        }
    }

    fn describe(&self, result: &Result<Response<D>, Err>) -> String {
        match result {
            Ok(response) => describe_head(response.status(), response.headers()),
            Err(error) => describe_error(error),
        }
    }
}

/// Whether `Cache-Control` forbids to keep the answer for others. One that cannot be read might.
fn is_private(headers: &HeaderMap) -> bool {
    let forbids = |directive: &str| {
        let name = directive.split_once('=').map_or(directive, |(name, _)| name).trim();
        name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("private")
    };
    let mut values = headers.get_all(CACHE_CONTROL).iter().map(|value| value.to_str());
    values.any(|value| value.map_or(true, |text| text.split(',').any(forbids)))
}

/// gRPC reads its own header, and `x-nines-timeout-ms` is only added where somebody else may be asked.
fn stamp_deadline(headers: &mut HeaderMap, deadline: Deadline, now: Instant) {
    if is_grpc(headers) {
        headers.insert(GRPC_TIMEOUT, deadline.to_grpc_timeout(now));
        headers.remove(TIMEOUT_MS);
    } else {
        headers.insert(TIMEOUT_MS, deadline.to_timeout_ms(now));
    }
}

/// The wall clock is only read where the answer may name a date.
fn observe_head(status: StatusCode, headers: &HeaderMap) -> Observed {
    if status == StatusCode::OK {
        return match grpc_status(headers) {
            Some(code) => classify::grpc(code, headers),
            None => Observed::SUCCESS,
        };
    }
    let wall = match status.as_u16() {
        429 | 500.. => Clock::system().wall(),
        _ => SystemTime::UNIX_EPOCH,
    };
    classify::http(status, headers, wall)
}

fn describe_head(status: StatusCode, headers: &HeaderMap) -> String {
    match grpc_status(headers) {
        Some(code) if status == StatusCode::OK => format!("grpc-status {code}"),
        _ => format!("status {}", status.as_u16()),
    }
}

/// The status in the head of a gRPC response; one that is no number is one that nobody knows.
fn grpc_status(headers: &HeaderMap) -> Option<u32> {
    let value = headers.get("grpc-status")?;
    let code = value.to_str().ok().and_then(|text| text.parse().ok());
    is_grpc(headers).then_some(code.unwrap_or(u32::MAX))
}

/// `application/grpc`, alone or with what comes after `+` or `;`.
pub(in crate::layer) fn is_grpc(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    match content_type.as_bytes().strip_prefix(b"application/grpc") {
        Some(rest) => matches!(rest.first(), None | Some(b'+' | b';')),
        None => false,
    }
}
