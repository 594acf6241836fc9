//! Tower layers around a service that answers at once, and whole stacks of them.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use nines_base::Clock;
use nines_resilience::layer::{self, Http, Plain};
use nines_resilience::limit::Quota;
use nines_resilience::policy;
use nines_resilience::retry::{Budget, BudgetConfig};
use nines_resilience::{breaker, bulkhead, retry};
use tower::retry::budget::{Budget as _, TpsBudget};
use tower::{Layer, Service, ServiceBuilder};
use tower_resilience::bulkhead::BulkheadLayer;
use tower_resilience::circuitbreaker::CircuitBreakerLayer;
use tower_resilience::ratelimiter::RateLimiterLayer;
use tower_resilience::retry::{RetryBudgetBuilder, RetryLayer};
use tower_resilience::timelimiter::TimeLimiterLayer;

use super::Options;
use super::contender::{Contender, Group};

const LIMIT: Duration = Duration::from_secs(15);
const PLENTY: u32 = 1_000_000_000;

pub(super) fn groups(_options: &Options) -> Vec<Group> {
    vec![
        breakers(),
        limits(),
        bulkheads(),
        timeouts(),
        retries(),
        stacks(),
        http(),
    ]
}

fn breakers() -> Group {
    let nines = layer::breaker::Layer::new("bench", breaker::Config::default(), Plain::IDEMPOTENT).expect("valid");
    let other = CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_size(100);
    Group {
        name: "layer: breaker",
        contenders: vec![
            service("nines", nines.layer(Noop)),
            service("tower-resilience", other.build().expect("valid").layer(Noop)),
        ],
    }
}

fn limits() -> Group {
    let rate = NonZeroU32::new(PLENTY).expect("it is not 0");
    let quota = Quota {
        burst: NonZeroU32::new(10_000_000).expect("it is not 0"),
        ..Quota::per_second(rate)
    };
    let nines = layer::limit::Layer::new("bench", quota, Plain::IDEMPOTENT).expect("valid");
    let other = RateLimiterLayer::burst(PLENTY as usize, PLENTY as usize)
        .build()
        .expect("valid");
    Group {
        name: "layer: rate limit",
        contenders: vec![
            service("nines", nines.layer(Noop)),
            service("tower-resilience", other.layer(Noop)),
        ],
    }
}

fn bulkheads() -> Group {
    let config = bulkhead::Config {
        max_in_flight: 1000,
        max_queue: 0,
        max_wait: LIMIT,
    };
    let nines = layer::bulkhead::Layer::reject("bench", config, Plain::IDEMPOTENT).expect("valid");
    let tower = ServiceBuilder::new().load_shed().concurrency_limit(1000);
    let other = BulkheadLayer::builder().max_concurrent_calls(1000).reject_when_full();
    Group {
        name: "layer: bulkhead, reject",
        contenders: vec![
            service("nines", nines.layer(Noop)),
            service("tower (load shed, concurrency limit)", tower.service(Noop)),
            service("tower-resilience", other.build().expect("valid").layer(Noop)),
        ],
    }
}

fn timeouts() -> Group {
    let nines = layer::timeout::Layer::new("bench", LIMIT).expect("valid");
    let other = TimeLimiterLayer::builder().timeout_duration(LIMIT).build();
    Group {
        name: "layer: timeout",
        contenders: vec![
            service("nines", nines.layer(Noop)),
            service("tower", ServiceBuilder::new().timeout(LIMIT).service(Noop)),
            service("tower-resilience", other.layer(Noop)),
        ],
    }
}

fn retries() -> Group {
    Group {
        name: "layer: retry with a budget",
        contenders: vec![
            service("nines", nines_retry().layer(Noop)),
            service("tower", tower::retry::RetryLayer::new(Again::new()).layer(Noop)),
            service("tower-resilience", other_retry().layer(Noop)),
        ],
    }
}

