//! A time, or a range of times.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use nines_base::duration;
use serde::{Deserialize, Deserializer};

/// When something must happen: `25ms` exactly, `0ms..25ms` from then to then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub least: Duration,
    pub most: Duration,
}

impl Span {
    /// Whether `time` is in the span, or no more than `late` after it.
    pub fn holds(&self, time: Duration, late: Duration) -> bool {
        self.least <= time && time <= self.most + late
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let parse = |text| duration::parse(text).map_err(|error| error.to_string());
        let span = Self {
            least: parse(least)?,
            most: parse(most)?,
        };
        let good = span.least <= span.most;
        good.then_some(span)
            .ok_or_else(|| format!("`{text}` ends before it begins"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.least == self.most {
            true => write!(f, "{:?}", self.least),
            false => write!(f, "{:?}..{:?}", self.least, self.most),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_or_a_range() {
        let ms = Duration::from_millis;
        let cases = [
            ("25ms", 25, 25, true),
            ("25ms", 26, 27, false),
            ("0s..25ms", 0, 25, true),
        ];
        for (text, first, last, holds) in cases {
            let span: Span = text.parse().expect(text);
            for time in [first, last] {
                assert_eq!(span.holds(ms(time), Duration::ZERO), holds, "{text} {time}");
            }
        }
        assert!(
            "25ms".parse::<Span>().expect("span").holds(ms(26), ms(1)),
            "lateness is allowed for"
        );
        assert!("2s..1s".parse::<Span>().is_err());
        assert!("2..3".parse::<Span>().is_err());
    }
}
