//! The mark on an answer that is not the callee's own.

use std::fmt;
use std::time::Duration;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use nines_model::Cause;

/// The mark as a header, for example `last-good; age=12; cause=breaker_open`.
pub const HEADER: HeaderName = HeaderName::from_static("x-nines-degraded");

/// Where the answer is from, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Degraded {
    pub source: Source,
    /// How old the answer is, if it was a good one once.
    pub age: Option<Duration>,
    pub why: Why,
}

/// Where an answer is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    Static,
    LastGood,
    Alternative,
    Default,
}

/// Why the callee's own answer is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The callee failed.
    Failed,
    /// A policy did not let the call through.
    Refused(Cause),
}

impl Degraded {
    /// An answer of no age.
    pub fn new(source: Source, why: Why) -> Self {
        Self { source, age: None, why }
    }

    /// A last good answer.
    pub fn aged(age: Duration, why: Why) -> Self {
        Self {
            source: Source::LastGood,
            age: Some(age),
            why,
        }
    }

    /// Marks a response: in its extensions for those in this process, in its header for those outside.
    pub fn mark(self, headers: &mut HeaderMap, extensions: &mut Extensions) {
        headers.insert(HEADER, self.to_header());
        extensions.insert(self);
    }

    /// The mark in a response's extensions.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }

    /// The header's value.
    pub fn to_header(self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).expect("names and digits are a header value")
    }
}

impl Source {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Static => "static",
            Source::LastGood => "last-good",
            Source::Alternative => "alternative",
            Source::Default => "default",
        }
    }
}

impl fmt::Display for Degraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.as_str())?;
        if let Some(age) = self.age {
            write!(f, "; age={}", age.as_secs())?;
        }
        match self.why {
            Why::Failed => f.write_str("; cause=failed"),
            Why::Refused(cause) => write!(f, "; cause={cause}"),
        }
    }
}
