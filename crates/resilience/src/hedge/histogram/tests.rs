use std::thread;

use proptest::prelude::*;

use super::*;

const HALF: u64 = 30_000_000_000;

fn quantile_of(micros: &[u64], q: f64) -> u64 {
    let histogram = Histogram::new(HALF);
    micros.iter().for_each(|latency| histogram.record(latency * MICRO, 0));
    histogram.merged(0).quantile(q)
}

#[test]
fn buckets_follow_one_another_without_gap() {
    for bucket_before in 0..BUCKETS - 1 {
        let edge = upper_edge(bucket_before);
        assert_eq!(
            (bucket(edge - 1), bucket(edge)),
            (bucket_before, bucket_before + 1),
            "edge {edge}"
        );
    }
    assert_eq!(upper_edge(BUCKETS - 1), 1 << 26);
    assert_eq!(bucket(u64::MAX), BUCKETS - 1);
}

#[test]
fn nothing_known_is_zero() {
    assert_eq!(quantile_of(&[], 0.95), 0);
}

#[test]
fn a_latency_counts_for_one_to_two_halves() {
    let histogram = Histogram::new(HALF);
    let samples = |now| histogram.merged(now).samples();
    histogram.record(MICRO, HALF - 1);
    assert_eq!((samples(HALF - 1), samples(2 * HALF - 1), samples(2 * HALF)), (1, 1, 0));
    histogram.record(MICRO, 2 * HALF);
    histogram.record(MICRO, 3 * HALF);
    assert_eq!(samples(3 * HALF), 2);
    assert_eq!(samples(100 * HALF), 0, "after a long silence nothing is left");
    for half in 100..110 {
        histogram.record(MICRO, half * HALF);
        assert_eq!(samples(half * HALF), 2.min(half - 99), "half {half}");
    }
}

#[test]
fn a_clock_that_steps_back_counts_in_the_newest_half() {
    let histogram = Histogram::new(HALF);
    histogram.record(MICRO, 5 * HALF);
    histogram.record(MICRO, 0);
    assert_eq!(histogram.merged(5 * HALF).samples(), 2);
    assert_eq!(histogram.merged(0).samples(), 2);
}

#[test]
fn eight_threads_lose_no_count() {
    let histogram = Histogram::new(HALF);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..10_000).for_each(|latency| histogram.record(latency * MICRO, 0)));
        }
    });
    assert_eq!(histogram.merged(0).samples(), 80_000);
}

proptest! {
    #[test]
    fn a_quantile_is_late_by_at_most_a_sixteenth_or_a_microsecond(
        mut micros in prop::collection::vec(prop_oneof![0u64..100, 0u64..1_000_000, 0u64..60_000_000], 1..300),
        q in 0.001f64..0.999,
    ) {
        let found = quantile_of(&micros, q) as f64 / MICRO as f64;
        micros.sort_unstable();
        let rank = (q * micros.len() as f64).ceil() as usize;
        let exact = micros[rank.max(1) - 1] as f64;
        prop_assert!(found > exact, "{found} is early, it is {exact}");
        prop_assert!(found <= exact + (exact / 16.0).max(1.0), "{found} is late, it is {exact}");
    }
}
