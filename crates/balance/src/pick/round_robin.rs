//! One after the other, whatever their weights.

use nines_base::Rng;

use super::is_allowed;
use crate::{EndpointSet, Excluded};

/// The place after the last pick.
#[derive(Debug, Default)]
pub(super) struct RoundRobin {
    next: Option<usize>,
}

impl RoundRobin {
    pub(super) fn pick(&mut self, set: &EndpointSet, excluded: &Excluded, rng: &mut Rng) -> Option<usize> {
        let count = set.first_choice().len();
        // Workers start at different places, else all would begin with the same endpoint.
        let start = self.next.unwrap_or_else(|| rng.below(count as u64) as usize);
        let picked = (0..count)
            .map(|step| (start + step) % count)
            .find(|index| is_allowed(set, *index, excluded))?;
        self.next = Some((picked + 1) % count);
        Some(picked)
    }
}
