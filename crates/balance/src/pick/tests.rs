use super::*;
use crate::{Member, Outcome};
use nines_base::{Clock, ManualClock, Rng};
use nines_model::InstanceState;
use proptest::prelude::{any, prop, prop_assert, proptest};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

const ALL: [Algorithm; 3] = [Algorithm::PeakEwma, Algorithm::RoundRobin, Algorithm::Weighted];

/// A set, a picker, and the counts of what was picked.
struct Bench {
    clock: Clock,
    hand: ManualClock,
    set: EndpointSet,
    picker: Picker,
    rng: Rng,
    excluded: Excluded,
}

impl Bench {
    fn new(algorithm: Algorithm, weights: &[u32], seed: u64) -> Self {
        let (clock, hand) = Clock::manual();
        let members = weights.iter().enumerate().map(|(i, weight)| member(i, *weight));
        Self {
            set: EndpointSet::empty(&clock).update(members.collect(), clock.now()),
            picker: Picker::new(Config {
                algorithm,
                ..Config::default()
            }),
            rng: Rng::seeded(seed),
            excluded: Excluded::none(),
            clock,
            hand,
        }
    }

    fn pick(&mut self) -> Option<Permit> {
        let now = self.clock.now();
        self.picker.pick(&self.set, &self.excluded, &mut self.rng, now)
    }

    /// Requests one after the other, `latency(endpoint)` milliseconds each.
    fn run(&mut self, requests: usize, latency: impl Fn(usize) -> Option<u64>) -> Vec<f64> {
        let mut counts = vec![0usize; self.set.len()];
        for _ in 0..requests {
            let permit = self.pick().unwrap();
            let index = index(&permit);
            counts[index] += 1;
            let outcome = latency(index)
                .map(Duration::from_millis)
                .map_or(Outcome::Failure, Outcome::Success);
            self.hand.advance(Duration::from_millis(1));
            permit.finish(outcome, self.clock.now());
        }
        counts.iter().map(|count| *count as f64 / requests as f64).collect()
    }

    fn join(&mut self, weight: u32) {
        let mut members: Vec<Member> = (0..self.set.len())
            .map(|i| member(i, self.set.slots()[i].weight))
            .collect();
        members.push(member(members.len(), weight));
        self.set = self.set.update(members, self.clock.now());
    }
}

fn member(index: usize, weight: u32) -> Member {
    Member {
        id: format!("i{index:03}"),
        address: ([127, 0, 0, 1], 1000 + index as u16).into(),
        weight,
        labels: Arc::new(BTreeMap::new()),
        state: InstanceState::Ready,
    }
}

fn index(permit: &Permit) -> usize {
    usize::from(permit.endpoint().address().port()) - 1000
}

fn assert_near(found: f64, expected: f64, by: f64, what: &str) {
    assert!((found - expected).abs() <= by, "{what}: {found} instead of {expected}");
}

#[test]
fn equal_endpoints_take_equal_shares() {
    for algorithm in ALL {
        for seed in 0..5 {
            let shares = Bench::new(algorithm, &[100; 5], seed).run(10_000, |_| Some(10));
            for share in shares {
                assert_near(share, 0.2, 0.03, &format!("{algorithm:?} seed {seed}"));
            }
        }
    }
}

#[test]
fn weights_are_kept() {
    for (algorithm, by) in [(Algorithm::Weighted, 0.001), (Algorithm::PeakEwma, 0.03)] {
        for seed in 0..5 {
            let shares = Bench::new(algorithm, &[500, 300, 150, 50], seed).run(10_000, |_| Some(10));
            for (share, expected) in shares.iter().zip([0.5, 0.3, 0.15, 0.05]) {
                assert_near(*share, expected, by, &format!("{algorithm:?} seed {seed}"));
            }
        }
    }
}

#[test]
fn peak_ewma_keeps_weights_of_many_requests_at_once() {
    let mut bench = Bench::new(Algorithm::PeakEwma, &[400, 100, 100], 3);
    let permits: Vec<Permit> = (0..600).map(|_| bench.pick().unwrap()).collect();
    let heavy = permits.iter().filter(|permit| index(permit) == 0).count();
    assert_near(heavy as f64 / 600.0, 4.0 / 6.0, 0.06, "the heavy one's share");
}

#[test]
fn peak_ewma_levels_requests_in_flight() {
    let mut bench = Bench::new(Algorithm::PeakEwma, &[100; 10], 4);
    let _permits: Vec<Permit> = (0..1000).map(|_| bench.pick().unwrap()).collect();
    let in_flight: Vec<u32> = bench.set.slots().iter().map(|slot| slot.endpoint.in_flight()).collect();
    assert!(in_flight.iter().all(|n| (95..=105).contains(n)), "{in_flight:?}");
}

