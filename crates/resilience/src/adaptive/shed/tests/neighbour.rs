//! The processors are busy with something else.

use std::collections::BTreeMap;

use nines_base::Rng;

use super::*;

/// Our calls wait for a database, which takes no processor time.
struct Waiting {
    bench: Bench,
    rng: Rng,
    /// The calls by when they end and their number, in milliseconds.
    calls: BTreeMap<(u64, u64), ShedTicket>,
    millis: u64,
    latency: fn(&mut Rng) -> f64,
}

impl Waiting {
    fn new(latency: fn(&mut Rng) -> f64) -> Self {
        Self {
            bench: Bench::new(),
            rng: Rng::seeded(4),
            calls: BTreeMap::new(),
            millis: 0,
            latency,
        }
    }

    /// A call every so many milliseconds, for so long: the share that was refused.
    fn run(&mut self, every: u64, seconds: u64, cpu: f64) -> f64 {
        let (end, mut passed, mut refused) = (self.millis + seconds * 1000, 0u32, 0u32);
        while self.millis < end {
            self.tick(cpu);
            if !self.millis.is_multiple_of(every) {
                continue;
            }
            let Ok(ticket) = self.bench.enter(Priority::Medium) else {
                refused += 1;
                continue;
            };
            passed += 1;
            let latency = (self.latency)(&mut self.rng) * 1000.0;
            self.calls.insert((self.millis + latency as u64, self.millis), ticket);
        }
        f64::from(refused) / f64::from(passed + refused)
    }

    fn tick(&mut self, cpu: f64) {
        self.millis += 1;
        self.bench.hand.advance(MILLIS);
        let now = self.bench.clock.now();
        while let Some(call) = self.calls.first_entry().filter(|call| call.key().0 <= self.millis) {
            self.bench.shedder.record(call.remove(), Outcome::Success, now);
        }
        if self.millis.is_multiple_of(250) {
            self.bench.shedder.feed(cpu, now);
        }
    }
}

fn constant(_: &mut Rng) -> f64 {
    0.1
}

fn exponential(rng: &mut Rng) -> f64 {
    -0.1 * (1.0 - rng.unit()).ln()
}

/// The bound was what little had been asked for, and never rose: in flight was never more than that.
#[test]
fn a_busy_neighbour_holds_nobody_down() {
    for latency in [constant, exponential] {
        let mut service = Waiting::new(latency);
        service.run(1000, 60, 0.3);
        service.run(1000, 60, 0.95);
        let first = service.run(10, 60, 0.95);
        assert!(first < 0.5, "{first} refused in the first minute");
        let later = service.run(10, 540, 0.95);
        assert!(later < 0.05, "{later} refused later");
    }
}
