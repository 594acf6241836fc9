//! The methods: pure functions of (state, window).

mod baseline;
mod gradient;
mod spread;
mod vegas;

use nines_base::Rng;

use super::config::{Algorithm, Config};

pub(super) use spread::Spread;

/// What a complete window says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) spread: Spread,
    pub(super) samples: u64,
    /// Samples a second.
    pub(super) throughput: f64,
    /// Whether the limit was reached, or nearly: else it says nothing of what would be too much.
    pub(super) full: bool,
}

/// What a method knows from before.
#[derive(Debug)]
pub(super) enum State {
    Adaptive(baseline::Baseline),
    Vegas(vegas::Vegas),
    Gradient(gradient::Gradient),
}

impl State {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Adaptive => State::Adaptive(baseline::Baseline::default()),
            Algorithm::Vegas => State::Vegas(vegas::Vegas::default()),
            Algorithm::Gradient => State::Gradient(gradient::Gradient::default()),
        }
    }

    /// The limit after the window, within the bounds.
    pub(super) fn update(&mut self, limit: f64, window: &Window, config: &Config, rng: &mut Rng) -> f64 {
        let next = match self {
            State::Adaptive(state) => state.update(limit, window, rng),
            State::Vegas(state) => state.update(limit, window, rng),
            State::Gradient(state) => state.update(limit, window),
        };
        next.clamp(f64::from(config.min), f64::from(config.max))
    }

    /// The latency without a queue, in seconds, as far as it is known.
    pub(super) fn baseline(&self) -> Option<f64> {
        match self {
            State::Adaptive(state) => state.baseline.map(|spread| spread.mean()),
            State::Vegas(state) => state.base,
            State::Gradient(state) => state.long,
        }
    }
}
