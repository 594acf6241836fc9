use super::*;
use proptest::prelude::{prop, prop_assert, prop_assume, proptest};

fn shares(weights: &[u32], seed: u64, requests: usize) -> Vec<f64> {
    let split = Split::new(weights.iter().copied()).unwrap();
    let mut turn = Turn::new(&mut Rng::seeded(seed));
    let mut counts = vec![0usize; weights.len()];
    for _ in 0..requests {
        counts[split.next(&mut turn)] += 1;
    }
    counts.iter().map(|count| *count as f64 / requests as f64).collect()
}

#[test]
fn nothing_to_split_between() {
    assert_eq!(Split::new([]), None);
    assert_eq!(Split::new([0, 0]), None);
}

#[test]
fn an_edit_acts_at_once() {
    let mut turn = Turn::new(&mut Rng::seeded(1));
    let before = Split::new([100, 0]).unwrap();
    assert!((0..100).all(|_| before.next(&mut turn) == 0));
    let after = Split::new([0, 100]).unwrap();
    assert!((0..100).all(|_| after.next(&mut turn) == 1));
}

#[test]
fn a_light_backend_is_not_kept_waiting() {
    let split = Split::new([95, 5]).unwrap();
    for seed in 0..200 {
        let mut turn = Turn::new(&mut Rng::seeded(seed));
        let waits = (0..100).position(|_| split.next(&mut turn) == 1);
        assert!(waits.is_some_and(|waits| waits < 60), "seed {seed}: {waits:?}");
    }
}

proptest! {
    #[test]
    fn shares_are_kept_over_a_thousand_requests(weights in prop::collection::vec(0u32..1_000_000, 1..8), seed: u64) {
        prop_assume!(weights.iter().any(|w| *w > 0));
        let total: f64 = weights.iter().map(|w| f64::from(*w)).sum();
        for (share, weight) in shares(&weights, seed, 1000).into_iter().zip(&weights) {
            let expected = f64::from(*weight) / total;
            prop_assert!((share - expected).abs() < 0.01, "{share} instead of {expected}");
            prop_assert!(*weight > 0 || share == 0.0);
        }
    }
}
