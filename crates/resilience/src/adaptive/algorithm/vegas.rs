//! TCP Vegas, as Netflix's concurrency-limits has it.
//!
//! With `q = limit * (1 - base / latency)`: up by `6 log10(limit)` while `q` is at most `log10(limit)`, up by
//! `log10(limit)` below `3 log10(limit)`, down by as much over `6 log10(limit)`. The base is the smallest latency, and is
//! forgotten after 15 to 30 times `limit` samples, which the next window shows anew; the limit stays in that.

use nines_base::Rng;

use super::Window;

const PROBE_MULTIPLIER: f64 = 30.0;

#[derive(Debug, Default)]
pub(in super::super) struct Vegas {
    pub(super) base: Option<f64>,
    samples: u64,
    probe_at: u64,
}

impl Vegas {
    pub(super) fn update(&mut self, limit: f64, window: &Window, rng: &mut Rng) -> f64 {
        let latency = window.spread.mean();
        let probe = self.samples >= self.probe_at;
        self.samples += window.samples;
        let base = match self.base {
            Some(base) if !probe => base.min(latency),
            _ => latency,
        };
        self.base = Some(base);
        if probe {
            self.samples = 0;
            self.probe_at = ((0.5 + rng.unit() / 2.0) * PROBE_MULTIPLIER * limit) as u64;
            return limit;
        }
        let unit = limit.log10().max(1.0);
        let waiting = queue(limit, base, latency).ceil();
        match waiting {
            _ if waiting > 6.0 * unit => limit - unit,
            _ if !window.full => limit,
            _ if waiting <= unit => limit + 6.0 * unit,
            _ if waiting < 3.0 * unit => limit + unit,
            _ => limit,
        }
    }
}

/// How many of `limit` calls in flight wait, by Little's law.
fn queue(limit: f64, base: f64, latency: f64) -> f64 {
    if latency <= 0.0 {
        return 0.0;
    }
    (limit * (1.0 - base / latency)).max(0.0)
}
