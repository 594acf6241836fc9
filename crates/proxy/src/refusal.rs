//! Answers of our own: one cause, its evidence, and where both are told.

use std::fmt::Display;

use nines_model::Cause;
use serde_json::json;

use crate::h1::{self, Reject};
use crate::route;
use crate::worker::Worker;

/// Why a request is not answered by a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) cause: Cause,
    pub(crate) status: u16,
    /// For people.
    pub(crate) message: String,
    /// `key=value; key=value`, in the order in which it was added.
    pub(crate) evidence: String,
    /// More fields of the answer.
    fields: Vec<(String, Vec<u8>)>,
}

impl Refusal {
    /// A refusal with the cause's own status.
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            status: cause.status(),
            message: message.into(),
            evidence: String::new(),
            fields: Vec::new(),
        }
    }

    /// Adds a piece of evidence. What would break the header's grammar is replaced.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: impl Display) -> Self {
        if !self.evidence.is_empty() {
            self.evidence.push_str("; ");
        }
        let text = format!("{key}={value}");
        let clean = |c: char| {
            if c.is_ascii_graphic() && c != ';' || c == ' ' {
                c
            } else {
                '?'
            }
        };
        self.evidence.extend(text.chars().map(clean));
        self
    }

    /// Adds a field to the answer.
    #[must_use]
    pub(crate) fn field(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    #[must_use]
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// As the access log and the `x-nines-cause` header show it.
    pub(crate) fn line(&self) -> String {
        if self.evidence.is_empty() {
            self.cause.to_string()
        } else {
            format!("{}; {}", self.cause, self.evidence)
        }
    }

    /// Writes the whole answer. To a HEAD request goes the same head without the body.
    pub(crate) fn write(&self, out: &mut Vec<u8>, worker: &Worker, request: Option<(&[u8], bool)>, close: bool) {
        let id = request.map(|(id, _)| String::from_utf8_lossy(id).into_owned());
        let is_head = request.is_some_and(|(_, is_head)| is_head);
        let body = json!({"cause": self.cause.as_str(), "message": self.message, "requestId": id}).to_string() + "\n";
        h1::write::status_line(out, self.status);
        h1::write::field(out, b"content-type", b"application/json");
        h1::write::content_length(out, body.len() as u64);
        h1::write::field(out, b"x-nines-cause", self.line().as_bytes());
        if let Some(id) = &id {
            h1::write::field(out, b"x-request-id", id.as_bytes());
        }
        worker.date.with(|date| h1::write::field(out, b"date", date.as_bytes()));
        for (name, value) in &self.fields {
            h1::write::field(out, name.as_bytes(), value);
        }
        if matches!(self.cause, Cause::Overloaded | Cause::Draining) {
            h1::write::field(out, b"retry-after", b"1");
        }
        h1::write::field(out, b"connection", if close { b"close" } else { b"keep-alive" });
        out.extend_from_slice(b"\r\n");
        if !is_head {
            out.extend_from_slice(body.as_bytes());
        }
    }
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Refusal::new(reject.cause, reject.detail)
            .status(reject.status)
            .with("detail", reject.detail)
            .with("rule", reject.section)
    }
}

impl From<&route::Refusal> for Refusal {
    fn from(refusal: &route::Refusal) -> Self {
        Refusal::new(refusal.cause, &*refusal.reason)
            .status(refusal.status)
            .with("reason", &refusal.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_reads_as_a_list_and_cannot_break_out() {
        let refusal = Refusal::new(Cause::ConnectFailed, "nobody answers")
            .with("endpoint", "127.0.0.1:9")
            .with("error", "a\r\nset-cookie: x; y");
        assert_eq!(
            refusal.line(),
            "connect_failed; endpoint=127.0.0.1:9; error=a??set-cookie: x? y"
        );
    }
}
