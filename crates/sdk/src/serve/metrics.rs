//! Rate, errors and duration by route.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The service's own HTTP metrics. The routes are those of the router, so the series are bounded.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    requests: Family<Answered, Counter>,
    duration: Family<Route, Histogram, fn() -> Histogram>,
    pub(super) in_flight: Gauge,
    pub(super) panics: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

impl Metrics {
    /// Registers them.
    pub(crate) fn new(registry: &nines_runtime::Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            in_flight: Gauge::default(),
            panics: Counter::default(),
        };
        registry.register("nines_http", |registry| {
            registry.register("requests", "Requests answered", metrics.requests.clone());
            registry.register(
                "duration_seconds",
                "Time to the head of the answer",
                metrics.duration.clone(),
            );
            registry.register("in_flight", "Requests being handled", metrics.in_flight.clone());
            registry.register("panics", "Handlers that panicked", metrics.panics.clone());
        });
        metrics
    }

    pub(super) fn answered(&self, route: Route, status: u16, took: Duration) {
        self.duration.get_or_create(&route).observe(took.as_secs_f64());
        let Route { method, route } = route;
        self.requests.get_or_create(&Answered { method, route, status }).inc();
    }
}

/// A method's name; what nobody has heard of shares one series.
pub(super) fn method_name(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}
