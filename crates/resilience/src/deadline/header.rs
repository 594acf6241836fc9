//! The time that is left, as it travels between hops.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use nines_base::{Kind, Retry};

use super::Deadline;

/// Milliseconds that are left, as digits.
pub const TIMEOUT_MS: HeaderName = HeaderName::from_static("x-nines-timeout-ms");
/// gRPC over HTTP/2, "Timeout": one to eight digits and a unit.
pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Most digits of `grpc-timeout`, by its specification.
const GRPC_DIGITS: usize = 8;
const GRPC_MOST: u128 = 99_999_999;
/// Most digits of `x-nines-timeout-ms`: 115 days.
const MILLIS_DIGITS: usize = 10;
const MILLIS_MOST: u128 = 9_999_999_999;
/// The units of `grpc-timeout` from fine to coarse, in nanoseconds.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

/// A deadline header that cannot be read. Values are cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDeadline {
    #[error("{header} is `{value}`, but must be {allowed}")]
    Value {
        header: HeaderName,
        value: String,
        allowed: &'static str,
    },
    #[error("{header} is there more than once")]
    Repeated { header: HeaderName },
}

impl BadDeadline {
    /// Always the caller's mistake.
    pub fn kind(&self) -> Kind {
        Kind::InvalidArgument
    }

    /// Never worth another try.
    pub fn retry(&self) -> Retry {
        Retry::Never
    }
}

impl Deadline {
    /// The deadline of a request that arrived at `received`: the earlier one if both headers are there. A time of 0 is a
    /// deadline that is over.
    pub fn from_headers(headers: &HeaderMap, received: Instant) -> Result<Option<Self>, BadDeadline> {
        let millis = only(headers, TIMEOUT_MS)?.map(parse_millis).transpose()?;
        let grpc = only(headers, GRPC_TIMEOUT)?.map(parse_grpc).transpose()?;
        let least = millis.into_iter().chain(grpc).min();
        Ok(least.map(|left| Self::after(left, received)))
    }

    /// Reads `x-nines-timeout-ms`: one to ten digits.
    pub fn from_timeout_ms(value: &[u8], received: Instant) -> Result<Self, BadDeadline> {
        Ok(Self::after(parse_millis(value)?, received))
    }

    /// Reads `grpc-timeout`: one to eight digits, then one of `H M S m u n`.
    pub fn from_grpc_timeout(value: &[u8], received: Instant) -> Result<Self, BadDeadline> {
        Ok(Self::after(parse_grpc(value)?, received))
    }

    /// The value of `x-nines-timeout-ms`: what is left, rounded down, so that the next hop never believes in more, and at
    /// most what ten digits hold; 0 once less than a millisecond is left.
    pub fn to_timeout_ms(self, now: Instant) -> HeaderValue {
        let left = self.remaining(now).unwrap_or_default().as_millis();
        HeaderValue::from(left.min(MILLIS_MOST) as u64)
    }

    /// The value of `grpc-timeout`: what is left in the finest unit that eight digits can hold, rounded down.
    pub fn to_grpc_timeout(self, now: Instant) -> HeaderValue {
        let left = self.remaining(now).unwrap_or_default().as_nanos();
        let finest = UNITS.into_iter().find(|(_, unit)| left / unit <= GRPC_MOST);
        let (unit, nanos) = finest.unwrap_or(UNITS[5]);
        let text = format!("{}{}", (left / nanos).min(GRPC_MOST), char::from(unit));
        HeaderValue::try_from(text).expect("digits and a letter are a header value")
    }
}

fn parse_millis(value: &[u8]) -> Result<Duration, BadDeadline> {
    let millis = number(value, MILLIS_DIGITS);
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| bad(TIMEOUT_MS, value, "milliseconds as 1 to 10 digits"))
}

fn parse_grpc(value: &[u8]) -> Result<Duration, BadDeadline> {
    let parsed = value.split_last().and_then(|(last, digits)| {
        let (_, nanos) = UNITS.into_iter().find(|(unit, _)| unit == last)?;
        let nanos = u128::from(number(digits, GRPC_DIGITS)?) * nanos;
        Some(Duration::from_nanos_u128(nanos))
    });
    parsed.ok_or_else(|| bad(GRPC_TIMEOUT, value, "1 to 8 digits and one of H, M, S, m, u, n"))
}

fn number(digits: &[u8], most: usize) -> Option<u64> {
    if digits.is_empty() || digits.len() > most || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

fn only(headers: &HeaderMap, header: HeaderName) -> Result<Option<&[u8]>, BadDeadline> {
    let mut values = headers.get_all(&header).iter();
    let first = values.next().map(HeaderValue::as_bytes);
    match values.next() {
        Some(_) => Err(BadDeadline::Repeated { header }),
        None => Ok(first),
    }
}

fn bad(header: HeaderName, value: &[u8], allowed: &'static str) -> BadDeadline {
    BadDeadline::Value {
        header,
        value: String::from_utf8_lossy(value).chars().take(40).collect(),
        allowed,
    }
}
