//! Quotas and leases that are exchanged while requests go on.

use super::*;

fn per(quota: Quota, per: Duration) -> Quota {
    Quota { per, ..quota }
}

impl Bench {
    fn set(&self, quota: Quota) {
        self.limiter.set_quota(quota, self.clock.now()).expect("a good quota");
    }

    fn lease(&self, requests: u32, until: Duration) {
        let lease = Lease {
            requests: count(requests),
            burst: count(requests),
            until: self.clock.now() + until,
        };
        self.limiter
            .set_lease(Some(lease), self.clock.now())
            .expect("a good lease");
    }
}

#[test]
fn a_lease_goes_on_by_the_period_of_a_new_quota() {
    for algorithm in ALL {
        let bench = Bench::new(quota(algorithm, 10, 10));
        bench.wait(100_000);
        bench.lease(5, SECOND * 60);
        assert_eq!(bench.granted(100), 5, "{algorithm:?}");
        bench.set(per(quota(algorithm, 10, 10), SECOND * 10));
        // Of a bucket the second until it is full again is kept, which is less than one of the new intervals.
        let more = if algorithm.is_bucket() { 4 } else { 0 };
        assert_eq!(bench.granted(100), more, "{algorithm:?}");
        bench.wait(30_000);
        assert_eq!(bench.granted(100), 5, "{algorithm:?}");
        bench.wait(999);
        assert_eq!(bench.granted(100), 0, "{algorithm:?}: five in ten seconds");
        bench.wait(19_001);
        assert_eq!(bench.granted(100), 5, "{algorithm:?}");
        bench.wait(10_000);
        assert_eq!(bench.standing().0, 10, "{algorithm:?}: its own again");
    }
}

#[test]
fn a_lease_goes_on_by_the_wait_of_a_new_quota() {
    let bench = Bench::new(quota(Algorithm::LeakyBucket, 10, 10));
    bench.lease(5, SECOND * 60);
    assert_eq!(bench.granted(100), 5);
    bench.set(Quota {
        max_wait: SECOND,
        ..quota(Algorithm::LeakyBucket, 10, 10)
    });
    assert_eq!(bench.granted(100), 5, "a second's worth may wait");
}

#[test]
fn a_lease_that_does_not_fit_a_new_quota_ends() {
    let bench = Bench::new(per(quota(Algorithm::TokenBucket, 10, 10), SECOND * 10));
    bench.lease(2_000_000, SECOND * 60);
    assert_eq!(bench.standing().0, 2_000_000);
    bench.set(per(quota(Algorithm::TokenBucket, 10, 10), SECOND / 1000));
    assert_eq!(bench.standing().0, 10, "two million in a millisecond is too much");
}

/// A thread that knows the new length already has written its window before the state is converted.
#[test]
fn a_window_that_has_begun_by_the_new_length_begins_once() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        for (length, at_once) in [(SECOND * 10, 0), (SECOND / 10, 10)] {
            let bench = Bench::new(quota(algorithm, 10, 10));
            bench.wait(100_000);
            assert_eq!(bench.granted(100), 10);
            let limiter = &bench.limiter;
            let next = limiter.shared.given(limiter.origin);
            let next = next.with_quota(per(quota(algorithm, 10, 10), length), bench.clock.now());
            let now = limiter.origin.nanos(bench.clock.now());
            let (before, after) = limiter.shared.exchange(next.expect("good"), limiter.origin, now);
            assert_eq!(bench.granted(100), at_once, "{algorithm:?} {length:?}: before");
            let Core::Cell(cell) = &limiter.core else {
                panic!("a window is a cell")
            };
            convert_in(cell, now, &before, &after);
            assert_eq!(bench.granted(100), 0, "{algorithm:?} {length:?}: after");
        }
    }
}

#[test]
fn a_raised_quota_does_not_block_for_as_long_as_the_old_one() {
    for algorithm in [Algorithm::TokenBucket, Algorithm::LeakyBucket] {
        let slow = per(quota(algorithm, 10, 10), SECOND * 86_400);
        let bench = Bench::new(slow);
        assert_eq!(bench.granted(100), 10);
        bench.set(quota(algorithm, 1000, 1000));
        assert_eq!(bench.granted(2000), 0, "{algorithm:?}: all is used");
        bench.wait(1);
        assert_eq!(bench.granted(100), 1, "{algorithm:?}");

        let bench = Bench::new(per(quota(algorithm, 1, 1), SECOND * 3600));
        assert_eq!(bench.granted(100), 1);
        bench.lease(3_600_000, SECOND * 60);
        bench.wait(1000);
        let many = bench.granted(2000);
        assert!(many >= 1000, "{algorithm:?}: {many} by the lease of 1000 a second");
    }
}

/// Nobody is there to convert anything when a lease ends.
#[test]
fn a_lease_that_has_ended_does_not_block_for_as_long_as_it_would() {
    for algorithm in [Algorithm::TokenBucket, Algorithm::LeakyBucket] {
        let bench = Bench::new(per(quota(algorithm, 3600, 60), SECOND * 3600));
        bench.lease(1, SECOND * 30);
        assert_eq!(bench.granted(100), 1);
        bench.wait(30_000);
        assert_eq!(bench.granted(100), 0, "{algorithm:?}: all is used");
        bench.wait(1000);
        assert_eq!(bench.granted(100), 1, "{algorithm:?}: one a second");
    }
}
