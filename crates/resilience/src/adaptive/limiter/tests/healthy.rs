//! A callee that can bear whatever comes, whose calls take longer or shorter times by nature, is let alone.

use super::server::{Server, Shape, Spread};
use super::*;

/// Its latency does not depend on how many calls are in flight.
const ENDLESS: Shape = Shape {
    workers: usize::MAX,
    service: 0.005,
    spread: Spread::None,
    arrivals: 100.0,
};

/// Arrivals a second, and the times that they take.
const HEALTHY: [(f64, Spread); 8] = [
    (50.0, Spread::Slow(0.05, 1.0)),
    (200.0, Spread::Slow(0.05, 1.0)),
    (100.0, Spread::Slow(0.05, 3.0)),
    (100.0, Spread::Slow(0.10, 0.5)),
    (100.0, Spread::Slow(0.01, 10.0)),
    (20.0, Spread::Slow(0.50, 1.0)),
    (200.0, Spread::LogNormal(1.5)),
    (200.0, Spread::Exponential),
];

/// A third to three quarters of the calls were refused: the baseline was that of the quick calls, and a window with more
/// than its share of the slow ones was taken for a queue.
#[test]
fn slow_calls_among_quick_ones_are_no_queue() {
    for seed in [1, 2, 3] {
        nothing_is_refused(Algorithm::Adaptive, seed, 30.0);
    }
}

#[test]
fn nor_are_they_to_the_other_methods() {
    nothing_is_refused(Algorithm::Vegas, 1, 20.0);
    nothing_is_refused(Algorithm::Gradient, 1, 20.0);
}

/// Or hardly anything, neither in the first minutes nor later.
fn nothing_is_refused(algorithm: Algorithm, seed: u64, minutes: f64) {
    for (arrivals, spread) in HEALTHY {
        let config = Config {
            algorithm,
            ..Config::default()
        };
        let shape = Shape {
            arrivals,
            spread,
            ..ENDLESS
        };
        let mut server = Server::seeded(config, seed);
        for minutes in [5.0, minutes - 5.0] {
            let refused = server.run(shape, minutes * 60.0).share_refused();
            assert!(
                refused < 0.02,
                "{algorithm:?}, seed {seed}, {spread:?}, {minutes} min: {refused}"
            );
        }
    }
}

/// Calls that are slower than a window is long are missing from those that it sees begin.
#[test]
fn calls_longer_than_a_window_are_no_queue() {
    let shape = Shape {
        service: 2.0,
        spread: Spread::LogNormal(1.0),
        arrivals: 20.0,
        ..ENDLESS
    };
    for seed in [1, 2, 3] {
        let mut server = Server::seeded(Config::default(), seed);
        server.run(shape, 120.0);
        let refused = server.run(shape, 1200.0).share_refused();
        assert!(refused < 0.02, "seed {seed}: {refused} refused");
    }
}

#[test]
fn a_burst_after_a_quiet_hour_is_let_through() {
    for seed in [1, 2, 3] {
        let mut server = Server::seeded(Config::default(), seed);
        let quiet = Shape {
            spread: Spread::Slow(0.05, 0.5),
            arrivals: 5.0,
            ..ENDLESS
        };
        assert_eq!(server.run(quiet, 3600.0).refused, 0, "seed {seed}");
        let burst = Shape {
            service: 0.05,
            arrivals: 200.0,
            ..ENDLESS
        };
        let refused = server.run(burst, 2.0).share_refused();
        assert!(refused < 0.02, "seed {seed}: {refused} refused");
    }
}

/// A limit that nobody reaches is not what makes calls slow.
#[test]
fn one_call_at_a_time_leaves_the_limit_alone() {
    let (clock, hand) = Clock::manual();
    let limiter = limiter(Config::default(), clock.now());
    for number in 0..20_000 {
        let ticket = enter(&limiter, Priority::Medium, &clock).expect("the only one");
        let slow = number % 20 == 0;
        hand.advance(Duration::from_millis(if slow { 1000 } else { 5 }));
        limiter.record(ticket, Outcome::Success, clock.now());
        assert_eq!(limiter.limit(), 20, "call {number}");
    }
}
