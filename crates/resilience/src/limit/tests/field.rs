//! What went wrong or was asked elsewhere, by the names of its reports.

use std::num::NonZeroUsize;

use super::*;

/// A limiter by key grew with every key that was ever seen.
#[test]
fn governor_171_unbounded_keys() {
    let now = Clock::manual().0.now();
    let size = NonZeroUsize::new(1000).expect("not zero");
    let keyed = Keyed::new(quota(Algorithm::TokenBucket, 10, 10), size, now).expect("good");
    let before = keyed.keys().memory_bytes;
    for key in 0..100_000u32 {
        keyed.check(hash(key), now).expect("each key's first");
    }
    let keys = keyed.keys();
    assert_eq!((keys.len, keys.memory_bytes), (1000, before));
    assert_eq!(keys.evicted, 99_000, "counted, since none was idle");
}

/// A burst comes on top of the rate: the first second may see both. Whoever wants no more than the rate says so.
#[test]
fn governor_39_and_16_a_burst_on_top_of_the_rate() {
    for (burst, first_second) in [(10, 20), (1, 11)] {
        let bench = Bench::new(quota(Algorithm::TokenBucket, 10, burst));
        let mut granted = bench.granted(100);
        for _ in 0..10 {
            bench.wait(100);
            granted += bench.granted(100);
        }
        assert_eq!(granted, first_second);
    }
}

/// A quota could not be changed without losing who had used what.
#[test]
fn governor_273_another_quota_keeps_what_was_used() {
    let now = Clock::manual().0.now();
    let size = NonZeroUsize::new(100).expect("not zero");
    let keyed = Keyed::new(quota(Algorithm::FixedWindow, 10, 1), size, now).expect("good");
    for _ in 0..10 {
        keyed.check(hash("busy"), now).expect("within the quota");
    }
    keyed
        .set_quota(quota(Algorithm::FixedWindow, 12, 1), now)
        .expect("good");
    let granted = |key| (0..100).filter(|_| keyed.check(hash(key), now).is_ok()).count();
    assert_eq!((granted("busy"), granted("new")), (2, 12));
}