#[test]
fn weighted_spreads_each_share_evenly() {
    let mut bench = Bench::new(Algorithm::Weighted, &[5, 1, 1], 6);
    let picks: Vec<usize> = (0..70).map(|_| index(&bench.pick().unwrap())).collect();
    for window in picks.windows(7) {
        let heavy = window.iter().filter(|index| **index == 0).count();
        assert!((4..=6).contains(&heavy), "{picks:?}");
    }
}

#[test]
fn who_was_passed_over_does_not_take_all_the_turns_that_it_missed() {
    let mut bench = Bench::new(Algorithm::Weighted, &[100; 10], 16);
    bench.excluded.add(bench.set.slots()[3].endpoint.address());
    for _ in 0..5_000 {
        bench.pick().unwrap();
    }
    bench.excluded = Excluded::none();
    let picks: Vec<usize> = (0..100).map(|_| index(&bench.pick().unwrap())).collect();
    let its = picks.iter().filter(|index| **index == 3).count();
    assert!((9..=12).contains(&its), "{picks:?}");
}

#[test]
fn round_robin_goes_round() {
    let mut bench = Bench::new(Algorithm::RoundRobin, &[1, 1000, 50], 7);
    let picks: Vec<usize> = (0..9).map(|_| index(&bench.pick().unwrap())).collect();
    for window in picks.windows(4) {
        assert_eq!(window[0], window[3], "{picks:?}");
        assert!(window[0] != window[1] && window[1] != window[2] && window[0] != window[2]);
    }
}

#[test]
fn peak_ewma_avoids_the_slow_and_the_failing() {
    for weights in [[100; 3], [100, 50, 200]] {
        for trouble in [Some(500), None] {
            let latency = move |i| if i == 2 { trouble } else { Some(10) };
            let shares = Bench::new(Algorithm::PeakEwma, &weights, 8).run(5_000, latency);
            assert!(shares[2] < 0.02, "{weights:?} {trouble:?}: {shares:?}");
        }
    }
}

#[test]
fn peak_ewma_hardly_asks_one_whose_callers_all_give_up() {
    let mut bench = Bench::new(Algorithm::PeakEwma, &[100; 5], 15);
    let (patience, quick) = (Duration::from_secs(1), Duration::from_millis(5));
    let mut hung = 0;
    let mut waiting: VecDeque<(Instant, Permit)> = VecDeque::new();
    for _ in 0..60_000 {
        bench.hand.advance(Duration::from_millis(10));
        let now = bench.clock.now();
        while waiting.front().is_some_and(|(until, _)| *until <= now) {
            waiting.pop_front();
        }
        let permit = bench.pick().unwrap();
        if index(&permit) == 0 {
            hung += 1;
            waiting.push_back((now + patience, permit));
        } else {
            permit.finish(Outcome::Success(quick), now);
        }
    }
    assert!(
        hung < 600,
        "{hung} of 60,000 calls in ten minutes, a fifth would be 12,000"
    );
}

#[test]
fn peak_ewma_comes_back_to_one_that_was_slow() {
    let mut bench = Bench::new(Algorithm::PeakEwma, &[100; 3], 9);
    bench.run(1_000, |i| if i == 2 { Some(500) } else { Some(10) });
    bench.hand.advance(Duration::from_secs(60));
    let shares = bench.run(5_000, |_| Some(10));
    assert!(shares[2] > 0.2, "{shares:?}");
}

#[test]
fn a_newcomers_share_grows_over_slow_start() {
    for (algorithm, by) in [(Algorithm::Weighted, 0.02), (Algorithm::PeakEwma, 0.05)] {
        let mut bench = Bench::new(algorithm, &[100; 4], 10);
        bench.run(1_000, |_| Some(10));
        bench.join(100);
        let shares: Vec<f64> = (0..11).map(|_| bench.run(1_000, |_| Some(10))[4]).collect();
        for (second, expected) in [(0, 0.1 / 4.1), (5, 0.55 / 4.55), (10, 0.2)] {
            assert_near(shares[second], expected, by, &format!("{algorithm:?} after {second} s"));
        }
    }
}

#[test]
fn what_is_excluded_is_not_picked() {
    for algorithm in ALL {
        let mut bench = Bench::new(algorithm, &[100, 200, 100], 11);
        bench.excluded.add(bench.set.slots()[1].endpoint.address());
        assert!((0..1000).all(|_| index(&bench.pick().unwrap()) != 1), "{algorithm:?}");
        bench.excluded.add(bench.set.slots()[0].endpoint.address());
        assert!((0..100).all(|_| index(&bench.pick().unwrap()) == 2), "{algorithm:?}");
        bench.excluded.add(bench.set.slots()[2].endpoint.address());
        assert!(bench.pick().is_none(), "{algorithm:?}");
    }
}

