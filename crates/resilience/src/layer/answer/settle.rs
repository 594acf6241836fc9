//! Which errors are ours to answer for.

use std::convert::Infallible;
use std::error::Error as StdError;

use super::Report;
use crate::layer::{Error, Fault};

/// An error that layers of this crate may have put something into. Implement it for the error of your own innermost
/// service by returning [`Settled::Theirs`]; an error of another crate goes in a `Box<dyn Error + Send + Sync>`.
pub trait Settle: Sized {
    /// The innermost service's error.
    type Rest;

    /// Divides what is ours from what is theirs.
    fn settle(self) -> Settled<Self::Rest>;
}

/// Whose an error is.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled<E> {
    /// A layer of this crate ended the call: answer this.
    Ours(Box<Report>),
    /// The innermost service failed.
    Theirs(E),
}

impl<E: Settle> Settle for Error<E> {
    type Rest = E::Rest;

    fn settle(self) -> Settled<Self::Rest> {
        match self {
            Error::Inner(error) => error.settle(),
            Error::GaveUp(gave_up) => gave_up.error.settle(),
            Error::Refused(refusal) => Settled::Ours(Report::of(Fault::Refused(&refusal))),
            Error::Stopped(stopped) => Settled::Ours(Report::of(Fault::Stopped(&stopped))),
            Error::Panicked(panicked) => Settled::Ours(Report::of(Fault::Panicked(&panicked))),
            Error::Malformed(bad) => Settled::Ours(Report::of(Fault::Malformed(&bad))),
        }
    }
}

impl Settle for Infallible {
    type Rest = Infallible;

    fn settle(self) -> Settled<Infallible> {
        match self {}
    }
}

impl Settle for Box<dyn StdError + Send + Sync> {
    type Rest = Self;

    fn settle(self) -> Settled<Self> {
        match Fault::find(&*self) {
            Some(fault) => Settled::Ours(Report::of(fault)),
            None => Settled::Theirs(self),
        }
    }
}

impl Settle for std::io::Error {
    type Rest = Self;

    fn settle(self) -> Settled<Self> {
        Settled::Theirs(self)
    }
}
