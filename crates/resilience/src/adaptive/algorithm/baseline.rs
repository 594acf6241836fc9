//! The queue against the latency that probes find.
//!
//! The limit grows by a tenth while it is in use and fewer than `1 + log10(limit)` calls wait, and goes down by what is
//! over that when more than twice as many wait. Now and then a probe halves the limit for two windows: in the first a queue
//! that stands in the callee drains, the second shows the latency without it, which counts for half of the baseline from
//! then on. (A smallest latency would do without probes, but is too small where service times spread: the limit then stays
//! too low.) It probes soon after the beginning, every 40 to 60 windows, and when the latency does not follow the limit
//! down: less in flight means less of a queue, so that what stays must be the callee itself, which has become slower.

use nines_base::Rng;

use super::{Window, queue};

const FIRST_PROBE: u64 = 3;
const PROBE_EVERY: u64 = 40;
const PROBE_JITTER: u64 = 20;
/// Windows between a probe and one for the reason that latency does not follow.
const PROBE_PAUSE: u64 = 5;
/// A probe that differs from the baseline by more than this factor is a callee that has changed: nothing is averaged.
const CHANGED: f64 = 1.5;

#[derive(Debug)]
pub(in super::super) struct Baseline {
    /// Before the first probe the smallest latency so far.
    pub(super) baseline: Option<f64>,
    /// Whether a probe has found it.
    known: bool,
    /// Windows until the next probe.
    probe_in: u64,
    /// Windows since the last.
    probed_ago: u64,
    /// The limit and the latency before the limit went down.
    before: Option<(f64, f64)>,
    probe: Option<Probe>,
}

/// The limit is halved, to see the callee without a queue.
#[derive(Debug)]
struct Probe {
    /// The limit to go back to.
    before: f64,
    drained: bool,
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            baseline: None,
            known: false,
            probe_in: FIRST_PROBE,
            probed_ago: 0,
            before: None,
            probe: None,
        }
    }
}

impl Baseline {
    pub(super) fn update(&mut self, limit: f64, window: &Window, rng: &mut Rng) -> f64 {
        match self.probe.take() {
            Some(probe) if probe.drained => self.probed(probe.before, window, rng),
            Some(Probe { before, .. }) => {
                let drained = true;
                self.probe = Some(Probe { before, drained });
                limit
            }
            None => self.follow(limit, window),
        }
    }

    fn follow(&mut self, limit: f64, window: &Window) -> f64 {
        let baseline = self.learn(window.latency);
        let waiting = queue(limit, baseline, window.latency);
        let little = 1.0 + limit.log10();
        let follows = self.follows(limit, window.latency);
        let next = if waiting > 2.0 * little {
            self.before = Some((limit, window.latency));
            (limit - (waiting - little)).max(1.0)
        } else {
            let grows = window.full && waiting < little;
            limit + if grows { (limit * 0.1).max(1.0) } else { 0.0 }
        };
        self.probe_in = self.probe_in.saturating_sub(1);
        self.probed_ago += 1;
        if self.probe_in > 0 && (follows || self.probed_ago < PROBE_PAUSE) {
            return next;
        }
        self.probe = Some(Probe {
            before: next,
            drained: false,
        });
        next / 2.0
    }

    /// The baseline as far as a window shows it that is no probe: at first the smallest latency, later only that the
    /// callee has become much quicker.
    fn learn(&mut self, latency: f64) -> f64 {
        let known = self.baseline.unwrap_or(latency);
        let quicker = latency * CHANGED < known;
        if quicker && self.known {
            self.known = false;
            self.probe_in = self.probe_in.min(FIRST_PROBE);
        }
        let baseline = if self.known { known } else { known.min(latency) };
        self.baseline = Some(baseline);
        baseline
    }

    /// Whether the latency went down with the limit, at least half as much. Of a callee whose queue is never empty it goes
    /// down as much.
    fn follows(&mut self, limit: f64, latency: f64) -> bool {
        self.before.take().is_none_or(|(limit_before, latency_before)| {
            let half_way = f64::midpoint(1.0, limit / limit_before);
            latency <= half_way * latency_before
        })
    }

    fn probed(&mut self, before: f64, window: &Window, rng: &mut Rng) -> f64 {
        (self.probe_in, self.probed_ago) = (PROBE_EVERY + rng.below(PROBE_JITTER), 0);
        let found = window.latency;
        let average = match self.baseline {
            Some(known) if self.known && found < CHANGED * known && known < CHANGED * found => (known + found) / 2.0,
            _ => found,
        };
        self.baseline = Some(average);
        self.known = true;
        before
    }
}
