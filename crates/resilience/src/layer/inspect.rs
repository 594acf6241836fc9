//! How a layer reads requests and results.

mod http;
mod plain;

use std::error::Error as StdError;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Instant;

use ::http::HeaderName;

use super::Fault;
use crate::adaptive::Priority;
use crate::deadline::{self, BadDeadline, Deadline};
use crate::fallback::Degraded;
use crate::limit::Standing;
use crate::retry::{History, OuterAttempt};
use crate::{Name, Observed, Repeat};

pub(super) use http::is_grpc;
pub use http::{ClientAddress, Cloned, CopyBody, Http, Idempotent, Once, With};
pub use plain::Plain;

/// How a layer reads requests and results of one kind. [`Http`] and [`Plain`] are provided; what is not written falls back
/// to knowing nothing.
pub trait Inspect<Req, Res, Err> {
    /// The deadline in force for the request, as it is known in this process.
    fn deadline(&self, request: &Req) -> Option<Deadline>;

    /// The deadline that the hop before us gave, besides [`Inspect::deadline`].
    fn arrived(&self, _request: &Req, _now: Instant) -> Result<Option<Deadline>, BadDeadline> {
        Ok(None)
    }

    /// Notes the deadline in force on the request, for the layers further in.
    fn put_deadline(&self, _request: &mut Req, _deadline: Deadline) {}

    /// Writes on the request what the next hop is told.
    fn stamp(&self, _request: &mut Req, _stamp: Stamp) {}

    /// Which attempt of the hop before us the request is.
    fn outer(&self, _request: &Req) -> OuterAttempt {
        OuterAttempt::FIRST
    }

    /// How important the call is; `None` if the request does not say.
    fn priority(&self, _request: &Req) -> Option<Priority> {
        None
    }

    /// Whether making the call twice has the effect of making it once.
    fn idempotent(&self, request: &Req) -> bool;

    /// What tells this caller from others; `None` if the request does not say.
    fn key<'a>(&self, _request: &'a Req, _by: &KeyBy) -> Option<Key<'a>> {
        None
    }

    /// The same request once more, for a retry or a hedge; `None` if it cannot be made twice.
    fn copy(&self, request: &Req) -> Option<Req>;

    /// Writes on the response what its reader should know.
    fn mark(&self, _response: &mut Res, _mark: Mark<'_>) {}

    /// Whether a good response may be given to others in place of theirs, later, when the callee cannot answer.
    fn keeps(&self, _response: &Res) -> bool {
        true
    }

    /// What the call came to.
    fn observe(&self, result: &Result<Res, Err>) -> Observed;

    /// The result in a few words, for the history of a call that is tried again.
    fn describe(&self, result: &Result<Res, Err>) -> String;
}

/// What the next hop is told.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// When the answer is of no more use; `None` for what was told with an earlier attempt, if anything was.
    pub deadline: Option<Deadline>,
    /// Which attempt this is, from 1.
    pub attempt: NonZeroU32,
    /// When it is sent.
    pub now: Instant,
}

/// What a response is marked with.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Mark<'a> {
    /// It is not the callee's own answer.
    Degraded(Degraded),
    /// It came of more than one attempt.
    Tried(&'a History),
    /// It counted in a limit that tells of itself.
    Limited { policy: &'a Name, standing: Standing },
}

/// What callers are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyBy {
    /// The client's address; of an IPv6 address the first 64 bits, because a client has all addresses behind them.
    Client,
    /// The value of a header; the first one if there are several.
    Header(HeaderName),
}

/// What tells one caller from others. Hash it with the limiter's own, keyed hasher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    Address(IpAddr),
    Bytes(&'a [u8]),
}

/// The deadline in force for the request: the earliest of those known in this process and of what the hop before us gave.
pub(crate) fn known_deadline<Req, Res, Err>(
    inspect: &impl Inspect<Req, Res, Err>,
    request: &Req,
    arrived: Option<Deadline>,
) -> Option<Deadline> {
    let known = [inspect.deadline(request), deadline::current(), arrived];
    known.into_iter().flatten().min()
}

/// What an error says of the callee: the word of our own layers if one of them is in the chain; else a failure, which is
/// safe to repeat if `unsent` knows one of the chain for one before the request was sent.
///
/// The kind of an `io::Error` does not tell: a refused connection somewhere in the chain may be one that the callee's own
/// callee refused, after half of the work was done.
pub(super) fn observe_error(error: &(dyn StdError + 'static), unsent: Unsent) -> Observed {
    if let Some(fault) = Fault::find(error) {
        return fault.observed();
    }
    let mut chain = std::iter::successors(Some(error), |&error| error.source());
    let repeat = if chain.any(unsent) {
        Repeat::Safe
    } else {
        Repeat::IfIdempotent
    };
    Observed {
        repeat,
        ..Observed::FAILURE
    }
}

/// Knows an error that came before the request was sent.
type Unsent = fn(&(dyn StdError + 'static)) -> bool;

/// An error and what it came from, in one line.
pub(super) fn describe_error(error: &(dyn StdError + 'static)) -> String {
    let chain = std::iter::successors(error.source(), |&error| error.source());
    chain.fold(error.to_string(), |text, error| format!("{text}: {error}"))
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
