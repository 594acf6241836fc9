//! What a layered call can fail with.

use std::any::Any;
use std::error::Error as StdError;
use std::time::Duration;

use nines_model::Cause;

use crate::deadline::BadDeadline;
use crate::retry::{GiveUp, History};
use crate::{Evidence, Measure, Name, Observed, Outcome, Refusal, Refused, Repeat};

/// A call that came to no response. Everything that is not of the layer's own making is the inner error, as it was.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error<E> {
    /// A policy did not let the call through: the inner service was not called.
    #[error("call refused ({})", .0.refused.cause)]
    Refused(#[source] Refusal),
    /// The call was under way when its time was up. It may have been processed.
    #[error("call stopped ({})", .0.0.refused.cause)]
    Stopped(#[source] Stopped),
    /// The inner service panicked.
    #[error("call panicked")]
    Panicked(#[source] Panicked),
    /// The request's own deadline cannot be read: the inner service was not called.
    #[error("call malformed")]
    Malformed(#[source] BadDeadline),
    /// The inner service failed more than once, and there was no other try.
    #[error("call failed {} times, no other try ({})", .0.history.count(), .0.reason)]
    GaveUp(#[source] Box<GaveUp<E>>),
    /// The inner service failed.
    #[error("inner service failed")]
    Inner(#[source] E),
}

/// A call that was under way when its time was up, and which time that was.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("policy {} stopped the call: {}", .0.policy, .0.refused)]
pub struct Stopped(pub Refusal);

/// A panic of the inner service, in its `call` or while its future was polled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("inner service panicked: {message}")]
pub struct Panicked {
    /// What the panic said, cut to 200 bytes; `no message` if it was no text.
    pub message: Box<str>,
}

/// A call that failed in every attempt that there was.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{history}")]
pub struct GaveUp<E> {
    /// The error of the last attempt.
    #[source]
    pub error: E,
    /// Why there was no other try.
    pub reason: GiveUp,
    /// What came of each attempt.
    pub history: History,
}

/// What a layer of this crate has to say of a failed call, wherever it is in a chain of errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault<'a> {
    Refused(&'a Refusal),
    Stopped(&'a Stopped),
    Panicked(&'a Panicked),
    Malformed(&'a BadDeadline),
}

impl<E> Error<E> {
    /// What this layer itself has to say; `None` if it is the inner service that failed.
    pub fn fault(&self) -> Option<Fault<'_>> {
        match self {
            Error::Refused(refusal) => Some(Fault::Refused(refusal)),
            Error::Stopped(stopped) => Some(Fault::Stopped(stopped)),
            Error::Panicked(panicked) => Some(Fault::Panicked(panicked)),
            Error::Malformed(bad) => Some(Fault::Malformed(bad)),
            Error::GaveUp(_) | Error::Inner(_) => None,
        }
    }

    /// The inner service's own error, if it gave one.
    pub fn inner(&self) -> Option<&E> {
        match self {
            Error::Inner(error) => Some(error),
            Error::GaveUp(gave_up) => Some(&gave_up.error),
            _ => None,
        }
    }

    /// The refusal, if this layer refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl Stopped {
    /// The call took so long and was given so long.
    pub(crate) fn after(took: Duration, given: Duration, cause: Cause, policy: &Name) -> Self {
        let evidence = Evidence {
            measure: Measure::Wait,
            value: took.as_secs_f64(),
            bound: given.as_secs_f64(),
            calls: 0,
        };
        let refused = Refused {
            cause,
            evidence,
            retry_after: None,
        };
        Self(refused.by(policy))
    }
}

impl Panicked {
    const MOST: usize = 200;

    /// What the payload of a caught panic says.
    pub fn from_payload(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("no message");
        Self {
            message: text[..text.floor_char_boundary(Self::MOST)].into(),
        }
    }
}

impl<'a> Fault<'a> {
    /// The outermost fault in `error` and its sources.
    pub fn find(error: &'a (dyn StdError + 'static)) -> Option<Self> {
        std::iter::successors(Some(error), |&error| error.source()).find_map(Self::of)
    }

    fn of(error: &'a (dyn StdError + 'static)) -> Option<Self> {
        if let Some(refusal) = error.downcast_ref() {
            return Some(Fault::Refused(refusal));
        }
        if let Some(stopped) = error.downcast_ref() {
            return Some(Fault::Stopped(stopped));
        }
        if let Some(panicked) = error.downcast_ref() {
            return Some(Fault::Panicked(panicked));
        }
        error.downcast_ref().map(Fault::Malformed)
    }

    /// The cause, from the closed list.
    pub fn cause(self) -> Cause {
        match self {
            Fault::Refused(refusal) => refusal.refused.cause,
            Fault::Stopped(stopped) => stopped.0.refused.cause,
            Fault::Panicked(_) => Cause::Internal,
            Fault::Malformed(_) => Cause::BadRequest,
        }
    }

    /// The refusal or what stopped the call.
    pub fn refusal(self) -> Option<&'a Refusal> {
        match self {
            Fault::Refused(refusal) => Some(refusal),
            Fault::Stopped(stopped) => Some(&stopped.0),
            Fault::Panicked(_) | Fault::Malformed(_) => None,
        }
    }

    /// What it says of the callee. A refusal of ours says nothing of it, and stands: who is inside of a retry and refuses
    /// would refuse again. A callee that took too long or panicked failed.
    pub fn observed(self) -> Observed {
        match self {
            Fault::Refused(_) | Fault::Malformed(_) => Observed::IGNORED,
            Fault::Stopped(_) => Observed::FAILURE,
            Fault::Panicked(_) => Observed {
                outcome: Outcome::Failure,
                repeat: Repeat::Never,
                retry_after: None,
            },
        }
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
