//! Whether the limit finds what the server can do, and stays there.

use super::server::{Seen, Server, Shape, Spread};
use super::*;

const BASE: Shape = Shape {
    workers: 10,
    service: 0.1,
    spread: Spread::None,
    arrivals: 150.0,
};

const SEEDS: [u64; 3] = [11, 12, 13];

fn share_of_capacity(seen: &Seen, shape: &Shape, seconds: f64) -> f64 {
    seen.done as f64 / seconds / shape.capacity()
}

/// Half as much again as the server can do: it works at its capacity, and nobody waits long.
#[test]
fn it_finds_the_capacity() {
    for (spread, initial, seed) in every_start() {
        let shape = Shape { spread, ..BASE };
        let config = Config {
            initial,
            ..Config::default()
        };
        let mut server = Server::seeded(config, seed);
        server.run(shape, 60.0);
        let mut seen = server.run(shape, 120.0);
        let share = share_of_capacity(&seen, &shape, 120.0);
        assert!(
            share > 0.9,
            "{spread:?} from {initial}, seed {seed}: {share} of the capacity"
        );
        let without_queue = if spread == Spread::Exponential {
            shape.service * 2.303
        } else {
            shape.service
        };
        let slower = seen.p90() / without_queue;
        assert!(
            slower < 2.0,
            "{spread:?} from {initial}, seed {seed}: {slower} times slower, limit {}",
            server.limit()
        );
    }
}

fn every_start() -> impl Iterator<Item = (Spread, u32, u64)> {
    let starts = [1, 20, 200]
        .into_iter()
        .flat_map(|initial| SEEDS.map(|seed| (initial, seed)));
    let spreads = [Spread::None, Spread::Exponential];
    starts.flat_map(move |(initial, seed)| spreads.map(|spread| (spread, initial, seed)))
}

/// The callee becomes three times as slow and back: that is no queue.
#[test]
fn a_step_in_latency_is_followed() {
    for seed in SEEDS {
        a_step_in_latency(Server::seeded(Config::default(), seed));
    }
}

fn a_step_in_latency(mut server: Server) {
    server.run(BASE, 60.0);
    let slow = Shape { service: 0.3, ..BASE };
    server.run(slow, 60.0);
    let mut seen = server.run(slow, 60.0);
    assert!(share_of_capacity(&seen, &slow, 60.0) > 0.9, "{} done", seen.done);
    assert!(seen.p90() < 2.0 * slow.service, "{}", seen.p90());
    server.run(BASE, 60.0);
    let mut seen = server.run(BASE, 60.0);
    assert!(share_of_capacity(&seen, &BASE, 60.0) > 0.9, "{} done", seen.done);
    assert!(seen.p90() < 2.0 * BASE.service, "{}", seen.p90());
}

/// Half of the workers go, then four times as many come.
#[test]
fn a_step_in_capacity_is_followed() {
    for seed in SEEDS {
        a_step_in_capacity(Server::seeded(Config::default(), seed));
    }
}

fn a_step_in_capacity(mut server: Server) {
    server.run(BASE, 60.0);
    for workers in [5, 20, 10] {
        let shape = Shape {
            workers,
            arrivals: 300.0,
            ..BASE
        };
        server.run(shape, 60.0);
        let mut seen = server.run(shape, 60.0);
        let share = share_of_capacity(&seen, &shape, 60.0);
        assert!(
            share > 0.85,
            "{workers} workers: {share} of the capacity, limit {}",
            server.limit()
        );
        assert!(seen.p90() < 2.5 * shape.service, "{workers} workers: {}", seen.p90());
    }
}

