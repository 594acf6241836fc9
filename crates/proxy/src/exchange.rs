//! One request and its answer: both connections, both heads, both bodies, and what is known of them.

use std::rc::Rc;
use std::time::{Duration, Instant};

use nines_model::Cause;

use crate::connection::Client;
use crate::h1::{Body, Method, Name, RequestHead, ResponseHead, Version};
use crate::pipeline::{After, Stop};
use crate::pump::Pump;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::relay;
use crate::route::RequestParts;
use crate::worker::{Buffer, Worker};

/// Scratch memory larger than this is not kept.
const MAX_KEPT: usize = 32 * 1024;

/// Memory for heads that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) request: RequestHead,
    pub(crate) response: ResponseHead,
    up: Vec<u8>,
    down: Vec<u8>,
    host: Vec<u8>,
}

/// A request being served.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) client: &'a mut Client,
    pub(crate) worker: Rc<Worker>,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) record: Record,
    /// From the client to the endpoint.
    pub(crate) upload: Pump,
    /// From the endpoint to the client.
    pub(crate) download: Pump,
    /// What the endpoint has sent and is not used yet.
    pub(crate) replies: Buffer,
    pub(crate) facts: Facts,
    /// When the head was complete.
    pub(crate) asked: Instant,
    /// Bytes at the front of the client's buffer that belong to this request and are kept for another attempt.
    pub(crate) kept: usize,
    /// The request's body is passed on as it comes; its first bytes are gone.
    pub(crate) is_streaming: bool,
    /// The endpoint stopped listening before the request was complete.
    pub(crate) is_cut: bool,
    host_is_lowered: bool,
}

/// What of the request's head is needed when its bytes may be gone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// The head is complete.
    pub(crate) is_begun: bool,
    pub(crate) head_len: usize,
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) body: Body,
    /// The client waits for a 100 before it sends the body, and has not got one.
    pub(crate) expects_continue: bool,
    pub(crate) upgrade: bool,
    /// The connection lives on: what the client asked for, then what the answer says.
    pub(crate) keep_alive: bool,
    /// The client's own limit (`x-nines-timeout-ms`).
    pub(crate) client_timeout: Option<Duration>,
}

/// What a request offers to the router.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) head: &'a RequestHead,
    pub(crate) bytes: &'a [u8],
    pub(crate) host: &'a [u8],
}

impl Scratch {
    /// Whether it is worth keeping.
    pub(crate) fn is_small(&self) -> bool {
        self.up.capacity() + self.down.capacity() <= MAX_KEPT
    }
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(client: &'a mut Client, scratch: &'a mut Scratch, record: Record) -> Self {
        let worker = client.worker().clone();
        Self {
            upload: Pump::new(std::mem::take(&mut scratch.up)),
            download: Pump::new(std::mem::take(&mut scratch.down)),
            replies: Buffer::new(&worker.buffers),
            client,
            worker,
            scratch,
            asked: record.started(),
            record,
            facts: Facts::default(),
            kept: 0,
            is_streaming: false,
            is_cut: false,
            host_is_lowered: false,
        }
    }

    /// The head is complete and has this length.
    pub(crate) fn begin(&mut self, length: usize) {
        let head = &self.scratch.request;
        let bytes = self.client.buffer.filled();
        let wanted = head.value(Name::XNinesTimeoutMs, bytes).and_then(millis);
        self.facts = Facts {
            is_begun: true,
            head_len: length,
            method: head.method,
            version: head.version,
            body: head.body,
            expects_continue: head.expect_continue,
            upgrade: head.upgrade.is_some(),
            keep_alive: head.keep_alive,
            client_timeout: wanted,
        };
        self.kept = length;
    }

    /// The head and the bytes it points into.
    pub(crate) fn head(&self) -> (&RequestHead, &[u8]) {
        (&self.scratch.request, self.client.buffer.filled())
    }

    /// Routes are matched without regard to the host's case; most hosts come in lower case.
    pub(crate) fn lower_host(&mut self) {
        let host = self.scratch.request.host.of(self.client.buffer.filled());
        self.host_is_lowered = host.iter().any(u8::is_ascii_uppercase);
        if self.host_is_lowered {
            self.scratch.host.clear();
            self.scratch.host.extend(host.iter().map(u8::to_ascii_lowercase));
        }
    }

