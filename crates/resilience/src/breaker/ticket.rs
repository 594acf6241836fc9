//! What a call that was let through holds until its result is known.

use super::word::Word;

/// Permission for one call. Give it back by `record` or `release`; a probe that is never given back holds its slot until
/// the half-open breaker starts its probes anew.
#[derive(Debug)]
#[must_use = "a ticket goes back to its breaker by `record` or `release`"]
pub struct Ticket {
    pub(super) kind: Kind,
    pub(super) generation: u32,
    /// When the call began, in nanoseconds of the breaker's origin.
    pub(super) begun: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Call,
    Probe,
    /// Its result does not count.
    Untracked,
}

impl Ticket {
    pub(super) fn new(kind: Kind, word: Word, now: u64) -> Self {
        Self {
            kind,
            generation: word.generation(),
            begun: now,
        }
    }

    /// Whether the call probes a callee that failed before.
    pub fn is_probe(&self) -> bool {
        self.kind == Kind::Probe
    }
}