#[test]
fn none_and_one() {
    for algorithm in ALL {
        assert!(Bench::new(algorithm, &[], 12).pick().is_none());
        assert!(Bench::new(algorithm, &[0], 12).pick().is_none());
        let mut one = Bench::new(algorithm, &[0, 7], 12);
        assert!((0..10).all(|_| index(&one.pick().unwrap()) == 1), "{algorithm:?}");
    }
}

#[test]
fn a_suspect_is_picked_when_no_ready_one_is_left() {
    for algorithm in ALL {
        let mut bench = Bench::new(algorithm, &[1, 1], 13);
        let mut members = vec![member(0, 1), member(1, 1)];
        members[1].state = InstanceState::Suspect;
        bench.set = bench.set.update(members, bench.clock.now());
        assert!((0..100).all(|_| index(&bench.pick().unwrap()) == 0), "{algorithm:?}");
        bench.excluded.add(bench.set.slots()[0].endpoint.address());
        assert_eq!(index(&bench.pick().unwrap()), 1, "{algorithm:?}");
    }
}

#[test]
fn another_algorithm_takes_over() {
    let mut picker = Picker::new(Config::default());
    let config = Config {
        algorithm: Algorithm::RoundRobin,
        slow_start: Duration::ZERO,
    };
    picker.configure(config);
    assert!(matches!(picker.state, State::RoundRobin(_)));
}

#[test]
fn in_flight_returns_to_zero_whatever_the_workers_do() {
    let bench = Bench::new(Algorithm::PeakEwma, &[100, 50, 10, 1], 14);
    let (set, now) = (&bench.set, bench.clock.now());
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let algorithm = ALL[seed as usize % ALL.len()];
            scope.spawn(move || worker(set, algorithm, seed, now));
        }
    });
    for slot in set.slots() {
        assert_eq!(slot.endpoint.in_flight(), 0, "{}", slot.endpoint.id());
    }
}

fn worker(set: &EndpointSet, algorithm: Algorithm, seed: u64, now: Instant) {
    let mut picker = Picker::new(Config {
        algorithm,
        ..Config::default()
    });
    let mut rng = Rng::seeded(seed);
    let mut held = Vec::new();
    for _ in 0..20_000 {
        held.extend(picker.pick(set, &Excluded::none(), &mut rng, now));
        let done = held.swap_remove(rng.below(held.len() as u64) as usize);
        match rng.below(3) {
            0 => done.finish(Outcome::Success(Duration::from_micros(rng.below(9_999))), now),
            1 => done.finish(Outcome::Failure, now),
            _ => drop(done),
        }
        if rng.below(4) == 0 {
            held.extend(picker.pick(set, &Excluded::none(), &mut rng, now));
        }
    }
}

proptest! {
    #[test]
    fn a_pick_is_a_member_that_is_not_excluded_and_there_is_one_if_any(
        weights in prop::collection::vec(0u32..200, 0..20),
        suspects in prop::collection::vec(any::<bool>(), 20),
        excluded in prop::collection::vec(0usize..20, 0..6),
        algorithm in prop::sample::select(ALL.to_vec()),
        seed: u64,
        age in 0u64..12_000,
    ) {
        let mut bench = Bench::new(algorithm, &[1], seed);
        let state = |i: usize| if suspects[i] { InstanceState::Suspect } else { InstanceState::Ready };
        let members: Vec<Member> = weights.iter().enumerate().map(|(i, w)| Member { state: state(i), ..member(i, *w) }).collect();
        bench.set = bench.set.update(members, bench.clock.now());
        bench.hand.advance(Duration::from_millis(age));
        for i in &excluded {
            bench.excluded.add(member(*i, 1).address);
        }
        let allowed: HashMap<usize, bool> = (0..weights.len())
            .filter(|i| weights[*i] > 0 && !excluded.contains(i))
            .map(|i| (i, suspects[i]))
            .collect();
        let any_ready = allowed.values().any(|suspect| !suspect);
        for _ in 0..20 {
            match bench.pick() {
                None => prop_assert!(allowed.is_empty()),
                Some(permit) => {
                    let suspect = allowed.get(&index(&permit));
                    prop_assert!(suspect.is_some_and(|suspect| !suspect || !any_ready));
                }
            }
        }
    }

    #[test]
    fn weighted_shares_are_exact_to_one_pick(weights in prop::collection::vec(1u32..1000, 1..10), seed: u64) {
        let mut bench = Bench::new(Algorithm::Weighted, &weights, seed);
        let total: u32 = weights.iter().sum();
        let mut counts = vec![0u32; weights.len()];
        for _ in 0..total {
            counts[index(&bench.pick().unwrap())] += 1;
        }
        for (count, weight) in counts.iter().zip(&weights) {
            prop_assert!(count.abs_diff(*weight) <= 2, "{counts:?} {weights:?}");
        }
    }
}
