//! Breakers: closed and counting successes, and open and refusing. All open at half of the calls failed.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use failsafe::{StateMachine, backoff, failure_policy};
use nines_base::Clock;
use nines_resilience::Observed;
use nines_resilience::breaker::{Breaker, Config, Window};
use recloser::Recloser;

use super::contender::{Contender, Group};
use super::{Options, cores::Times};

const WINDOW: Duration = Duration::from_secs(10);
const CALLS: usize = 100;
const OPEN: Duration = Duration::from_secs(3600);

type Failsafe = StateMachine<failure_policy::SuccessRateOverTimeWindow<backoff::Constant>, ()>;

pub(super) fn groups(_options: &Options) -> Vec<Group> {
    vec![closed(), open()]
}

fn closed() -> Group {
    Group {
        name: "breaker, closed: check and record",
        contenders: vec![
            passed_in("nines, 10 s, time passed in", over_time()),
            with_clock("nines, 10 s", over_time()),
            passed_in("nines, 100 calls, time passed in", over_calls()),
            with_clock("nines, 100 calls", over_calls()),
            Contender::new("failsafe, 10 s", {
                let breaker = failsafe();
                move |calls| {
                    for _ in 0..calls {
                        assert!(black_box(&breaker).is_call_permitted());
                        breaker.on_success();
                    }
                }
            }),
            Contender::new("recloser, 100 calls", {
                let breaker = recloser();
                move |calls| {
                    for _ in 0..calls {
                        assert!(black_box(&breaker).call(|| Ok::<(), ()>(())).is_ok());
                    }
                }
            }),
        ],
    }
}

fn open() -> Group {
    // What opened it does not matter to a refusal; failsafe's success rate opens only once its window is full.
    let policy = failure_policy::consecutive_failures(5, backoff::constant(OPEN));
    let failsafe = failsafe::Config::new().failure_policy(policy).build();
    let (nines, recloser) = (tripped(), recloser());
    for _ in 0..1000 {
        failsafe.on_error();
        let _failed_or_refused = recloser.call(|| Err::<(), ()>(()));
    }
    let clock = Clock::system();
    Group {
        name: "breaker, open: refusal",
        contenders: vec![
            Contender::new("nines", move |calls| {
                for _ in 0..calls {
                    assert!(black_box(&nines).check(clock.now()).is_err());
                }
            }),
            Contender::new("failsafe", move |calls| {
                for _ in 0..calls {
                    assert!(!black_box(&failsafe).is_call_permitted());
                }
            }),
            Contender::new("recloser", move |calls| {
                for _ in 0..calls {
                    assert!(black_box(&recloser).call(|| Ok::<(), ()>(())).is_err());
                }
            }),
        ],
    }
}

fn passed_in(name: &'static str, breaker: Breaker) -> Contender {
    let times = Times::new();
    Contender::new(name, move |calls| {
        for call in 0..calls {
            one(black_box(&breaker), times.at(call));
        }
    })
}

/// The time is read for the check and for the record, as a caller does that has a call in between.
fn with_clock(name: &'static str, breaker: Breaker) -> Contender {
    let clock = Clock::system();
    Contender::new(name, move |calls| {
        for _ in 0..calls {
            let ticket = black_box(&breaker).check(clock.now()).expect("it is closed");
            breaker.record(ticket, Observed::SUCCESS, clock.now());
        }
    })
}

#[inline(always)]
fn one(breaker: &Breaker, now: Instant) {
    let ticket = breaker.check(now).expect("it is closed");
    breaker.record(ticket, Observed::SUCCESS, now);
}

fn over_time() -> Breaker {
    breaker(Window::Time(WINDOW))
}

fn over_calls() -> Breaker {
    breaker(Window::Calls(NonZeroU32::new(CALLS as u32).expect("it is not 0")))
}

fn breaker(window: Window) -> Breaker {
    let config = Config {
        window,
        open_for: OPEN,
        max_open_for: OPEN,
        ..Config::default()
    };
    Breaker::new(config, Clock::system().now()).expect("it is valid")
}

fn tripped() -> Breaker {
    let (breaker, now) = (over_time(), Clock::system().now());
    while let Ok(ticket) = breaker.check(now) {
        breaker.record(ticket, Observed::FAILURE, now);
    }
    breaker
}

fn failsafe() -> Arc<Failsafe> {
    let policy = failure_policy::success_rate_over_time_window(0.5, 20, WINDOW, backoff::constant(OPEN));
    Arc::new(failsafe::Config::new().failure_policy(policy).build())
}

fn recloser() -> Recloser {
    Recloser::custom()
        .error_rate(0.5)
        .closed_len(CALLS)
        .open_wait(OPEN)
        .build()
}
