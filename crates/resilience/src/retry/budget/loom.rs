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

/// Here and below the readers are spawned and the writers are not: of the accesses to an atomic loom remembers the last
/// one, so a write races only with reads that come after it in the order of the first run.
#[test]
fn requests_are_counted_and_none_is_used_twice() {
    model(|| {
        let (budget, now) = one_for_one();
        let (one, two) = (budget.clone(), budget.clone());
        let withdrawn = thread::spawn(move || (0..2).filter(|_| one.try_withdraw(now)).count());
        let recorded = thread::spawn(move || two.record_request(now));
        budget.record_request(now);
        recorded.join().expect("no panic");
        let early = withdrawn.join().expect("no panic");
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
        let withdrawn = thread::spawn(move || (0..2).filter(|_| other.try_withdraw(second)).count());
        budget.record_request(first);
        budget.record_request(second);
        let granted = withdrawn.join().expect("no panic");
        assert!(granted <= 1, "only the last request counts");
    });
}
