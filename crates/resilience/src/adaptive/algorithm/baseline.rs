//! The queue against the latencies that probes find.
//!
//! Only a window in which the limit was reached says anything of it: else it is the callers that decide how many calls
//! are in flight. By Little's law the throughput times the time that calls waited is how many wait. The limit grows by
//! a tenth while fewer than `1 + log10(limit)` do, and goes down by what is over that when more than twice as many
//! surely wait (see [`Spread`]), to one half at most.
//!
//! Now and then a probe halves the limit for a window, to see the latencies without a queue, which count for half of
//! the baseline from then on. If as much is done at half the limit, a queue stood in the callee all the time, and may
//! stand there still: the limit stays where it is and is probed again. It probes soon after the beginning, every 40 to
//! 60 windows in which the limit was reached, and when the latency does not follow the limit down: less in flight means
//! less of a queue, so that what stays must be the callee itself, which has become slower.

use nines_base::Rng;

use super::Window;
use super::spread::Spread;

const FIRST_PROBE: u64 = 3;
const PROBE_EVERY: u64 = 40;
const PROBE_JITTER: u64 = 20;
/// Windows between a probe and one for the reason that latency does not follow.
const PROBE_PAUSE: u64 = 5;
/// A probe whose median surely differs from the baseline's by more than this factor is a callee that has changed: nothing
/// is averaged.
const CHANGED: f64 = 1.5;

#[derive(Debug)]
pub(in super::super) struct Baseline {
    /// Before the first probe of the window with the smallest median so far.
    pub(super) baseline: Option<Spread>,
    /// Whether a probe has found it.
    known: bool,
    /// Windows in which the limit is reached until the next probe.
    probe_in: u64,
    /// Windows since the last.
    probed_ago: u64,
    /// The limit and the median before the limit went down.
    before: Option<(f64, f64)>,
    /// Whether the latency did not follow the limit down since the last probe.
    doubted: bool,
    probe: Option<Probe>,
}

/// The limit is halved, to see the callee without a queue.
#[derive(Debug)]
struct Probe {
    /// The limit to go back to, and what was done under it.
    before: f64,
    throughput: f64,
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            baseline: None,
            known: false,
            probe_in: FIRST_PROBE,
            probed_ago: 0,
            before: None,
            doubted: false,
            probe: None,
        }
    }
}

impl Baseline {
    pub(super) fn update(&mut self, limit: f64, window: &Window, rng: &mut Rng) -> f64 {
        match self.probe.take() {
            Some(probe) => self.probed(limit, &probe, window, rng),
            None => self.follow(limit, window),
        }
    }

    fn follow(&mut self, limit: f64, window: &Window) -> f64 {
        let baseline = self.learn(window.spread);
        self.doubted |= !self.follows(limit, window.spread.median().at);
        self.probed_ago += 1;
        if !window.full {
            return limit;
        }
        let next = self.step(limit, window, &baseline);
        self.probe_in = self.probe_in.saturating_sub(1);
        let doubted = self.doubted && self.probed_ago >= PROBE_PAUSE;
        if self.probe_in > 0 && !doubted {
            return next;
        }
        self.doubted = false;
        self.probe = Some(Probe {
            before: next,
            throughput: window.throughput,
        });
        next / 2.0
    }

    /// The limit after a window in which it was reached.
    fn step(&mut self, limit: f64, window: &Window, baseline: &Spread) -> f64 {
        let little = 1.0 + limit.log10();
        let surely_waiting = window.throughput * window.spread.surely_later(baseline);
        if surely_waiting > 2.0 * little {
            self.before = Some((limit, window.spread.median().at));
            return (limit - (surely_waiting - little)).max(limit / 2.0);
        }
        let waiting = window.throughput * window.spread.later(baseline);
        limit + if waiting < little { (limit * 0.1).max(1.0) } else { 0.0 }
    }

    /// The baseline as far as a window shows it that is no probe: at first the smallest latencies, later only that the
    /// callee has become much quicker.
    fn learn(&mut self, found: Spread) -> Spread {
        let known = self.baseline.unwrap_or(found);
        if self.known && found.median().most * CHANGED < known.median().least {
            self.known = false;
            self.probe_in = self.probe_in.min(FIRST_PROBE);
        }
        let smaller = !self.known && found.median().at < known.median().at;
        let baseline = if smaller { found } else { known };
        self.baseline = Some(baseline);
        baseline
    }

    /// Whether the median went down with the limit, at least half as much. Of a callee whose queue is never empty it goes
    /// down as much.
    fn follows(&mut self, limit: f64, median: f64) -> bool {
        self.before.take().is_none_or(|(limit_before, median_before)| {
            let half_way = f64::midpoint(1.0, limit / limit_before);
            median <= half_way * median_before
        })
    }

    fn probed(&mut self, limit: f64, probe: &Probe, window: &Window, rng: &mut Rng) -> f64 {
        self.probed_ago = 0;
        let found = window.spread;
        let same = self.baseline.filter(|known| self.known && !changed(known, &found));
        self.baseline = Some(same.map_or(found, |known| known.midpoint(&found)));
        self.known = !queue_stands(limit, probe, window);
        if self.known {
            self.probe_in = PROBE_EVERY + rng.below(PROBE_JITTER);
            return probe.before;
        }
        self.probe_in = FIRST_PROBE;
        limit
    }
}

fn changed(known: &Spread, found: &Spread) -> bool {
    let (known, found) = (known.median(), found.median());
    found.least > CHANGED * known.most || known.least > CHANGED * found.most
}

/// Whether so much was done under the smaller limit (more than two standard errors over half way between as much and as
/// much less as the limit was less) that the callee was at its capacity under both.
fn queue_stands(limit: f64, probe: &Probe, window: &Window) -> bool {
    let surely_done = window.throughput * (1.0 - 2.0 / (window.samples as f64).sqrt());
    window.full && surely_done > f64::midpoint(1.0, limit / probe.before) * probe.throughput
}
