//! Choosing an endpoint: one file for each algorithm.
//!
//! A picker belongs to one worker and one service, so that its own state needs no lock; what workers must know of one
//! another lies in the endpoints' shared statistics.

mod peak_ewma;
mod round_robin;
mod weighted;

use std::time::{Duration, Instant};

use nines_base::Rng;
use nines_model::policy::{Algorithm, Balance};

use crate::{EndpointSet, Excluded, Permit};
use peak_ewma::PeakEwma;
use round_robin::RoundRobin;
use weighted::Weighted;

/// The time over which a new endpoint's share grows when the policy does not say.
pub const SLOW_START: Duration = Duration::from_secs(10);

/// How to pick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    pub algorithm: Algorithm,
    /// Zero switches slow start off. Round robin has none.
    pub slow_start: Duration,
}

/// Picks the endpoints of one service for one worker.
#[derive(Debug)]
pub struct Picker {
    config: Config,
    state: State,
}

#[derive(Debug)]
enum State {
    RoundRobin(RoundRobin),
    Weighted(Weighted),
    PeakEwma(PeakEwma),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            slow_start: SLOW_START,
        }
    }
}

impl From<&Balance> for Config {
    fn from(balance: &Balance) -> Self {
        Self {
            algorithm: balance.algorithm,
            slow_start: balance.slow_start.unwrap_or(SLOW_START),
        }
    }
}

impl Picker {
    pub fn new(config: Config) -> Self {
        let state = match config.algorithm {
            Algorithm::RoundRobin => State::RoundRobin(RoundRobin::default()),
            Algorithm::Weighted => State::Weighted(Weighted::new(config.slow_start)),
            Algorithm::PeakEwma => State::PeakEwma(PeakEwma::new(config.slow_start)),
        };
        Self { config, state }
    }

    /// Follows an edited policy; without a difference nothing changes.
    pub fn configure(&mut self, config: Config) {
        if self.config != config {
            *self = Self::new(config);
        }
    }

    /// Picks an endpoint that is not excluded: a ready one, without such a suspect, and without these an ejected one. Call
    /// [`EndpointSet::review`] before.
    pub fn pick(&mut self, set: &EndpointSet, excluded: &Excluded, rng: &mut Rng, now: Instant) -> Option<Permit> {
        let first = match &mut self.state {
            State::RoundRobin(state) => state.pick(set, excluded, rng),
            State::Weighted(state) => state.pick(set, excluded, rng, now),
            State::PeakEwma(state) => state.pick(set, excluded, rng, now),
        };
        let index = first.or_else(|| last_choice(set, excluded))?;
        set.slots()
            .get(index)
            .map(|slot| Permit::new(slot.endpoint.clone(), now))
    }
}

/// Among those that may be wrongly listed, and then among those that were ejected, the one with the least to do.
fn last_choice(set: &EndpointSet, excluded: &Excluded) -> Option<usize> {
    let endpoint = |index: &usize| &*set.slots()[*index].endpoint;
    let left = (0..set.len()).filter(|index| !excluded.contains(endpoint(index).address()));
    left.min_by_key(|index| (endpoint(index).is_ejected(), endpoint(index).in_flight()))
}

fn is_allowed(set: &EndpointSet, index: usize, excluded: &Excluded) -> bool {
    let endpoint = &set.slots()[index].endpoint;
    !endpoint.is_ejected() && (excluded.is_empty() || !excluded.contains(endpoint.address()))
}

#[cfg(test)]
mod tests;
