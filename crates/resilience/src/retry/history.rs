//! What became of each attempt of a call.

use std::fmt;
use std::time::Duration;

use crate::Outcome;

/// The first attempt and the last three say what there is to know.
const KEPT: usize = 4;
/// Text beyond this is cut: it goes into logs and answers.
const MOST_TEXT: usize = 160;

/// One attempt that did not satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    pub outcome: Outcome,
    /// From the attempt's beginning to its end.
    pub latency: Duration,
    /// The error in the caller's words, cut to 160 bytes; empty if the caller gave none.
    pub text: Box<str>,
}

/// The attempts of one call that did not satisfy, for the final error: the first and the last three. It allocates
/// nothing but the texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    kept: [Option<Attempt>; KEPT],
    count: u32,
}

impl History {
    /// How many attempts there were, those not kept included.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The attempts that are kept, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Attempt> {
        self.kept.iter().flatten()
    }

    /// How many attempts between the first and the last three are left out.
    pub fn left_out(&self) -> u32 {
        self.count.saturating_sub(KEPT as u32)
    }

    pub(super) fn push(&mut self, attempt: Attempt) {
        let place = self.count as usize;
        self.count = self.count.saturating_add(1);
        if place >= KEPT {
            self.kept[1..].rotate_left(1);
        }
        self.kept[place.min(KEPT - 1)] = Some(attempt);
    }

    /// Gives the last attempt its text.
    pub(super) fn note(&mut self, text: &str) {
        let place = (self.count as usize).min(KEPT).saturating_sub(1);
        if let Some(last) = &mut self.kept[place] {
            last.text = text[..text.floor_char_boundary(MOST_TEXT)].into();
        }
    }
}

/// `attempt 1: failure after 12 ms (connection refused); …`
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, attempt) in self.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            if place == 1 && self.left_out() > 0 {
                write!(f, "; {} more", self.left_out())?;
            }
            write!(f, "{separator}{attempt}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Throttled => "throttled",
            Outcome::Ignored => "ignored",
        };
        let millis = self.latency.as_millis();
        write!(f, "attempt {}: {outcome} after {millis} ms", self.number)?;
        match &*self.text {
            "" => Ok(()),
            text => write!(f, " ({text})"),
        }
    }
}
