//! Ejection as pickers and callers meet it.

mod exchange;
mod judging;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread;

use nines_base::{Clock, ManualClock, Rng};
use nines_model::InstanceState;
use nines_model::policy::Algorithm;

use super::*;
use crate::pick::{self, Picker};
use crate::{EndpointSet, Excluded, Member, Outcome, Permit};

const ALL: [Algorithm; 3] = [Algorithm::PeakEwma, Algorithm::RoundRobin, Algorithm::Weighted];
const MILLI: Duration = Duration::from_millis(1);

fn members(count: u16) -> Vec<Member> {
    let member = |port: u16| Member {
        id: format!("e{port}"),
        address: ([127, 0, 0, 1], port).into(),
        weight: 1,
        labels: Arc::new(BTreeMap::new()),
        state: InstanceState::Ready,
    };
    (0..count).map(member).collect()
}

struct Bench {
    clock: Clock,
    hand: ManualClock,
    set: EndpointSet,
    picker: Picker,
    rng: Rng,
    changes: Vec<Change>,
}

impl Bench {
    fn new(count: u16, algorithm: Algorithm, config: Config) -> Self {
        let (clock, hand) = Clock::manual();
        let set = EndpointSet::empty(&clock).update(members(count), clock.now());
        set.watch_outliers(config);
        Self {
            set,
            clock,
            hand,
            picker: Picker::new(pick::Config {
                algorithm,
                ..pick::Config::default()
            }),
            rng: Rng::seeded(7),
            changes: Vec::new(),
        }
    }

    fn pick(&mut self, excluded: &Excluded) -> Option<Permit> {
        let now = self.clock.now();
        self.changes.extend(self.set.review(now));
        self.picker.pick(&self.set, excluded, &mut self.rng, now)
    }

    /// So many calls, a millisecond apart; how many came to each endpoint.
    fn run(&mut self, calls: usize, behave: impl Fn(u16) -> Outcome) -> HashMap<u16, usize> {
        let mut counts = HashMap::new();
        for _ in 0..calls {
            let permit = self.pick(&Excluded::none()).expect("there is always one");
            let port = permit.endpoint().address().port();
            *counts.entry(port).or_default() += 1;
            self.hand.advance(MILLI);
            permit.finish(behave(port), self.clock.now());
        }
        counts
    }

    fn ejected(&self) -> Vec<&str> {
        let slots = self.set.slots().iter().filter(|slot| slot.endpoint.is_ejected());
        slots.map(|slot| slot.endpoint.id()).collect()
    }
}

fn quick() -> Outcome {
    Outcome::Success(5 * MILLI)
}

fn one_bad(bad: u16, how: Outcome) -> impl Fn(u16) -> Outcome {
    move |port| if port == bad { how } else { quick() }
}

#[test]
fn five_gateway_errors_in_a_row_and_it_is_asked_no_more() {
    // Peak EWMA hardly asks it anyway.
    for algorithm in [Algorithm::RoundRobin, Algorithm::Weighted] {
        let mut bench = Bench::new(5, algorithm, Config::default());
        bench.run(10_000, one_bad(3, Outcome::Unavailable));
        assert_eq!(bench.ejected(), ["e3"], "{algorithm:?}");
        let change = &bench.changes[0];
        assert_eq!(change.endpoint.id(), "e3");
        let reason = Reason::ConsecutiveErrors { errors: 5, bound: 5 };
        let lasts = Duration::from_secs(30);
        assert_eq!(change.kind, ChangeKind::Ejected { reason, lasts });
        let counts = bench.run(10_000, one_bad(3, Outcome::Unavailable));
        assert_eq!((counts.len(), counts.get(&3)), (4, None), "{algorithm:?}: {counts:?}");
    }
}

#[test]
fn a_failure_that_is_no_gateway_error_ends_the_row() {
    let mut bench = Bench::new(2, Algorithm::RoundRobin, Config::default());
    for _ in 0..20 {
        bench.run(8, one_bad(1, Outcome::Unavailable));
        bench.run(2, one_bad(1, Outcome::Failure));
    }
    assert!(bench.changes.is_empty());
}

