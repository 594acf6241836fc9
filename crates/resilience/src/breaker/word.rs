//! All that a check needs, in one word.

use super::Mode;

/// From the top: mode (2 bits), phase (2), generation (28), probes in flight or succeeded (16), probes succeeded (16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Word(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Closed,
    Open,
    HalfOpen,
}

const GENERATION: u64 = (1 << 28) - 1;
const PROBE: u64 = 1 << 16;
const COUNT: u64 = 0xffff;

impl Word {
    /// The first word of the generation after this one's.
    pub(super) fn next(self, mode: Mode, phase: Phase) -> Self {
        let mode = match mode {
            Mode::Automatic => 0,
            Mode::ForcedOpen => 1,
            Mode::Disabled => 2,
            Mode::MetricsOnly => 3,
        };
        let phase = match phase {
            Phase::Closed => 0,
            Phase::Open => 1,
            Phase::HalfOpen => 2,
        };
        let generation = (u64::from(self.generation()) + 1) & GENERATION;
        Self(mode << 62 | phase << 60 | generation << 32)
    }

    pub(super) fn mode(self) -> Mode {
        match self.0 >> 62 {
            0 => Mode::Automatic,
            1 => Mode::ForcedOpen,
            2 => Mode::Disabled,
            _ => Mode::MetricsOnly,
        }
    }

    pub(super) fn phase(self) -> Phase {
        match self.0 >> 60 & 3 {
            0 => Phase::Closed,
            1 => Phase::Open,
            _ => Phase::HalfOpen,
        }
    }

    pub(super) fn generation(self) -> u32 {
        (self.0 >> 32 & GENERATION) as u32
    }

    /// Probes in flight or succeeded.
    pub(super) fn probes(self) -> u32 {
        (self.0 >> 16 & COUNT) as u32
    }

    pub(super) fn successes(self) -> u32 {
        (self.0 & COUNT) as u32
    }

    pub(super) fn with_probe(self) -> Self {
        Self(self.0 + PROBE)
    }

    pub(super) fn without_probe(self) -> Self {
        Self(self.0 - PROBE)
    }

    pub(super) fn with_success(self) -> Self {
        Self(self.0 + 1)
    }
}

impl From<u64> for Word {
    fn from(word: u64) -> Self {
        Self(word)
    }
}

impl From<Word> for u64 {
    fn from(word: Word) -> u64 {
        word.0
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        for mode in [Mode::Automatic, Mode::ForcedOpen, Mode::Disabled, Mode::MetricsOnly] {
            for phase in [Phase::Closed, Phase::Open, Phase::HalfOpen] {
                let word = Word::default()
                    .next(mode, phase)
                    .with_probe()
                    .with_probe()
                    .with_success();
                assert_eq!((word.mode(), word.phase()), (mode, phase));
                assert_eq!((word.generation(), word.probes(), word.successes()), (1, 2, 1));
                assert_eq!(word.without_probe().probes(), 1);
            }
        }
    }

    #[test]
    fn the_last_generation_is_followed_by_the_first() {
        let last = Word(GENERATION << 32);
        assert_eq!(last.next(Mode::MetricsOnly, Phase::Closed).generation(), 0);
        assert_eq!(last.next(Mode::MetricsOnly, Phase::Closed).mode(), Mode::MetricsOnly);
    }
}
