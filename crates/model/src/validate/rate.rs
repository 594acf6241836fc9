//! Rates as people write them: `100/s`, `6000/m`, `1/h`.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// So many in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub count: NonZeroU32,
    pub per: Duration,
}

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate: write a number from 1 on, a slash and s, m or h, for example 100/s or 6000/m")]
pub struct RateError(String);

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let fail = || RateError(text.chars().take(40).flat_map(char::escape_debug).collect());
        let (count, unit) = text.split_once('/').ok_or_else(fail)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(fail()),
        };
        if !count.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(fail());
        }
        Ok(Self {
            count: count.parse().map_err(|_| fail())?,
            per: Duration::from_secs(seconds),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for (text, count, seconds) in [("100/s", 100, 1), ("6000/m", 6000, 60), ("1/h", 1, 3600)] {
            let rate = text.parse::<Rate>().expect(text);
            assert_eq!((rate.count.get(), rate.per.as_secs()), (count, seconds));
        }
        for text in [
            "",
            "100",
            "0/s",
            "-1/s",
            "+1/s",
            "1/d",
            "1.5/s",
            "/s",
            "1/",
            "99999999999/s",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
