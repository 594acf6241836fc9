//! What went wrong elsewhere, by the names of its reports.

use super::*;

/// A half-open breaker let through more calls than it was told, because the count was read and written in two steps.
#[test]
fn tower_resilience_382_half_open_over_admission() {
    let bench = Bench::new(Config {
        half_open_calls: 2,
        ..no_jitter()
    });
    bench.open();
    bench.wait();
    let admitted: Vec<Ticket> = (0..100).filter_map(|_| bench.check().ok()).collect();
    assert_eq!(admitted.len(), 2);
}

/// All calls of a half-open breaker went through at once, and buried the callee again.
#[test]
fn open_liberty_7080_thundering_herd() {
    let bench = Bench::new(no_jitter());
    bench.open();
    bench.wait();
    let admitted: Vec<Ticket> = (0..10_000).filter_map(|_| bench.check().ok()).collect();
    assert_eq!(admitted.len(), 3);
    drop(admitted);
}

/// One bad instance of five is a fifth of the failures of a resource, and never opened its breaker. A breaker for each
/// instance does.
#[test]
fn sentinel_281_one_bad_instance_of_five() {
    let whole = Bench::new(no_jitter());
    let each: Vec<Bench> = (0..5).map(|_| Bench::new(no_jitter())).collect();
    for _ in 0..20 {
        for (number, instance) in each.iter().enumerate() {
            let observed = if number == 3 {
                Observed::FAILURE
            } else {
                Observed::SUCCESS
            };
            assert!(whole.call(observed) && instance.call(observed));
        }
    }
    let open: Vec<bool> = each.iter().map(|bench| bench.state() == State::Open).collect();
    assert_eq!(open, [false, false, false, true, false]);
    assert_eq!(whole.state(), State::Closed);
}

/// A minute of failures kept callers away for a quarter of an hour.
#[test]
fn go_zero_4101_open_long_after_the_failure() {
    let bench = Bench::new(Config::default());
    let mut refused_since = None;
    for second in 0..300u64 {
        let healthy = second >= 60;
        for _ in 0..20 {
            let observed = if healthy { Observed::SUCCESS } else { Observed::FAILURE };
            if !bench.call(observed) && healthy {
                refused_since = Some(second - 60);
            }
        }
        bench.hand.advance(SECOND);
    }
    assert_eq!(bench.state(), State::Closed);
    assert!(
        refused_since < Some(60),
        "refused {refused_since:?} s after the callee was well"
    );
}

/// N failures in a row could not be said.
#[test]
fn polly_1854_failures_in_a_row() {
    let bench = Bench::new(Config {
        failure_rate: None,
        consecutive_failures: Some(2),
        ..no_jitter()
    });
    bench.calls(1000, Observed::SUCCESS);
    bench.calls(2, Observed::FAILURE);
    assert_eq!(bench.state(), State::Open);
}

/// A window of one second threw where it should have been empty.
#[test]
fn resilience4j_2241_the_shortest_window() {
    let bench = Bench::new(Config {
        window: Window::Time(Duration::from_millis(100)),
        min_calls: 1,
        ..no_jitter()
    });
    assert_eq!(bench.snapshot().window, Counts::default());
    for _ in 0..1000 {
        bench.calls(1, Observed::SUCCESS);
        bench.hand.advance(Duration::from_nanos(9_999_999));
    }
    assert!((9..=11).contains(&bench.snapshot().window.calls));
    bench.hand.advance(SECOND);
    assert_eq!(bench.snapshot().window.calls, 0);
}
