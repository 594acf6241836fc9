//! Service.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Report, text};
use crate::Protocol;
use crate::instance::MAX_WEIGHT;
use crate::problem::quote;
use crate::service::{Endpoint, HealthCheck, Service};

pub(super) fn validate(report: &mut Report, service: &Service) {
    if let Some(selector) = &service.selector {
        if let Some(name) = &selector.service {
            report.name("spec.selector.service", name);
        }
        report.labels("spec.selector.labels", &selector.labels);
    }
    for (index, endpoint) in service.endpoints.iter().enumerate() {
        validate_endpoint(report, &format!("spec.endpoints[{index}]"), endpoint);
    }
    report.unique(service.endpoints.iter().enumerate().map(|(index, endpoint)| {
        let path = format!("spec.endpoints[{index}].address");
        (path, endpoint.address.as_str(), quote(&endpoint.address))
    }));
    if let Some(port) = &service.port {
        report.name("spec.port", port);
    }
    report.ensure(service.protocol == Protocol::Http, "spec.protocol", || {
        "only `http` is supported yet".into()
    });
    if let Some(check) = &service.health_check {
        validate_check(report, check);
    }
    if let Some(share) = service.mass_loss_threshold {
        report.share("spec.massLossThreshold", share);
    }
}

fn validate_endpoint(report: &mut Report, at: &str, endpoint: &Endpoint) {
    let address = endpoint.address.parse::<SocketAddr>();
    let good = address.is_ok_and(|address| address.port() != 0 && !address.ip().is_unspecified());
    report.ensure(good, format!("{at}.address"), || {
        let shown = quote(&endpoint.address);
        format!("{shown} is not an address to connect to: write IP:PORT, for example 10.0.0.7:8080 or [::1]:8080")
    });
    report.range(format!("{at}.weight"), endpoint.weight, 0..=MAX_WEIGHT);
    report.labels(&format!("{at}.labels"), &endpoint.labels);
}

fn validate_check(report: &mut Report, check: &HealthCheck) {
    if let Some(path) = &check.path {
        report.take("spec.healthCheck.path", text::path(path));
    }
    let (least, most) = (Duration::from_millis(100), Duration::from_secs(3600));
    report.duration("spec.healthCheck.interval", check.interval, least..=most);
    report.duration(
        "spec.healthCheck.timeout",
        check.timeout,
        Duration::from_millis(1)..=most,
    );
    report.ensure(check.timeout <= check.interval, "spec.healthCheck.timeout", || {
        "may not be longer than the interval".into()
    });
    report.range("spec.healthCheck.threshold", check.threshold, 1..=100);
}
