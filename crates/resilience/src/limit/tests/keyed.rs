//! The table of keys.

use std::num::NonZeroUsize;
use std::sync::Barrier;

use super::*;

const BY_KEY: [Algorithm; 4] = [
    Algorithm::TokenBucket,
    Algorithm::LeakyBucket,
    Algorithm::FixedWindow,
    Algorithm::SlidingWindow,
];

fn table(quota: Quota, capacity: usize, now: Instant) -> Keyed {
    Keyed::new(quota, NonZeroUsize::new(capacity).expect("not zero"), now).expect("a good quota")
}

fn granted(keyed: &Keyed, key: u64, now: Instant) -> usize {
    (0..100).filter(|_| keyed.check(key, now).is_ok()).count()
}

#[test]
fn each_key_has_its_own() {
    for algorithm in BY_KEY {
        let now = Clock::manual().0.now();
        let keyed = table(quota(algorithm, 5, 5), 64, now);
        for key in ["a", "b", "c"] {
            assert_eq!(granted(&keyed, hash(key), now), 5, "{algorithm:?} {key}");
        }
        assert_eq!(granted(&keyed, hash("a"), now), 0);
        assert_eq!(
            granted(&keyed, 0, now) + granted(&keyed, 1, now),
            10,
            "hashes that mean something else inside"
        );
        assert_eq!(keyed.keys().len, 5);
    }
}

#[test]
fn the_standing_of_a_key_uses_nothing_and_brings_nobody_in() {
    for algorithm in BY_KEY {
        let now = Clock::manual().0.now();
        let keyed = table(quota(algorithm, 5, 5), 64, now);
        let (key, other) = (hash("a"), hash("other"));
        let override_of = quota(algorithm, 3, 3);
        keyed.set_override(other, Some(override_of)).expect("good");
        let left = |key| {
            let standing = keyed.standing(key, now);
            (standing.limit, standing.remaining)
        };
        assert_eq!((left(key), left(other)), ((5, 5), (3, 3)), "{algorithm:?}");
        assert_eq!(keyed.standing(key, now).reset, Duration::ZERO, "{algorithm:?}");
        assert_eq!(keyed.keys().len, 0, "{algorithm:?}: asked about, and not brought in");
        for _ in 0..2 {
            let granted = keyed.check(key, now).expect("within the quota");
            assert_eq!(keyed.standing(key, now), granted.standing, "{algorithm:?}");
        }
        assert_eq!((left(key), left(other)), ((5, 3), (3, 3)), "{algorithm:?}");
        let would = |key| [0, 3, 4, 5, 6].map(|n| keyed.would_grant(key, n, now));
        assert_eq!(would(key), [true, true, false, false, false], "{algorithm:?}");
        assert_eq!(would(hash("new")), [true, true, true, true, false], "{algorithm:?}");
        keyed.check_n(hash("new"), 0, now).expect("none");
        assert_eq!(keyed.keys().len, 1, "{algorithm:?}");
    }
}

#[test]
fn an_idle_key_makes_room() {
    for algorithm in BY_KEY {
        let (clock, hand) = Clock::manual();
        let keyed = table(quota(algorithm, 5, 5), 8, clock.now());
        for round in 0..10u64 {
            for key in 0..8 {
                keyed.check(hash((round, key)), clock.now()).expect("a new key");
            }
            hand.advance(SECOND * 3);
        }
        let keys = keyed.keys();
        assert_eq!((keys.len, keys.evicted), (8, 0), "{algorithm:?}");
    }
}

/// Who has used up his quota is the last to be forgotten, however many come after him.
#[test]
fn twice_as_many_slots_as_keys_keep_all() {
    let now = Clock::manual().0.now();
    let keyed = table(quota(Algorithm::TokenBucket, 5, 5), 100_000, now);
    (0..50_000).for_each(|key| assert!(keyed.check(hash(key), now).is_ok()));
    let keys = keyed.keys();
    assert_eq!((keys.len, keys.evicted), (50_000, 0));
}

