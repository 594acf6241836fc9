//! The other cores, for which there is nothing to compare with: what each adds to a call, time passed in.

use std::hint::black_box;
use std::time::{Duration, Instant};

use nines_base::{Clock, Rng};
use nines_resilience::Outcome;
use nines_resilience::adaptive::{self, Limiter, Priority, Shedder, ShedderConfig};
use nines_resilience::bulkhead::{self, Bulkhead};
use nines_resilience::hedge::{self, Hedge};
use nines_resilience::retry::{Budget, BudgetConfig};
use nines_resilience::throttle::{self, Throttle};

use super::Options;
use super::contender::{Contender, Group};

/// A thousand times that follow each other, so that the clock is not part of what is measured.
#[derive(Debug)]
pub(super) struct Times(Vec<Instant>);

impl Times {
    pub(super) fn new() -> Self {
        let begun = Clock::system().now();
        Self(
            (0..1024)
                .map(|place| begun + Duration::from_nanos(place * 10))
                .collect(),
        )
    }

    #[inline(always)]
    pub(super) fn at(&self, call: u64) -> Instant {
        self.0[(call % 1024) as usize]
    }
}

pub(super) fn groups(_options: &Options) -> Vec<Group> {
    let contenders = vec![bulkhead(), throttle(), adaptive(), shedder(), budget(), hedge()];
    vec![Group {
        name: "other cores, time passed in",
        contenders,
    }]
}

fn bulkhead() -> Contender {
    let config = bulkhead::Config {
        max_in_flight: 1000,
        max_queue: 0,
        max_wait: Duration::from_secs(1),
    };
    let bulkhead = Bulkhead::new(config).expect("it is valid");
    Contender::new("bulkhead: enter and leave", move |calls| {
        for _ in 0..calls {
            let slot = black_box(&bulkhead).try_enter().expect("there is room");
            bulkhead.release(slot);
        }
    })
}

fn throttle() -> Contender {
    let times = Times::new();
    let throttle = Throttle::new(throttle::Config::default(), times.at(0)).expect("it is valid");
    Contender::new("throttle: check and record", move |calls| {
        let mut rng = Rng::seeded(1);
        for call in 0..calls {
            let now = times.at(call);
            assert!(black_box(&throttle).check(now, rng.unit()).is_ok());
            throttle.record(Outcome::Success, now);
        }
    })
}

fn adaptive() -> Contender {
    let times = Times::new();
    let limiter = Limiter::new(adaptive::Config::default(), times.at(0)).expect("it is valid");
    Contender::new("adaptive limit: enter and record", move |calls| {
        for call in 0..calls {
            let now = times.at(call);
            let ticket = black_box(&limiter)
                .try_enter(Priority::Medium, now)
                .expect("there is room");
            limiter.record(ticket, Outcome::Success, now);
        }
    })
}

fn shedder() -> Contender {
    let times = Times::new();
    let shedder = Shedder::new(ShedderConfig::default(), times.at(0)).expect("it is valid");
    Contender::new("shedder: enter and record", move |calls| {
        for call in 0..calls {
            let now = times.at(call);
            let ticket = black_box(&shedder)
                .try_enter(Priority::Medium, now)
                .expect("there is room");
            shedder.record(ticket, Outcome::Success, now);
        }
    })
}

fn budget() -> Contender {
    let times = Times::new();
    let budget = Budget::new(BudgetConfig::default(), times.at(0)).expect("it is valid");
    Contender::new("retry budget: one request", move |calls| {
        for call in 0..calls {
            black_box(&budget).record_request(times.at(call));
        }
    })
}

fn hedge() -> Contender {
    let times = Times::new();
    let hedge = Hedge::new(hedge::Config::default(), times.at(0)).expect("it is valid");
    Contender::new("hedge: delay and record", move |calls| {
        for call in 0..calls {
            let now = times.at(call);
            black_box(black_box(&hedge).delay(now));
            hedge.record(Duration::from_micros(call % 1000), now);
        }
    })
}
