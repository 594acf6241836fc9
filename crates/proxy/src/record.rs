//! What is remembered of a request: counters always, a log line if there is a log.

use std::fmt::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nines_model::Cause;
use smallvec::SmallVec;

use crate::date;
use crate::h1::{Form, RequestHead};
use crate::refusal::Refusal;
use crate::worker::{RuleState, Worker};

/// One request from its first byte to the last of its answer.
#[derive(Debug)]
pub(crate) struct Record {
    worker: Rc<Worker>,
    started: Instant,
    pub(crate) rule: Rc<RuleState>,
    pub(crate) id: SmallVec<[u8; 32]>,
    /// Of the answer; 0 while there is none.
    pub(crate) status: u16,
    cause: Option<Told>,
    pub(crate) endpoint: Option<SocketAddr>,
    pub(crate) attempts: u32,
    pub(crate) first_byte: Option<Instant>,
    /// When the answer was complete, if that is known already.
    pub(crate) ended: Option<Instant>,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// The log line as far as the request's head tells it.
    line: String,
    is_tunnel: bool,
    /// Counted as begun and not yet as ended.
    in_flight: bool,
}

#[derive(Debug)]
struct Told {
    cause: Cause,
    line: String,
}

impl Record {
    /// A request whose first byte is there. It is not in flight yet: what waits for the rest of its head costs little and
    /// may take its time, so it must not keep others out.
    pub(crate) fn new(worker: &Rc<Worker>, now: Instant) -> Self {
        Self {
            worker: worker.clone(),
            started: now,
            rule: worker.tables.unmatched(),
            id: SmallVec::from_buf(worker.request_ids.next()),
            status: 0,
            cause: None,
            endpoint: None,
            attempts: 0,
            first_byte: None,
            ended: None,
            received: 0,
            sent: 0,
            line: String::new(),
            is_tunnel: false,
            in_flight: false,
        }
    }

    /// The head is complete, or as much of it as there will be: the request is in flight until it is answered.
    pub(crate) fn begin(&mut self) {
        self.in_flight = true;
        self.worker.shard().requests_begun.add(1);
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Takes what the log needs of the head, whose bytes will be gone at the end.
    pub(crate) fn note_head(&mut self, head: &RequestHead, bytes: &[u8]) {
        if !self.worker.log.wanted() {
            return;
        }
        let path = match head.form {
            Form::Absolute => head.path(bytes),
            Form::Origin | Form::Asterisk => head.target.of(bytes),
        };
        for (key, value) in [
            ("method", head.method_name.of(bytes)),
            ("host", head.authority.of(bytes)),
            ("path", path),
        ] {
            text(&mut self.line, key, &String::from_utf8_lossy(value));
        }
    }

    /// Takes the reason why there is no answer of a service, or not all of it.
    pub(crate) fn note_refusal(&mut self, refusal: &Refusal) {
        self.cause = Some(Told {
            cause: refusal.cause,
            line: refusal.line(),
        });
    }

    /// The connection is a tunnel from now on: the request counts as answered.
    pub(crate) fn note_tunnel(&mut self) {
        self.is_tunnel = true;
        self.worker.shard().tunnels_opened.add(1);
        self.count(self.worker.clock.now());
    }

    /// Counts the request's end. A tunnel's request has ended before.
    fn count(&mut self, now: Instant) {
        if !self.in_flight {
            return;
        }
        let took = now.saturating_duration_since(self.started);
        self.rule.counts().record(self.status, took);
        if let Some(told) = &self.cause {
            self.worker.shard().cause(told.cause).add(1);
        }
        // Last, so that whoever sees nothing in flight sees everything counted.
        self.end();
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.in_flight) {
            self.worker.shard().requests_ended.add(1);
        }
    }

    fn write_line(&mut self, peer: SocketAddr, now: Instant) {
        let mut line = String::with_capacity(384 + self.line.len());
        line.push_str("{\"time\":\"");
        date::rfc3339(self.worker.clock.wall(), &mut line);
        line.push('"');
        text(&mut line, "id", &String::from_utf8_lossy(&self.id));
        text(&mut line, "client", &peer.to_string());
        line.push_str(&self.line);
        text(&mut line, "route", &self.rule.name);
        if let Some(endpoint) = self.endpoint {
            text(&mut line, "endpoint", &endpoint.to_string());
        }
        number(&mut line, "status", u64::from(self.status));
        if let Some(told) = &self.cause {
            text(&mut line, "cause", told.cause.as_str());
            text(&mut line, "evidence", &told.line);
        }
        let micros = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        number(
            &mut line,
            "took_us",
            micros(now.saturating_duration_since(self.started)),
        );
        if let Some(at) = self.first_byte {
            number(
                &mut line,
                "first_byte_us",
                micros(at.saturating_duration_since(self.started)),
            );
        }
        number(&mut line, "received", self.received);
        number(&mut line, "sent", self.sent);
        number(&mut line, "attempts", u64::from(self.attempts));
        if self.is_tunnel {
            line.push_str(",\"tunnel\":true");
        }
        line.push('}');
        self.worker.shard().log_dropped.add(self.worker.log.put(&line));
    }

    /// The end: counters, then the line.
    pub(crate) fn finish(mut self, peer: SocketAddr) {
        let now = self.ended.unwrap_or_else(|| self.worker.clock.now());
        self.count(now);
        let shard = self.worker.shard();
        shard.received_bytes.add(self.received);
        shard.sent_bytes.add(self.sent);
        if self.is_tunnel {
            shard.tunnels_closed.add(1);
        }
        if self.worker.log.wanted() {
            self.write_line(peer, now);
        }
    }
}

impl Drop for Record {
    /// A task that ends by panic or abort still leaves the number of requests in flight right.
    fn drop(&mut self) {
        self.end();
    }
}

fn text(line: &mut String, key: &str, value: &str) {
    let quoted = serde_json::Value::from(value).to_string();
    line.push_str(",\"");
    line.push_str(key);
    line.push_str("\":");
    line.push_str(&quoted);
}

fn number(line: &mut String, key: &str, value: u64) {
    let written = write!(line, ",\"{key}\":{value}");
    debug_assert!(written.is_ok(), "a String takes every write");
}
