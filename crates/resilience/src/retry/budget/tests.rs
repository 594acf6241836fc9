use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nines_base::Clock;
use proptest::prelude::*;

use super::*;

const MILLI: Duration = Duration::from_millis(1);

fn budget(ratio: f64, min_per_second: u32) -> (Budget, Instant) {
    let now = Clock::manual().0.now();
    let config = BudgetConfig {
        ratio,
        min_per_second,
        ..BudgetConfig::default()
    };
    (Budget::new(config, now).expect("a good budget"), now)
}

fn record(budget: &Budget, requests: usize, now: Instant) {
    (0..requests).for_each(|_| budget.record_request(now));
}

/// Withdraws until it is refused.
fn drain(budget: &Budget, now: Instant) -> usize {
    (0..100_000).take_while(|_| budget.try_withdraw(now)).count()
}

#[test]
fn bad_configurations_are_refused_by_name() {
    let good = BudgetConfig::default();
    let cases = [
        (BudgetConfig { ratio: 0.0, ..good }, "retry.budget.ratio"),
        (BudgetConfig { ratio: -0.2, ..good }, "retry.budget.ratio"),
        (BudgetConfig { ratio: 1.01, ..good }, "retry.budget.ratio"),
        (BudgetConfig { ratio: 0.00001, ..good }, "retry.budget.ratio"),
        (
            BudgetConfig {
                ratio: f64::NAN,
                ..good
            },
            "retry.budget.ratio",
        ),
        (
            BudgetConfig {
                ratio: f64::INFINITY,
                ..good
            },
            "retry.budget.ratio",
        ),
        (
            BudgetConfig {
                min_per_second: 10_001,
                ..good
            },
            "retry.budget.minPerSecond",
        ),
        (
            BudgetConfig {
                window: Duration::ZERO,
                ..good
            },
            "retry.budget.window",
        ),
        (
            BudgetConfig {
                window: Duration::from_secs(601),
                ..good
            },
            "retry.budget.window",
        ),
        (
            BudgetConfig {
                window: Duration::MAX,
                ..good
            },
            "retry.budget.window",
        ),
    ];
    for (config, field) in cases {
        let error = Budget::new(config, Clock::manual().0.now()).expect_err("it is refused");
        assert_eq!(error.field, field, "{config:?}");
    }
    let least = BudgetConfig {
        ratio: 0.0001,
        min_per_second: 0,
        window: Duration::from_secs(1),
    };
    assert_eq!(least.validate(), Ok(()));
    assert_eq!(BudgetConfig { ratio: 1.0, ..good }.validate(), Ok(()));
}

/// tower#857: the price of a withdrawal was `(1 / ratio) as isize`, so that 0.6 gave 100 extra attempts for 100 requests.
#[test]
fn tower_857_budget_truncation() {
    for (ratio, extra) in [
        (0.6, 60),
        (0.2, 20),
        (0.9, 90),
        (0.07, 7),
        (0.015, 1),
        (0.33, 33),
        (0.57, 57),
        (1.0, 100),
    ] {
        let (budget, now) = budget(ratio, 0);
        record(&budget, 100, now);
        assert_eq!(drain(&budget, now), extra, "ratio {ratio}");
    }
}

