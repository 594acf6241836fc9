//! Gradient2 of Netflix's concurrency-limits.
//!
//! `g = clamp(long / latency, 0.5, 1)`, and the limit goes by a fifth towards `limit * g + 4`, where `long` is the moving
//! average of the latency over 600 samples. When `long` is more than twice the latency it falls by a tenth.

use super::Window;

const SMOOTHING: f64 = 0.2;
const ALLOWED_QUEUE: f64 = 4.0;
const LONG_SAMPLES: f64 = 600.0;

#[derive(Debug, Default)]
pub(in super::super) struct Gradient {
    pub(super) long: Option<f64>,
}

impl Gradient {
    pub(super) fn update(&mut self, limit: f64, window: &Window) -> f64 {
        let latency = window.spread.mean();
        let weight = (window.samples as f64 / LONG_SAMPLES).min(1.0);
        let mut long = self.long.map_or(latency, |long| long + weight * (latency - long));
        if long > 2.0 * latency {
            long *= 0.9;
        }
        self.long = Some(long);
        if !window.full || latency <= 0.0 {
            return limit;
        }
        let gradient = (long / latency).clamp(0.5, 1.0);
        limit * (1.0 - SMOOTHING) + SMOOTHING * (limit * gradient + ALLOWED_QUEUE)
    }
}