/// A policy without any section: time limit, retry with its budget, breaker. What others have of these.
fn stacks() -> Group {
    let composed = policy::layer::Layer::new("bench", policy::Config::default(), Plain::IDEMPOTENT).expect("valid");
    let single = ServiceBuilder::new()
        .layer(
            layer::deadline::Layer::new("bench", layer::deadline::Config::default(), Plain::IDEMPOTENT).expect("valid"),
        )
        .layer(nines_retry())
        .layer(layer::breaker::Layer::new("bench", breaker::Config::default(), Plain::IDEMPOTENT).expect("valid"));
    let tower = ServiceBuilder::new().timeout(LIMIT).retry(Again::new());
    let other = ServiceBuilder::new()
        .layer(TimeLimiterLayer::builder().timeout_duration(LIMIT).build())
        .layer(tower::util::MapErrLayer::new(drop))
        .layer(other_retry_of())
        .layer(tower::util::MapErrLayer::new(drop))
        .layer(
            CircuitBreakerLayer::builder()
                .failure_rate_threshold(0.5)
                .sliding_window_size(100)
                .build()
                .expect("valid"),
        );
    Group {
        name: "stack: default policy",
        contenders: vec![
            service("nines, composed", composed.layer(Noop)),
            service("nines, single layers", single.service(Noop)),
            service("tower (no breaker)", tower.service(Noop)),
            service("tower-resilience", other.service(Noop)),
        ],
    }
}

/// The same around HTTP requests: the deadline goes into the request's extensions, whose map is an allocation.
fn http() -> Group {
    let composed = policy::layer::Layer::new("bench", policy::Config::default(), Http::cloning()).expect("valid");
    Group {
        name: "stack: default policy, http requests",
        contenders: vec![
            requests("no layer", Noop),
            requests("nines, composed", composed.layer(Noop)),
        ],
    }
}

fn nines_retry() -> layer::retry::Layer<Plain> {
    let budget = Budget::new(BudgetConfig::default(), Clock::system().now()).expect("valid");
    layer::retry::Layer::new("bench", retry::Config::default(), Arc::new(budget), Plain::IDEMPOTENT).expect("valid")
}

fn other_retry() -> RetryLayer<(), (), Infallible> {
    other_retry_of()
}

fn other_retry_of<E>() -> RetryLayer<(), (), E> {
    let budget = RetryBudgetBuilder::new().token_bucket().build().expect("valid");
    RetryLayer::builder().max_attempts(3).budget(budget).build()
}

fn service<S>(name: &'static str, service: S) -> Contender
where
    S: Service<(), Response = ()> + Clone + Send + Sync + 'static,
{
    Contender::new(name, move |calls| {
        let mut service = service.clone();
        for _ in 0..calls {
            call(black_box(&mut service), ());
        }
    })
}

fn requests<S>(name: &'static str, service: S) -> Contender
where
    S: Service<http::Request<()>, Response = http::Response<()>> + Clone + Send + Sync + 'static,
{
    Contender::new(name, move |calls| {
        let mut service = service.clone();
        for _ in 0..calls {
            call(black_box(&mut service), http::Request::new(()));
        }
    })
}

/// One call, ready at once unless another thread is in the way: then it is asked again and again.
#[inline(always)]
fn call<S: Service<Req>, Req>(service: &mut S, request: Req) {
    let cx = &mut Context::from_waker(Waker::noop());
    while service.poll_ready(cx).is_pending() {
        std::hint::spin_loop();
    }
    let mut future = pin!(service.call(request));
    loop {
        match future.as_mut().poll(cx) {
            Poll::Ready(result) => return assert!(result.is_ok()),
            Poll::Pending => std::hint::spin_loop(),
        }
    }
}

/// Answers at once.
#[derive(Debug, Clone, Copy)]
struct Noop;

impl Service<()> for Noop {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(()))
    }
}

impl Service<http::Request<()>> for Noop {
    type Response = http::Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: http::Request<()>) -> Self::Future {
        ready(Ok(http::Response::new(())))
    }
}

/// tower's retry: failures again, within its budget.
#[derive(Debug, Clone)]
struct Again(Arc<TpsBudget>);

impl Again {
    fn new() -> Self {
        Self(Arc::new(TpsBudget::default()))
    }
}

impl<E> tower::retry::Policy<(), (), E> for Again {
    type Future = Ready<()>;

    fn retry(&mut self, (): &mut (), result: &mut Result<(), E>) -> Option<Ready<()>> {
        if result.is_ok() {
            self.0.deposit();
            return None;
        }
        self.0.withdraw().then(|| ready(()))
    }

    fn clone_request(&mut self, (): &()) -> Option<()> {
        Some(())
    }
}