/// Five in a hundred too many, for an hour: the limit grew for ever (Netflix concurrency-limits#134).
#[test]
fn netflix_concurrency_limits_134_no_drift_under_mild_overload() {
    for (spread, seed) in [Spread::None, Spread::Exponential]
        .into_iter()
        .flat_map(|spread| SEEDS.map(|seed| (spread, seed)))
    {
        let mild = Shape {
            arrivals: 105.0,
            spread,
            ..BASE
        };
        let mut server = Server::seeded(Config::default(), seed);
        server.run(mild, 60.0);
        let mut early = server.run(mild, 540.0);
        server.run(mild, 2400.0);
        let mut late = server.run(mild, 600.0);
        assert!(late.highest() < 50, "limit {}", late.highest());
        assert!(late.p90() < 1.3 * early.p90(), "{} after {}", late.p90(), early.p90());
        assert!(share_of_capacity(&late, &mild, 600.0) > 0.9, "{} done", late.done);
    }
}

/// The same hour by the gradient, to show that the test can fail.
#[test]
fn the_gradient_drifts_under_mild_overload() {
    let mild = Shape {
        arrivals: 105.0,
        ..BASE
    };
    let mut server = Server::new(Config {
        algorithm: Algorithm::Gradient,
        ..Config::default()
    });
    let seen = server.run(mild, 3600.0);
    assert!(seen.highest() > 50, "limit {}", seen.highest());
}

/// Under a small limit every window was one that shows the smallest latency anew.
#[test]
fn vegas_leaves_a_limit_of_one() {
    let mut server = Server::new(Config {
        algorithm: Algorithm::Vegas,
        initial: 1,
        ..Config::default()
    });
    server.run(BASE, 60.0);
    assert!(server.limit() >= BASE.workers as u32, "limit {}", server.limit());
}

/// Without load there is nothing to learn: the limit stays, whatever came before.
#[test]
fn an_idle_limit_does_not_grow() {
    for algorithm in [Algorithm::Adaptive, Algorithm::Vegas, Algorithm::Gradient] {
        let mut server = Server::new(Config {
            algorithm,
            ..Config::default()
        });
        let idle = Shape { arrivals: 20.0, ..BASE };
        let seen = server.run(idle, 600.0);
        assert!(seen.highest() <= 20, "{algorithm:?}: {}", seen.highest());
        assert_eq!(seen.refused, 0, "{algorithm:?}");
    }
}

/// One lucky sample held the limit down for ever (tower-resilience's Vegas).
#[test]
fn one_lucky_window_is_forgotten() {
    let mut server = Server::new(Config::default());
    let lucky = Shape {
        service: 0.01,
        arrivals: 60.0,
        ..BASE
    };
    server.run(lucky, 3.0);
    server.run(BASE, 120.0);
    let seen = server.run(BASE, 60.0);
    assert!(
        share_of_capacity(&seen, &BASE, 60.0) > 0.9,
        "{} done, limit {}",
        seen.done,
        server.limit()
    );
}

#[test]
fn the_important_go_first() {
    let mut server = Server::new(Config::default());
    let overload = Shape {
        arrivals: 200.0,
        ..BASE
    };
    server.run(overload, 60.0);
    let by = |draw: u64| Priority::ALL[(draw >> 32) as usize % 5];
    let seen = server.run_by(overload, 300.0, by);
    let passed = seen
        .by_priority
        .map(|(passed, refused)| passed as f64 / (passed + refused) as f64);
    assert!(passed.is_sorted(), "{passed:?}");
    assert!(passed[4] > 0.8 && passed[0] < 0.3, "{passed:?}");
}

/// Most calls are quick because they find what they want, and do not wait; the others queue.
#[test]
fn a_queue_that_only_some_calls_meet_is_seen() {
    let shape = Shape {
        spread: Spread::Hits(0.6),
        arrivals: 500.0,
        ..BASE
    };
    for seed in SEEDS {
        let mut server = Server::seeded(Config::default(), seed);
        server.run(shape, 60.0);
        let mut seen = server.run(shape, 300.0);
        let expected = 300.0 * shape.capacity() / 0.4;
        assert!(
            seen.done as f64 > 0.9 * expected,
            "seed {seed}: {} of {expected}",
            seen.done
        );
        assert!(seen.p90() < 2.5 * shape.service, "seed {seed}: {}", seen.p90());
    }
}