/// tower's `TpsBudget` and failsafe-go's budget sum up, compare, and only then subtract: threads that do so at once all
/// find the same credit.
#[test]
fn tower_tps_budget_check_then_act_over_admission() {
    for _ in 0..20 {
        let (budget, now) = budget(0.2, 0);
        record(&budget, 1000, now);
        let (start, granted) = (Barrier::new(8), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    granted.fetch_add(drain(&budget, now), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(granted.into_inner(), 200);
    }
}

/// failsafe-go#139: the minimum did not count as one. tower-resilience#370: the tokens a second were never used.
#[test]
fn failsafe_go_139_budget_min() {
    let (idle, start) = budget(0.2, 3);
    let grants: Vec<usize> = (0..5)
        .map(|second| drain(&idle, start + second * Duration::from_secs(1)))
        .collect();
    assert_eq!(grants, [3, 3, 3, 3, 3], "three a second without any request");
    let an_hour_later = start + Duration::from_secs(3600);
    assert_eq!(drain(&idle, an_hour_later), 3, "idle time is not saved up");
    assert_eq!(drain(&idle, an_hour_later + 333 * MILLI), 0);
    assert_eq!(drain(&idle, an_hour_later + 334 * MILLI), 1);
    let (none, start) = budget(0.2, 0);
    assert_eq!(
        drain(&none, start + Duration::from_secs(60)),
        0,
        "no floor and no request"
    );
}

/// failsafe-go#141: a budget that was used up failed the first attempt too. Here only what is extra can be refused.
#[test]
fn failsafe_go_141_first_attempts_are_not_asked() {
    let (budget, now) = budget(0.2, 0);
    assert!(!budget.try_withdraw(now));
    record(&budget, 5, now);
    assert_eq!(budget.snapshot(now).requests, 5);
    assert_eq!(drain(&budget, now), 1);
}

#[test]
fn credit_expires_with_the_window() {
    let (budget, start) = budget(0.5, 0);
    record(&budget, 10, start);
    assert_eq!(budget.snapshot(start + Duration::from_millis(9_999)).available, 5.0);
    assert!(budget.try_withdraw(start + Duration::from_secs(8)));
    assert_eq!(drain(&budget, start + Duration::from_secs(10)), 0);
    record(&budget, 4, start + Duration::from_secs(10));
    assert_eq!(drain(&budget, start + Duration::from_secs(10)), 2);
}

#[test]
fn a_clock_that_steps_back_gives_nothing_away() {
    let (budget, start) = budget(0.5, 3);
    let late = start + Duration::from_secs(100);
    record(&budget, 10, late);
    assert_eq!(drain(&budget, late), 8);
    let early = start
        .checked_sub(Duration::from_secs(5))
        .expect("a machine that is up for some seconds");
    let grants = [early, start, late - MILLI].map(|back| {
        record(&budget, 1, back);
        drain(&budget, back)
    });
    assert_eq!(grants, [0, 0, 1], "no more than half of the three recorded since");
    let later = late + Duration::from_secs(1);
    record(&budget, 1, later);
    assert_eq!(
        drain(&budget, later),
        4,
        "the floor's three and the rest of half of four"
    );
}

#[test]
fn the_snapshot_counts() {
    let (budget, now) = budget(0.2, 3);
    record(&budget, 50, now);
    assert_eq!(drain(&budget, now), 13);
    let snapshot = budget.snapshot(now);
    assert_eq!((snapshot.granted, snapshot.denied, snapshot.requests), (13, 1, 50));
    assert_eq!(snapshot.available, 0.0);
}

#[test]
fn long_uptime_does_not_overflow() {
    let (budget, start) = budget(1.0, 10_000);
    let in_a_century = start + Duration::from_secs(100 * 365 * 24 * 3600);
    record(&budget, 3, in_a_century);
    assert_eq!(drain(&budget, in_a_century), 10_003);
}

/// Eight threads record and withdraw; the clock moves between rounds. Over every run of rounds the bound holds.
#[test]
fn eight_threads_stay_within_the_bound_over_every_window() {
    const ROUNDS: usize = 60;
    const STEP: Duration = Duration::from_millis(700);
    let (budget, start) = budget(0.3, 5);
    let granted: Vec<AtomicUsize> = (0..ROUNDS).map(|_| AtomicUsize::new(0)).collect();
    let requests = |thread: usize, round: usize| (thread * 7 + round * 13) % 40;
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for thread in 0..8 {
            let (budget, granted, barrier) = (&budget, &granted, &barrier);
            scope.spawn(move || {
                for (round, granted) in granted.iter().enumerate() {
                    barrier.wait();
                    let now = start + STEP * round as u32;
                    for _ in 0..requests(thread, round) {
                        budget.record_request(now);
                        granted.fetch_add(usize::from(budget.try_withdraw(now)), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let at = |round: usize| (STEP * round as u32).as_secs_f64();
    let granted: Vec<usize> = granted.into_iter().map(AtomicUsize::into_inner).collect();
    for first in 0..ROUNDS {
        for last in first..ROUNDS {
            let earning = (0..=last).filter(|round| at(*round) > at(first) - 10.0);
            let earned: usize = earning
                .flat_map(|round| (0..8).map(move |thread| requests(thread, round)))
                .sum();
            let bound = 0.3 * earned as f64 + 5.0 * (at(last) - at(first) + 1.0);
            let sum: usize = granted[first..=last].iter().sum();
            assert!(
                sum as f64 <= bound + 1e-9,
                "rounds {first} to {last}: {sum} over {bound}"
            );
        }
    }
    assert!(granted.iter().sum::<usize>() > ROUNDS, "it grants at all");
}

/// The method of the module's documentation on plain lists of times and numbers.
struct Naive {
    config: BudgetConfig,
    requests: Vec<(Duration, usize)>,
    grants: Vec<(Duration, usize)>,
    spent: f64,
}

impl Naive {
    fn try_withdraw(&mut self, now: Duration) -> bool {
        let slot = |time: Duration| (time + Duration::from_secs(1)).as_nanos() / (self.config.window / 10).as_nanos();
        let old = self.sum(&self.requests, |time| slot(time) + 10 <= slot(now));
        let all = self.sum(&self.requests, |_| true);
        let floor = |time: Duration| time.as_secs_f64() * f64::from(self.config.min_per_second);
        let credit = all * self.config.ratio + floor(now + Duration::from_secs(1));
        let next = self.spent.max(old * self.config.ratio + floor(now)) + 1.0;
        let granted = next <= credit + 1e-6;
        if granted {
            self.spent = next;
            self.grants.push((now, 1));
        }
        granted
    }

    fn sum(&self, list: &[(Duration, usize)], which: impl Fn(Duration) -> bool) -> f64 {
        let counts = list.iter().filter(|(time, _)| which(*time));
        counts.map(|(_, count)| *count as f64).sum()
    }

    /// Grants over what the documentation promises, for the period from one time to another.
    fn excess(&self, first: Duration, last: Duration) -> f64 {
        let earned = self.sum(&self.requests, |time| time + self.config.window > first && time <= last);
        let seconds = (last - first).as_secs_f64() + 1.0;
        let bound = earned * self.config.ratio + f64::from(self.config.min_per_second) * seconds;
        self.sum(&self.grants, |time| time >= first && time <= last) - bound
    }

    fn worst_excess(&self) -> f64 {
        let mut times: Vec<Duration> = self.grants.iter().map(|(time, _)| *time).collect();
        times.dedup();
        let periods = times
            .iter()
            .enumerate()
            .flat_map(|(i, first)| times[i..].iter().map(|last| (*first, *last)));
        periods
            .map(|(first, last)| self.excess(first, last))
            .fold(f64::MIN, f64::max)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Record(usize),
    Withdraw(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u64..4000).prop_map(Step::Wait),
        (1usize..60).prop_map(Step::Record),
        (1usize..30).prop_map(Step::Withdraw),
    ]
}

proptest! {
    #[test]
    fn it_grants_what_the_naive_budget_grants_and_never_over_the_bound(
        hundredths in 1u32..=100,
        min_per_second in 0u32..10,
        window in prop_oneof![Just(10_000u64), Just(1000), Just(2500), Just(60_000)],
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let config = BudgetConfig {
            ratio: f64::from(hundredths) / 100.0,
            min_per_second,
            window: Duration::from_millis(window),
        };
        let start = Clock::manual().0.now();
        let budget = Budget::new(config, start).expect("a good budget");
        let mut naive = Naive { config, requests: Vec::new(), grants: Vec::new(), spent: 0.0 };
        let mut now = Duration::ZERO;
        for step in steps {
            match step {
                Step::Wait(millis) => now += Duration::from_millis(millis),
                Step::Record(requests) => {
                    record(&budget, requests, start + now);
                    naive.requests.push((now, requests));
                }
                Step::Withdraw(times) => for _ in 0..times {
                    prop_assert_eq!(budget.try_withdraw(start + now), naive.try_withdraw(now), "at {:?}", now);
                },
            }
        }
        prop_assert!(naive.worst_excess() <= 1e-6, "{} over the bound", naive.worst_excess());
    }
}