#[test]
fn it_comes_back_and_goes_for_longer_each_time_and_is_forgiven_in_the_end() {
    let mut bench = Bench::new(3, Algorithm::RoundRobin, Config::default());
    for seconds in [30, 60, 90] {
        bench.run(15, one_bad(0, Outcome::Unavailable));
        bench.run(1, |_| quick());
        let now = bench.clock.now();
        let (_, left) = bench.set.slots()[0].endpoint.ejection(now).expect("it is out");
        assert!(
            left <= Duration::from_secs(seconds) && left > Duration::from_secs(seconds - 1),
            "{left:?}"
        );
        bench.hand.advance(left - MILLI);
        assert!(bench.set.review(bench.clock.now()).is_empty());
        bench.hand.advance(MILLI);
        assert_eq!(bench.run(3, |_| quick()).get(&0), Some(&1));
        assert_eq!(
            bench.changes.last().map(|change| change.kind),
            Some(ChangeKind::Returned)
        );
    }
    for _ in 0..3 {
        bench.hand.advance(INTERVAL);
        bench.run(3, |_| quick());
    }
    bench.run(16, one_bad(0, Outcome::Unavailable));
    let lasts = Duration::from_secs(30);
    assert!(
        matches!(bench.changes.last(), Some(Change { kind: ChangeKind::Ejected { lasts: last, .. }, .. }) if *last == lasts)
    );
}

#[test]
fn where_few_calls_come_one_that_always_fails_goes_for_longer_each_time() {
    let mut bench = Bench::new(4, Algorithm::RoundRobin, Config::default());
    for _ in 0..2_000 {
        bench.run(1, one_bad(0, Outcome::Unavailable));
        bench.hand.advance(Duration::from_secs(1));
    }
    let lasted = bench.changes.iter().filter_map(|change| match change.kind {
        ChangeKind::Ejected { lasts, .. } => Some(lasts.as_secs()),
        ChangeKind::Returned => None,
    });
    let expected: Vec<u64> = (1..=11).map(|time| (time * 30).min(300)).collect();
    assert_eq!(lasted.collect::<Vec<_>>(), expected);
}

#[test]
fn one_that_nobody_asked_is_not_forgiven() {
    let mut bench = Bench::new(3, Algorithm::RoundRobin, Config::default());
    bench.run(15, one_bad(0, Outcome::Unavailable));
    bench.hand.advance(Duration::from_secs(30));
    let mut its = Excluded::none();
    its.add(([127, 0, 0, 1], 0).into());
    for _ in 0..60 {
        bench.hand.advance(Duration::from_secs(1));
        let permit = bench.pick(&its).expect("another");
        permit.finish(quick(), bench.clock.now());
    }
    assert_eq!(bench.ejected(), [""; 0], "it is back");
    bench.run(15, one_bad(0, Outcome::Unavailable));
    bench.run(1, |_| quick());
    let (_, left) = bench.set.slots()[0]
        .endpoint
        .ejection(bench.clock.now())
        .expect("it is out");
    assert!(left > Duration::from_secs(59), "{left:?}");
}

#[test]
fn when_all_fail_half_stays_and_alone_it_stays() {
    for (count, most) in [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (10, 5)] {
        for algorithm in ALL {
            let mut bench = Bench::new(count, algorithm, Config::default());
            bench.run(1000, |_| Outcome::Unavailable);
            assert_eq!(bench.ejected().len(), most, "{algorithm:?} {count}");
        }
    }
}

#[test]
fn when_others_leave_the_set_the_ejected_come_back() {
    let mut bench = Bench::new(4, Algorithm::RoundRobin, Config::default());
    bench.run(100, |port| if port < 2 { Outcome::Unavailable } else { quick() });
    assert_eq!(bench.ejected(), ["e0", "e1"]);
    bench.set = bench.set.update(members(2), bench.clock.now());
    bench.run(1, |_| quick());
    assert_eq!(bench.ejected().len(), 1, "half of two");
    bench.set = bench.set.update(members(1), bench.clock.now());
    bench.run(1, |_| quick());
    assert_eq!(bench.ejected(), [""; 0]);
}

#[test]
fn an_ejected_endpoint_is_better_than_none() {
    let mut bench = Bench::new(2, Algorithm::RoundRobin, Config::default());
    bench.run(1000, one_bad(1, Outcome::Unavailable));
    assert_eq!(bench.ejected(), ["e1"]);
    let mut tried = Excluded::none();
    tried.add(([127, 0, 0, 1], 0).into());
    let permit = bench.pick(&tried).expect("the ejected one");
    assert_eq!(permit.endpoint().id(), "e1");
}

#[test]
fn who_returns_to_weighted_turns_does_not_get_those_it_missed() {
    let mut bench = Bench::new(3, Algorithm::Weighted, Config::default());
    bench.run(30, one_bad(0, Outcome::Unavailable));
    assert_eq!(bench.ejected(), ["e0"]);
    bench.run(29_000, |_| quick());
    bench.hand.advance(Duration::from_secs(2));
    let counts = bench.run(30, |_| quick());
    assert!((9..=11).contains(&counts[&0]), "{counts:?}");
}

