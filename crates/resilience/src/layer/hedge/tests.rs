use std::time::Duration;

use tower::{Layer as _, Service as _, ServiceExt, service_fn};

use super::*;
use crate::layer::Plain;
use crate::layer::probe::{Act, Broken, Probe, check_contract};
use crate::retry::BudgetConfig;

const MS: Duration = Duration::from_millis(1);

/// A layer that knows that calls take 10 ms.
fn layer(inspect: Plain, min_per_second: u32, max_hedges: u32) -> Layer<Plain> {
    let budget = BudgetConfig {
        min_per_second,
        ..BudgetConfig::default()
    };
    let budget = Arc::new(Budget::new(budget, now()).expect("a valid budget"));
    let config = Config {
        min_samples: 10,
        max_hedges,
        ..Config::default()
    };
    let layer = Layer::new("hedge", config, budget, inspect).expect("a valid layer");
    (0..10).for_each(|_| layer.shared().core.hedge.record(10 * MS, now()));
    layer
}

/// A callee whose first call takes `first`, and each one after it `second`; the calls made, and those under way.
fn callee(
    first: Duration,
    second: Duration,
) -> (
    impl tower::Service<(), Response = u32, Error = Broken, Future: Send> + Clone,
    Arc<Calls>,
) {
    let calls = Arc::new(Calls::default());
    let books = calls.clone();
    let service = service_fn(move |()| {
        let number = books.made.fetch_add(1, Relaxed) + 1;
        let under_way = UnderWay::begin(books.clone());
        async move {
            let _under_way = under_way;
            tokio::time::sleep(if number == 1 { first } else { second }).await;
            Ok(number)
        }
    });
    (service, calls)
}

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

#[derive(Debug, Default)]
struct Calls {
    made: AtomicU32,
    under_way: AtomicU32,
}

struct UnderWay(Arc<Calls>);

impl UnderWay {
    fn begin(calls: Arc<Calls>) -> Self {
        calls.under_way.fetch_add(1, Relaxed);
        Self(calls)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    for inspect in [Plain::default(), Plain::IDEMPOTENT] {
        check_contract(|probe| layer(inspect, 100, 1).layer(probe), || 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_good_answer_wins_and_the_loser_is_cancelled() {
    let layer = layer(Plain::IDEMPOTENT, 100, 1);
    let begin = now();
    for (first, winner, took) in [(1000, 2, 15), (12, 1, 12), (5, 1, 5)] {
        let (callee, calls) = callee(first * MS, 5 * MS);
        let start = now();
        let answer = layer.layer(callee).oneshot(()).await;
        assert_eq!(answer.expect("an answer"), winner, "first takes {first} ms");
        let millis = (now() - start).as_millis();
        assert!((took..took + 2).contains(&millis), "{millis} ms, should be {took}");
        assert_eq!(calls.under_way.load(Relaxed), 0, "the loser runs on");
    }
    assert!(now() - begin < Duration::from_secs(1), "nobody waited for the loser");
}

#[tokio::test(start_paused = true)]
async fn only_what_may_be_made_twice_is_hedged() {
    let (callee, calls) = callee(1000 * MS, 5 * MS);
    let answer = layer(Plain::default(), 100, 1).layer(callee).oneshot(()).await;
    assert_eq!((answer.expect("an answer"), calls.made.load(Relaxed)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn failsafe_go_141_an_empty_budget_suppresses_the_hedge_and_never_the_call() {
    let layer = layer(Plain::IDEMPOTENT, 0, 1);
    let (callee, calls) = callee(1000 * MS, 5 * MS);
    let answer = layer.layer(callee).oneshot(()).await;
    assert_eq!(
        (answer.expect("the first attempt's answer"), calls.made.load(Relaxed)),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn several_hedges_go_out_one_after_the_other() {
    let (callee, calls) = callee(1000 * MS, 1000 * MS);
    let begin = now();
    let answer = layer(Plain::IDEMPOTENT, 100, 3).layer(callee).oneshot(()).await;
    assert_eq!((answer.expect("an answer"), calls.made.load(Relaxed)), (1, 4));
    assert_eq!((now() - begin).as_millis(), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_failure_leaves_the_call_to_those_under_way_and_the_first_failure_is_told() {
    for (first_fails, second_fails, answer) in [(true, false, Ok(2)), (false, true, Ok(1)), (true, true, Err(1))] {
        let calls = AtomicU32::new(0);
        let callee = service_fn(|()| {
            let number = calls.fetch_add(1, Relaxed) + 1;
            async move {
                let (takes, fails) = if number == 1 {
                    (30 * MS, first_fails)
                } else {
                    (25 * MS, second_fails)
                };
                tokio::time::sleep(takes).await;
                if fails { Err(Failed(number)) } else { Ok(number) }
            }
        });
        let result = layer(Plain::IDEMPOTENT, 100, 1).layer(callee).oneshot(()).await;
        let result = result.map_err(|error| error.inner().map_or(0, |failed| failed.0));
        assert_eq!(result, answer);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("attempt {0} failed")]
struct Failed(u32);

#[tokio::test(start_paused = true)]
async fn a_hedge_waits_for_its_own_readiness_and_is_called_only_with_it() {
    let probe = Probe::with_slots(1);
    let mut service = layer(Plain::IDEMPOTENT, 100, 1).layer(probe.clone());
    let call = service.ready().await.expect("a free slot").call(Act::Hold);
    let ended = tokio::time::timeout(Duration::from_secs(60), call).await;
    assert!(ended.is_err(), "the one slot is taken by the first attempt");
    assert_eq!((probe.calls(), probe.unready_calls(), probe.free()), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_first_attempt_that_lost_counts_as_it_ran() {
    let layer = layer(Plain::IDEMPOTENT, 100, 1);
    let before = layer.shared().core.hedge.snapshot(now()).samples;
    let (callee, _) = callee(1000 * MS, 5 * MS);
    layer.layer(callee).oneshot(()).await.expect("an answer");
    assert_eq!(layer.shared().core.hedge.snapshot(now()).samples, before + 1);
}
