//! The callee's own word on when to come again.

use std::time::{Duration, SystemTime};

use nines_base::{Kind, Retry};

/// A Retry-After that is neither seconds nor a date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("retry-after is `{value}`, but must be seconds as digits or an HTTP date (RFC 9110 section 10.2.3)")]
pub struct BadRetryAfter {
    /// The value, cut to 40 characters.
    pub value: String,
}

impl BadRetryAfter {
    /// The callee's mistake.
    pub fn kind(&self) -> Kind {
        Kind::InvalidArgument
    }

    /// Says nothing of the call itself.
    pub fn retry(&self) -> Retry {
        Retry::Unknown
    }
}

/// Reads Retry-After (RFC 9110 section 10.2.3): `delta-seconds`, digits only, where a number beyond 64 bits is as good
/// as for ever; or an HTTP date in any of the three forms of section 5.6.7, weekday and all, counted from `wall`. A date
/// that has passed asks for no wait.
pub fn retry_after(value: &[u8], wall: SystemTime) -> Result<Duration, BadRetryAfter> {
    seconds(value)
        .or_else(|| date(value, wall))
        .ok_or_else(|| BadRetryAfter {
            value: String::from_utf8_lossy(value).chars().take(40).collect(),
        })
}

/// Digits as seconds, without limit.
fn seconds(value: &[u8]) -> Option<Duration> {
    let seconds = digits(value)?;
    Some(Duration::from_secs(seconds))
}

/// One or more digits and nothing else; a number that does not fit is the greatest that does.
pub(super) fn digits(value: &[u8]) -> Option<u64> {
    let add = |sum: u64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        Some(sum.saturating_mul(10).saturating_add(digit))
    };
    let number = value.iter().try_fold(0, add)?;
    (!value.is_empty()).then_some(number)
}

fn date(value: &[u8], wall: SystemTime) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?;
    if text.trim_ascii().len() != text.len() {
        return None;
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(wall).unwrap_or(Duration::ZERO))
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