fn comparing() -> Config {
    Config {
        failure_rate: Some(0.3),
        latency_factor: Some(3.0),
        ..Config::default()
    }
}

#[test]
fn one_that_fails_more_than_the_others_goes_in_the_smallest_set_too() {
    for count in [2, 3, 5, 12] {
        let mut bench = Bench::new(count, Algorithm::RoundRobin, comparing());
        for _ in 0..30 {
            bench.run(usize::from(count) * 20, one_bad(0, Outcome::Failure));
            bench.run(usize::from(count) * 20, |_| quick());
            bench.hand.advance(Duration::from_secs(1));
        }
        assert_eq!(bench.changes[0].endpoint.id(), "e0");
        let ChangeKind::Ejected { reason, .. } = bench.changes[0].kind else {
            panic!("{:?}", bench.changes)
        };
        assert!(
            matches!(reason, Reason::FailureRate { rate, others } if rate > 0.4 && others == 0.0),
            "{reason}"
        );
        let others = bench.changes.iter().filter(|change| change.endpoint.id() != "e0");
        assert_eq!(others.count(), 0);
    }
}

#[test]
fn a_slow_one_goes_and_an_even_slowness_is_nobodys_fault() {
    let slow = Outcome::Success(400 * MILLI);
    for count in [2, 5] {
        let mut bench = Bench::new(count, Algorithm::RoundRobin, comparing());
        bench.run(12_000, one_bad(1, slow));
        assert_eq!(bench.ejected(), ["e1"]);
        let (reason, _) = bench.set.slots()[1].endpoint.ejection(bench.clock.now()).expect("out");
        assert_eq!(reason.to_string(), "400.0 ms a call, 5.0 ms at the others");
        let mut even = Bench::new(count, Algorithm::RoundRobin, comparing());
        even.run(12_000, |_| slow);
        even.run(12_000, |_| Outcome::Failure);
        assert!(even.changes.is_empty(), "{:?}", even.changes);
    }
}

#[test]
fn what_a_policy_does_not_name_is_not_looked_at() {
    let mut bench = Bench::new(5, Algorithm::RoundRobin, Config::default());
    bench.run(30_000, one_bad(1, Outcome::Failure));
    bench.run(30_000, one_bad(1, Outcome::Success(400 * MILLI)));
    assert!(bench.changes.is_empty());
    bench.set.watch_outliers(comparing());
    bench.run(30_000, one_bad(1, Outcome::Failure));
    assert_eq!(bench.ejected(), ["e1"], "an edited policy acts");
}

#[test]
fn a_clock_that_steps_back_harms_nothing() {
    let mut bench = Bench::new(3, Algorithm::RoundRobin, comparing());
    let early = bench.clock.now();
    bench.hand.advance(Duration::from_secs(100));
    bench.run(100, one_bad(0, Outcome::Unavailable));
    assert_eq!(bench.ejected(), ["e0"]);
    for _ in 0..100 {
        assert!(bench.set.review(early).is_empty());
    }
    bench.hand.advance(Duration::from_secs(31));
    bench.run(3, |_| quick());
    assert_eq!(bench.ejected(), [""; 0]);
}

#[test]
fn eight_threads_never_eject_more_than_half() {
    let (clock, hand) = Clock::manual();
    let set = EndpointSet::empty(&clock).update(members(6), clock.now());
    // Nobody comes back meanwhile, so that each thread may count by itself.
    let longest = Duration::from_secs(300);
    set.watch_outliers(Config {
        base_ejection: longest,
        max_ejection: longest,
        ..comparing()
    });
    thread::scope(|scope| {
        for seed in 0..8 {
            let (set, clock, hand) = (&set, &clock, &hand);
            scope.spawn(move || {
                let (mut picker, mut rng) = (Picker::new(pick::Config::default()), Rng::seeded(seed));
                for _ in 0..5000 {
                    hand.advance(MILLI);
                    set.review(clock.now());
                    let out = set.slots().iter().filter(|slot| slot.endpoint.is_ejected()).count();
                    assert!(out <= 3, "{out} of 6");
                    let permit = picker.pick(set, &Excluded::none(), &mut rng, clock.now());
                    permit
                        .expect("there is always one")
                        .finish(Outcome::Unavailable, clock.now());
                }
            });
        }
    });
    assert!(set.slots().iter().any(|slot| slot.endpoint.is_ejected()));
    assert!(set.slots().iter().all(|slot| slot.endpoint.in_flight() == 0));
}
