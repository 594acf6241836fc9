//! Power of two choices on latency and requests in flight.

use std::time::{Duration, Instant};

use nines_base::Rng;

use super::is_allowed;
use crate::{EndpointSet, Excluded, Slot};

/// Draws before the search falls back to looking at every endpoint.
const DRAWS: usize = 4;

/// Latencies below this count as equal to it, so that requests in flight still tell endpoints apart that answer at once
/// or have not been asked for long.
const FLOOR_SECONDS: f32 = 1e-6;

/// How much better the second must be among equals: less is noise, and noise that lasts would make one of two equals
/// starve.
const SLIGHTLY: f32 = 1.01;

/// How much better the second must be where weights differ. Without this a light endpoint would win every second
/// comparison with a heavy one that is equally quick, and the weights would count for nothing.
const CLEARLY: f32 = 2.0;

/// Draws two endpoints by weight (Mitzenmacher 2001, "The Power of Two Choices") and takes the first unless the second
/// costs less. An endpoint costs its peak EWMA of latency times one more than the requests in flight there, these
/// measured against its weight. A newcomer is drawn with its slow-start share of its weight.
#[derive(Debug)]
pub(super) struct PeakEwma {
    slow_start: Duration,
}

/// What a pick looks at.
struct View<'a> {
    set: &'a EndpointSet,
    excluded: &'a Excluded,
    /// `None` when nobody warms up.
    slow_start: Option<Duration>,
    now: Instant,
}

impl PeakEwma {
    pub(super) fn new(slow_start: Duration) -> Self {
        Self { slow_start }
    }

    pub(super) fn pick(&self, set: &EndpointSet, excluded: &Excluded, rng: &mut Rng, now: Instant) -> Option<usize> {
        if set.is_empty() {
            return None;
        }
        let view = View {
            set,
            excluded,
            slow_start: set.warms_up(self.slow_start, now).then_some(self.slow_start),
            now,
        };
        let first = view.draw(None, rng)?;
        let second = view.draw(Some(first), rng).unwrap_or(first);
        Some(if view.is_better(second, first) { second } else { first })
    }
}

impl View<'_> {
    /// An allowed endpoint other than `other`, by weight.
    fn draw(&self, other: Option<usize>, rng: &mut Rng) -> Option<usize> {
        let drawn = (0..DRAWS)
            .map(|_| self.draw_any(other, rng))
            .find(|(index, chance)| self.is_candidate(*index, other) && self.admits(*index, *chance));
        drawn.map(|(index, _)| index).or_else(|| self.scan(other, rng))
    }

    /// A slot and the chance, between 0 and 1, that it has to beat if it is a newcomer.
    fn draw_any(&self, other: Option<usize>, rng: &mut Rng) -> (usize, f32) {
        let chance = match self.slow_start {
            Some(_) => rng.unit() as f32,
            None => 0.0,
        };
        let count = self.set.first_choice().len();
        match other {
            Some(other) if count > 1 && self.set.equal_weights() => {
                let index = rng.below(count as u64 - 1) as usize;
                (index + usize::from(index >= other), chance)
            }
            _ => (self.set.draw(rng), chance),
        }
    }

    fn scan(&self, other: Option<usize>, rng: &mut Rng) -> Option<usize> {
        let count = self.set.first_choice().len();
        let start = rng.below(count as u64) as usize;
        (0..count)
            .map(|step| (start + step) % count)
            .find(|index| self.is_candidate(*index, other))
    }

    fn is_candidate(&self, index: usize, other: Option<usize>) -> bool {
        Some(index) != other && is_allowed(self.set, index, self.excluded)
    }

    fn admits(&self, index: usize, chance: f32) -> bool {
        chance < self.share(&self.set.slots()[index])
    }

    fn is_better(&self, second: usize, first: usize) -> bool {
        let even = self.set.equal_weights() && self.slow_start.is_none();
        let margin = if even { SLIGHTLY } else { CLEARLY };
        self.cost(second) * margin < self.cost(first)
    }

    fn cost(&self, index: usize) -> f32 {
        let slot = &self.set.slots()[index];
        let weight = slot.weight as f32 * self.share(slot);
        let busy = slot.endpoint.in_flight() as f32 * self.set.mean_weight() / weight;
        slot.endpoint.seconds(self.now).max(FLOOR_SECONDS) * (1.0 + busy)
    }

    fn share(&self, slot: &Slot) -> f32 {
        match self.slow_start {
            Some(window) => slot.endpoint.slow_start_share(window, self.now),
            None => 1.0,
        }
    }
}
