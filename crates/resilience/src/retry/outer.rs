//! Which attempt of the hop before us a call is.

use std::num::NonZeroU32;

use http::{HeaderMap, HeaderName, HeaderValue};
use nines_base::{Kind, Retry};

use super::pushback::digits;

/// A call's number at the hop that sent it, from 1, in `x-nines-attempt`. A call that is already a repetition is not
/// repeated further down: the hop that repeats is the one nearest to the user that can, and the load does not multiply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OuterAttempt(NonZeroU32);

/// An `x-nines-attempt` that is no attempt's number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("x-nines-attempt is `{value}`, but must be one number from 1 to 999")]
pub struct BadAttempt {
    /// The value, cut to 40 characters.
    pub value: String,
}

impl BadAttempt {
    /// Always the caller's mistake.
    pub fn kind(&self) -> Kind {
        Kind::InvalidArgument
    }

    /// Never worth another try.
    pub fn retry(&self) -> Retry {
        Retry::Never
    }
}

impl OuterAttempt {
    /// The header's name.
    pub const HEADER: HeaderName = HeaderName::from_static("x-nines-attempt");
    /// A first attempt: what a call without the header is.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The attempt with this number.
    pub fn new(number: NonZeroU32) -> Self {
        Self(number)
    }

    /// From 1.
    pub fn number(self) -> u32 {
        self.0.get()
    }

    /// Whether it repeats an earlier one.
    pub fn is_repetition(self) -> bool {
        self > Self::FIRST
    }

    /// The number in the header; [`OuterAttempt::FIRST`] without one.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, BadAttempt> {
        let mut values = headers.get_all(Self::HEADER).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self::FIRST),
            (Some(value), None) => Self::parse(value.as_bytes()),
            (Some(_), Some(value)) => Err(bad(value.as_bytes())),
        }
    }

    /// Reads the header's value: one to three digits, not 0.
    pub fn parse(value: &[u8]) -> Result<Self, BadAttempt> {
        let number = digits(value).filter(|_| value.len() <= 3);
        let number = number.and_then(|number| NonZeroU32::new(u32::try_from(number).ok()?));
        number.map(Self).ok_or_else(|| bad(value))
    }

    /// The header's value.
    pub fn to_header(self) -> HeaderValue {
        HeaderValue::from(self.number().min(999))
    }
}

fn bad(value: &[u8]) -> BadAttempt {
    BadAttempt {
        value: String::from_utf8_lossy(value).chars().take(40).collect(),
    }
}
