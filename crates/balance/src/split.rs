//! Shares of requests between backends.

use nines_base::Rng;

/// The golden ratio as a fraction of 2^64: its multiples fall most evenly into every interval.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Immutable weights, and a choice that keeps them closely without coordination: each worker walks the additive
/// recurrence `turn += 2^64 / phi` (Weyl sequence; its discrepancy over `n` choices is O(log n / n), where drawing at
/// random has O(1 / sqrt n)) and looks up whose interval it is in. There is no state to carry over an edit of the
/// weights: the next choice already follows the new ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    cumulative: Box<[u64]>,
}

/// One worker's place in the sequence of one split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn(u64);

impl Turn {
    /// Starts somewhere, so that workers do not choose in step.
    pub fn new(rng: &mut Rng) -> Self {
        Self(rng.next_u64())
    }
}

impl Split {
    /// `None` when nothing has a weight.
    pub fn new(weights: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut sum = 0u64;
        let add = |weight: u32| {
            sum += u64::from(weight);
            sum
        };
        let cumulative: Box<[u64]> = weights.into_iter().map(add).collect();
        (sum > 0).then_some(Self { cumulative })
    }

    /// The index of the weight whose turn it is; never one of weight 0.
    pub fn next(&self, turn: &mut Turn) -> usize {
        if self.cumulative.len() == 1 {
            return 0;
        }
        turn.0 = turn.0.wrapping_add(GOLDEN);
        let total = self.cumulative.last().copied().unwrap_or(0);
        let point = ((u128::from(turn.0) * u128::from(total)) >> 64) as u64;
        self.cumulative.partition_point(|sum| *sum <= point)
    }
}

#[cfg(test)]
mod tests;