#[test]
fn a_flood_of_keys_resets_nobody() {
    for algorithm in BY_KEY {
        let now = Clock::manual().0.now();
        let keyed = table(quota(algorithm, 5, 5), 64, now);
        assert_eq!(granted(&keyed, hash("greedy"), now), 5);
        for key in 0..10_000 {
            keyed.check(hash(key), now).expect("a new key's first");
        }
        assert_eq!(granted(&keyed, hash("greedy"), now), 0, "{algorithm:?}");
    }
}

/// What he used in the last window counts against him, so that it is not forgotten before what others use in this one.
#[test]
fn a_flood_in_the_next_window_resets_nobody() {
    let start = Clock::manual().0.now();
    let keyed = table(quota(Algorithm::SlidingWindow, 50, 1), 64, start);
    assert_eq!(granted(&keyed, hash("greedy"), start + SECOND * 9 / 10), 50);
    let next = start + SECOND * 11 / 10;
    for key in 0..1000 {
        keyed.check(hash(key), next).expect("a new key's first");
    }
    assert_eq!(granted(&keyed, hash("greedy"), next), 5, "what has slid out");
}

#[test]
fn a_key_may_have_a_quota_of_its_own() {
    let now = Clock::manual().0.now();
    let keyed = table(quota(Algorithm::TokenBucket, 5, 5), 64, now);
    let (big, small) = (hash("big"), hash("small"));
    keyed
        .set_override(big, Some(quota(Algorithm::TokenBucket, 50, 50)))
        .expect("good");
    keyed
        .set_override(small, Some(quota(Algorithm::TokenBucket, 1, 1)))
        .expect("good");
    let found = [big, small, hash("other")].map(|key| granted(&keyed, key, now));
    assert_eq!(found, [50, 1, 5]);
    keyed.set_override(big, None).expect("good");
    let later = now + SECOND * 10;
    assert_eq!(granted(&keyed, big, later), 5);
    for (field, quota) in [
        ("rateLimits.overrides.algorithm", quota(Algorithm::FixedWindow, 5, 5)),
        (
            "rateLimits.rate",
            Quota {
                requests: count(u32::MAX),
                ..quota(Algorithm::TokenBucket, 5, 5)
            },
        ),
    ] {
        let error = keyed.set_override(big, Some(quota)).expect_err("it does not fit");
        assert_eq!(error.field, field);
    }
}

#[test]
fn quotas_of_keys_are_set_together_or_not_at_all() {
    let now = Clock::manual().0.now();
    let keyed = table(quota(Algorithm::TokenBucket, 5, 5), 64, now);
    let of = |number| Some(quota(Algorithm::TokenBucket, number, number));
    let found = |keyed: &Keyed| [0, 1, 2, 3, 4].map(|key| keyed.standing(key + 10, now).limit);
    keyed
        .set_overrides([(10, of(1)), (11, of(2)), (12, of(3))])
        .expect("good");
    assert_eq!(found(&keyed), [1, 2, 3, 5, 5]);
    keyed
        .set_overrides([(10, None), (11, of(7)), (13, of(8))])
        .expect("good");
    assert_eq!(found(&keyed), [5, 7, 3, 8, 5]);
    let bad = Some(quota(Algorithm::FixedWindow, 9, 9));
    keyed
        .set_overrides([(10, of(9)), (11, bad)])
        .expect_err("another algorithm");
    assert_eq!(found(&keyed), [5, 7, 3, 8, 5]);
    let many = (0..100_001).map(|key| (key + 100, of(1)));
    let error = keyed.set_overrides(many).expect_err("too many");
    assert_eq!(error.field, "rateLimits.overrides");
}

#[test]
fn quotas_of_keys_that_threads_set_at_once_are_all_there() {
    let now = Clock::manual().0.now();
    let keyed = table(quota(Algorithm::TokenBucket, 5, 5), 64, now);
    let barrier = Barrier::new(8);
    let run = |thread: u64| {
        barrier.wait();
        for key in 0..50 {
            let own = Some(quota(Algorithm::TokenBucket, 7, 7));
            keyed.set_override(thread << 32 | key, own).expect("good");
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || run(thread));
        }
    });
    let all = (0..8).flat_map(|thread| (0..50).map(move |key| thread << 32 | key));
    assert_eq!(all.filter(|key| keyed.standing(*key, now).limit == 7).count(), 400);
}