    /// The request as the router sees it.
    pub(crate) fn parts(&self) -> Parts<'_> {
        let (head, bytes) = self.head();
        let host = if self.host_is_lowered {
            &self.scratch.host
        } else {
            head.host.of(bytes)
        };
        Parts { head, bytes, host }
    }

    /// Whether the connection may serve another request after this one.
    pub(crate) fn may_persist(&self) -> bool {
        let limit = self.worker.config.limits.requests_per_connection;
        let client = &*self.client;
        self.facts.keep_alive && !self.worker.draining.get() && client.gate.is_wanted() && client.served < limit
    }

    pub(crate) fn body_too_large(&self, limit: u64) -> Refusal {
        Refusal::new(Cause::BodyTooLarge, "the request's body is larger than it may be").with("limit", limit)
    }

    /// The request is answered in full.
    pub(crate) fn finish(self) -> After {
        let after = match () {
            () if self.record.status == 101 => After::Gone,
            () if self.facts.keep_alive && self.upload.is_done() => After::Wait,
            () => After::Linger,
        };
        self.end(after)
    }

    /// The request is not answered by a service, or not in full.
    pub(crate) async fn stop(mut self, stop: Stop) -> After {
        let after = match stop {
            // Nothing was asked, so there is nothing to count.
            Stop::Silent => return After::Gone,
            Stop::Cut(refusal) => {
                self.note(&refusal);
                if self.record.status == 0 {
                    self.record.status = refusal.status;
                }
                After::Gone
            }
            Stop::Refused(refusal) => {
                self.note(&refusal);
                relay::refuse(&mut self, &refusal).await
            }
        };
        self.end(after)
    }

    fn note(&mut self, refusal: &Refusal) {
        self.record.note_refusal(refusal);
    }

    fn end(mut self, after: After) -> After {
        if self.kept > 0 {
            self.client.buffer.consume(self.kept.min(self.client.buffer.len()));
        }
        self.record.received += self.facts.head_len as u64 + self.upload.moved;
        self.record.sent += self.download.moved;
        self.scratch.up = self.upload.into_memory();
        self.scratch.down = self.download.into_memory();
        self.record.finish(self.client.peer);
        after
    }

    /// When the client's own time is over.
    pub(crate) fn client_deadline(&self) -> Option<Instant> {
        self.facts.client_timeout.map(|limit| self.record.started() + limit)
    }

    /// When the whole request must be answered, given the route's limit; and whether it is the client's own limit that
    /// counts. The route's counts from when the head was complete: a head that trickles in has a limit of its own.
    pub(crate) fn deadline(&self, limit: Option<Duration>) -> (Option<Instant>, bool) {
        let client = self.facts.client_timeout.map(|limit| self.record.started() + limit);
        let route = limit.map(|limit| self.asked + limit);
        match (route, client) {
            (Some(route), Some(client)) => (Some(route.min(client)), client < route),
            (None, Some(client)) => (Some(client), true),
            (route, None) => (route, false),
        }
    }
}

/// One to nine digits; anything else is no limit that anybody could mean.
fn millis(value: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(value)
        .ok()
        .filter(|text| (1..=9).contains(&text.len()))?;
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let millis = digits.then(|| text.parse().ok()).flatten()?;
    Some(Duration::from_millis(millis))
}

impl RequestParts for Parts<'_> {
    fn method(&self) -> &[u8] {
        self.head.method_name.of(self.bytes)
    }

    fn host(&self) -> &[u8] {
        self.host
    }

    fn path(&self) -> &[u8] {
        self.head.path(self.bytes)
    }

    fn query(&self) -> Option<&[u8]> {
        self.head.query.map(|query| query.of(self.bytes))
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        let named = |field: &&crate::h1::Field| field.name.of(self.bytes).eq_ignore_ascii_case(name.as_bytes());
        self.head
            .fields
            .iter()
            .find(named)
            .map(|field| field.value.of(self.bytes))
    }
}
