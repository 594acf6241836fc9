use ::loom::sync::Arc;
use ::loom::thread;

use nines_base::Clock;

use super::*;

const WINDOW: Duration = Duration::from_secs(10);

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(check);
}

/// Every request earns one extra attempt.
fn one_for_one() -> (Arc<Budget>, Instant) {
    let now = Clock::manual().0.now();
    let config = BudgetConfig {
        ratio: 1.0,
        min_per_second: 0,
        window: WINDOW,
    };
    (Arc::new(Budget::new(config, now).expect("a good budget")), now)
}

#[test]
fn one_credit_is_granted_once() {
    model(|| {
        let (budget, now) = one_for_one();
        budget.record_request(now);
        let other = budget.clone();
        let withdrawn = thread::spawn(move || other.try_withdraw(now));
        let here = budget.try_withdraw(now);
        let there = withdrawn.join().expect("no panic");
        assert!(here ^ there, "exactly one of both");
    });
}

#[test]
fn requests_are_counted_and_none_is_used_twice() {
    model(|| {
        let (budget, now) = one_for_one();
        let other = budget.clone();
        let recorded = thread::spawn(move || other.record_request(now));
        budget.record_request(now);
        let early = usize::from(budget.try_withdraw(now)) + usize::from(budget.try_withdraw(now));
        recorded.join().expect("no panic");
        let late = (0..3).filter(|_| budget.try_withdraw(now)).count();
        assert_eq!(early + late, 2);
    });
}

/// A note that is ahead of the counters would make an expired request count again.
#[test]
fn what_has_expired_stays_expired() {
    model(|| {
        let (budget, start) = one_for_one();
        budget.record_request(start);
        let (first, second) = (start + WINDOW, start + 2 * WINDOW);
        let other = budget.clone();
        let recorded = thread::spawn(move || {
            other.record_request(first);
            other.record_request(second);
        });
        let granted = (0..2).filter(|_| budget.try_withdraw(second)).count();
        assert!(granted <= 1, "only the last request counts");
        recorded.join().expect("no panic");
    });
}