/// Of the keys that all are used up, those with the common quota may go on by the new one at once.
#[test]
fn a_raised_quota_does_not_block_keys_for_as_long_as_the_old_one() {
    for algorithm in [Algorithm::TokenBucket, Algorithm::LeakyBucket] {
        let now = Clock::manual().0.now();
        let slow = Quota {
            per: SECOND * 86_400,
            ..quota(algorithm, 10, 10)
        };
        let keyed = table(slow, 64, now);
        keyed.set_override(7, Some(slow)).expect("good");
        for key in [7, 8] {
            assert_eq!(granted(&keyed, key, now), 10);
        }
        keyed.set_quota(quota(algorithm, 1000, 1000), now).expect("good");
        let soon = now + SECOND / 100;
        assert_eq!([7, 8].map(|key| granted(&keyed, key, soon)), [0, 10], "{algorithm:?}");
        keyed.set_override(7, None).expect("good");
        assert_eq!(granted(&keyed, 7, soon), 0, "{algorithm:?}: all is used");
        assert_eq!(granted(&keyed, 7, soon + SECOND / 100), 10, "{algorithm:?}");
    }
}

#[test]
fn windows_of_all_keys_have_one_length() {
    let now = Clock::manual().0.now();
    let keyed = table(quota(Algorithm::FixedWindow, 5, 5), 64, now);
    let longer = Quota {
        per: SECOND * 2,
        ..quota(Algorithm::FixedWindow, 5, 5)
    };
    let error = keyed.set_override(1, Some(longer)).expect_err("another length");
    assert_eq!(error.field, "rateLimits.overrides.per");
    keyed
        .set_override(1, Some(quota(Algorithm::FixedWindow, 7, 7)))
        .expect("good");
    let error = keyed
        .set_quota(longer, now)
        .expect_err("a key counts by the old length");
    assert_eq!(error.field, "rateLimits.overrides.per");
    keyed.set_override(1, None).expect("good");
    keyed.set_quota(longer, now).expect("good");
}

#[test]
fn a_lease_counts_for_each_key() {
    let now = Clock::manual().0.now();
    let keyed = table(quota(Algorithm::TokenBucket, 5, 5), 64, now);
    let lease = Lease {
        requests: count(2),
        burst: count(2),
        until: now + SECOND,
    };
    keyed.set_lease(Some(lease), now).expect("good");
    assert_eq!([hash("a"), hash("b")].map(|key| granted(&keyed, key, now)), [2, 2]);
    assert_eq!(granted(&keyed, hash("a"), now + SECOND * 10), 5, "its own again");
}

#[test]
fn a_log_is_not_offered_by_key() {
    let now = Clock::manual().0.now();
    let error = Keyed::new(quota(Algorithm::SlidingLog, 5, 5), NonZeroUsize::MIN, now).expect_err("not offered");
    assert_eq!(error.field, "rateLimits.algorithm");
}

#[test]
fn a_key_costs_sixteen_bytes() {
    let now = Clock::manual().0.now();
    let keyed = table(quota(Algorithm::TokenBucket, 5, 5), 1_000_000, now);
    let keys = keyed.keys();
    assert_eq!(keys.capacity, 1_000_000);
    assert!(keys.memory_bytes < 16 * 1_000_000 + 10_000, "{}", keys.memory_bytes);
}

/// Threads bring in the same new keys at once: each key gets exactly its quota, whoever was first.
#[test]
fn new_keys_that_come_together_have_one_slot_each() {
    for algorithm in [Algorithm::TokenBucket, Algorithm::SlidingWindow] {
        let now = Clock::manual().0.now();
        let keyed = table(quota(algorithm, 5, 5), 4096, now);
        let barrier = Barrier::new(8);
        let run = || {
            barrier.wait();
            let mut found = vec![0; 500];
            for _ in 0..3 {
                for (key, count) in found.iter_mut().enumerate() {
                    *count += usize::from(keyed.check(hash(key), now).is_ok());
                }
            }
            found
        };
        let all: Vec<Vec<usize>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        for key in 0..500 {
            let granted: usize = all.iter().map(|found| found[key]).sum();
            assert_eq!(granted, 5, "{algorithm:?} key {key}");
        }
        assert_eq!(keyed.keys().evicted, 0);
    }
}
