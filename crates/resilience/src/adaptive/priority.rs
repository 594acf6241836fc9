//! Who goes first when there is too much.

/// How important a call is. When the limit is reached the least important are refused first, because each class may use
/// only its share of the limit; the most important may go a little over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Priority {
    /// Up to 60 % of the limit: prefetches, batch work.
    VeryLow,
    /// Up to 80 %.
    Low,
    /// All of it.
    #[default]
    Medium,
    /// Up to 110 %.
    High,
    /// Up to 120 %: health checks, what a person waits for.
    VeryHigh,
}

impl Priority {
    /// All of them, the least important first.
    pub const ALL: [Self; 5] = [Self::VeryLow, Self::Low, Self::Medium, Self::High, Self::VeryHigh];

    /// How many of these may be in flight under that limit: at least one of the limit's share, whatever the rounding.
    pub fn share(self, limit: u32) -> u32 {
        let percent: u64 = match self {
            Priority::VeryLow => 60,
            Priority::Low => 80,
            Priority::Medium => 100,
            Priority::High => 110,
            Priority::VeryHigh => 120,
        };
        let share = (u64::from(limit) * percent).div_ceil(100);
        u32::try_from(share).unwrap_or(u32::MAX).max(1)
    }

    /// The stable name, as in logs and headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::VeryLow => "very_low",
            Priority::Low => "low",
            Priority::Medium => "medium",
            Priority::High => "high",
            Priority::VeryHigh => "very_high",
        }
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn the_more_important_the_more() {
        for limit in [1, 2, 7, 100, u32::MAX] {
            let shares = Priority::ALL.map(|priority| priority.share(limit));
            assert!(shares.is_sorted() && shares[0] >= 1, "{limit}: {shares:?}");
            assert_eq!(shares[2], limit);
        }
        assert_eq!(Priority::ALL.map(|priority| priority.share(10)), [6, 8, 10, 11, 12]);
    }
}
