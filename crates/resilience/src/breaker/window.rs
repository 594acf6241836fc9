//! The results that count.

mod calls;

use super::config::Window as Config;
use crate::window::{Counts, Time};

/// The window of the configured kind.
#[derive(Debug)]
pub(super) enum Window {
    Calls(calls::Calls),
    Time(Time),
}

impl Window {
    pub(super) fn new(config: Config) -> Self {
        match config {
            Config::Calls(size) => Window::Calls(calls::Calls::new(size)),
            Config::Time(length) => Window::Time(Time::new(length)),
        }
    }

    /// Counts one result of a call of that generation; `now` in nanoseconds.
    pub(super) fn add(&self, generation: u32, now: u64, failed: bool, slow: bool) {
        match self {
            Window::Calls(window) => window.add(generation, failed, slow),
            Window::Time(window) => window.add(generation, now, failed, slow),
        }
    }

    /// What counts now.
    pub(super) fn sum(&self, generation: u32, now: u64) -> Counts {
        match self {
            Window::Calls(window) => window.sum(),
            Window::Time(window) => window.sum(generation, now),
        }
    }

    /// Forgets what is older than the generation.
    pub(super) fn clear(&self, generation: u32) {
        match self {
            Window::Calls(window) => window.clear(generation),
            // What an older generation wrote is told by its mark.
            Window::Time(_) => {}
        }
    }
}
