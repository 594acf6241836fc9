//! Durations as people write them: `30s`, `500ms`, `1h30m`.
//!
//! The grammar is the one of Gateway API (GEP-2257): one to four terms, each of one to five digits and one of
//! `h`, `m`, `s`, `ms`. `0s` is zero. Use as `#[serde(with = "nines_base::duration")]`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// The grammar as a regular expression, for schemas.
pub const PATTERN: &str = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write terms of digits and h, m, s or ms, for example 30s, 500ms or 1h30m")]
pub struct DurationError(pub String);

/// Reads a duration.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let fail = || DurationError(text.chars().take(40).collect());
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut terms = 0;
    while !rest.is_empty() {
        let (term, left) = parse_term(rest).ok_or_else(fail)?;
        total += term;
        rest = left;
        terms += 1;
    }
    if (1..=4).contains(&terms) {
        Ok(total)
    } else {
        Err(fail())
    }
}

fn parse_term(text: &str) -> Option<(Duration, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=5).contains(&digits) {
        return None;
    }
    let (number, rest) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    if let Some(rest) = rest.strip_prefix("ms") {
        return Some((Duration::from_millis(number), rest));
    }
    let seconds = match rest.as_bytes().first()? {
        b'h' => number * 3600,
        b'm' => number * 60,
        b's' => number,
        _ => return None,
    };
    Some((Duration::from_secs(seconds), &rest[1..]))
}

/// Writes a duration in the same grammar, in its largest fitting units; parts below a millisecond are cut.
pub fn format(duration: Duration) -> String {
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, size) in units {
        if millis >= size {
            text.push_str(&format!("{}{unit}", millis / size));
            millis %= size;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// For `#[serde(with)]`.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// For `#[serde(with)]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}

/// The same for `Option<Duration>`: `#[serde(default, with = "nines_base::duration::optional")]`.
pub mod optional {
    use super::{Deserialize, Deserializer, Duration, Serializer, parse};

    /// For `#[serde(with)]`.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// For `#[serde(with)]`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| parse(&text).map_err(serde::de::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in [
            ("30s", 30_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("0s", 0),
            ("1m1ms", 60_001),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in [
            "",
            "s",
            "10",
            "-1s",
            "1.5s",
            "1 s",
            "100000s",
            "1s1s1s1s1s",
            "1d",
            "10S",
            "١s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millis in 0u64..3_600_000_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }
    }
}
