//! The counters in the form that Prometheus reads.

use std::fmt::Error;

use nines_model::Cause;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::series::BOUNDS_US;
use super::{Count, Endpoint, Metrics, Shard};

/// Sums the shards on each scrape.
#[derive(Debug)]
pub(super) struct Collector(pub(super) Metrics);

/// What one endpoint's counter is called, what it means, and where it stands.
type EndpointFamily = (&'static str, &'static str, fn(&Endpoint) -> &Count);
type WorkerFamily = (&'static str, &'static str, fn(&Shard) -> &Count);

const ENDPOINTS: [EndpointFamily; 6] = [
    ("upstream_connects", "Connections opened to an endpoint", |e| {
        &e.connects
    }),
    ("upstream_reuses", "Requests sent on a connection that was open", |e| {
        &e.reuses
    }),
    ("upstream_connect_errors", "Connections that could not be opened", |e| {
        &e.connect_errors
    }),
    ("upstream_resets", "Connections that broke during a request", |e| {
        &e.resets
    }),
    (
        "upstream_timeouts",
        "Requests that an endpoint did not answer in time",
        |e| &e.timeouts,
    ),
    (
        "upstream_ejections",
        "Times an endpoint was ejected as an outlier",
        |e| &e.ejections,
    ),
];

const WORKERS: [WorkerFamily; 10] = [
    ("connections", "Client connections accepted", |s| &s.connections_opened),
    (
        "connections_refused",
        "Client connections turned away at the limit",
        |s| &s.connections_refused,
    ),
    ("tunnels", "Upgraded connections", |s| &s.tunnels_opened),
    ("retries_connect", "Attempts after a failed connect", |s| {
        &s.retried_connects
    }),
    ("retries_race", "Attempts after the keep-alive race", |s| {
        &s.retried_races
    }),
    ("received_bytes", "Bytes of request heads and bodies", |s| {
        &s.received_bytes
    }),
    ("sent_bytes", "Bytes of response heads and bodies", |s| &s.sent_bytes),
    ("aborted", "Requests cut off by the drain's deadline", |s| &s.aborted),
    ("panics", "Panics of connection tasks", |s| &s.panics),
    (
        "access_log_dropped",
        "Access log lines dropped because the writer could not keep up",
        |s| &s.log_dropped,
    ),
];

impl prometheus_client::collector::Collector for Collector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.routes(&mut encoder)?;
        self.causes(&mut encoder)?;
        self.endpoints(&mut encoder)?;
        self.workers(&mut encoder)
    }
}

impl Collector {
    fn routes(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let routes = self.0.0.routes.all();
        let mut requests = describe(
            encoder,
            "requests",
            "Requests by route and status class",
            MetricType::Counter,
        )?;
        for (route, shards) in &routes {
            for (class, name) in ["none", "1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().enumerate() {
                let total: u64 = shards.iter().map(|shard| shard.statuses[class].get()).sum();
                if total > 0 {
                    let labels = [("route", route.as_str()), ("status", name)];
                    counter(&mut requests.encode_family(&labels)?, total)?;
                }
            }
        }
        let help = "Seconds from a request's head to the end of its answer";
        let mut latency = describe(encoder, "request_seconds", help, MetricType::Histogram)?;
        for (route, shards) in &routes {
            let bounds = BOUNDS_US.iter().map(|bound| *bound as f64 / 1e6).chain([f64::MAX]);
            let buckets: Vec<(f64, u64)> = bounds
                .enumerate()
                .map(|(i, bound)| (bound, shards.iter().map(|s| s.buckets[i].get()).sum()))
                .collect();
            let total: u64 = shards.iter().map(|s| s.total_us.get()).sum();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let labels = [("route", route.as_str())];
            let mut family = latency.encode_family(&labels)?;
            family.encode_histogram::<NoLabelSet>(total as f64 / 1e6, count, &buckets, None)?;
        }
        Ok(())
    }

    fn causes(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Requests that the proxy answered itself, or nobody could, by cause";
        let mut family = describe(encoder, "causes", help, MetricType::Counter)?;
        for cause in Cause::ALL {
            let total = self.0.sum(|shard| shard.cause(cause).get());
            counter(&mut family.encode_family(&[("cause", cause.as_str())])?, total)?;
        }
        Ok(())
    }

    fn endpoints(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let endpoints = self.0.0.endpoints.all();
        for (name, help, count) in ENDPOINTS {
            let mut family = describe(encoder, name, help, MetricType::Counter)?;
            for (address, shards) in &endpoints {
                let total = shards.iter().map(|shard| count(shard).get()).sum();
                counter(&mut family.encode_family(&[("endpoint", address.as_str())])?, total)?;
            }
        }
        Ok(())
    }

    fn workers(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        for (name, help, count) in WORKERS {
            let mut metric = describe(encoder, name, help, MetricType::Counter)?;
            counter(&mut metric, self.0.sum(|shard| count(shard).get()))?;
        }
        let inner = &self.0.0;
        let swaps = "Snapshots put in force";
        counter(
            &mut describe(encoder, "snapshot_swaps", swaps, MetricType::Counter)?,
            inner.swaps.get(),
        )?;
        for (name, help, value) in [
            ("connections_open", "Client connections open", self.0.connections()),
            ("in_flight", "Requests being answered", self.0.in_flight()),
            (
                "snapshot_revision",
                "Revision of the snapshot in force",
                inner.revision.get(),
            ),
            ("workers", "Worker threads", inner.workers.len() as u64),
        ] {
            describe(encoder, name, help, MetricType::Gauge)?.encode_gauge(&(value as f64))?;
        }
        Ok(())
    }
}

fn describe<'e>(
    encoder: &'e mut DescriptorEncoder<'_>,
    name: &'e str,
    help: &str,
    kind: MetricType,
) -> Result<MetricEncoder<'e>, Error> {
    encoder.encode_descriptor(name, help, None, kind)
}

fn counter(encoder: &mut MetricEncoder<'_>, value: u64) -> Result<(), Error> {
    encoder.encode_counter::<NoLabelSet, u64, f64>(&value, None)
}
