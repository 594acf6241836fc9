//! What a well-formed resource must still keep to make sense on its own. (That resources fit together is
//! [`crate::check`].)

mod filter;
mod gateway;
mod policy;
mod rate;
mod route;
mod service;
pub(crate) mod text;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

pub use rate::{Rate, RateError};

use crate::problem::{Problem, quote};
use crate::tree::path;
use crate::{Metadata, Resource, name};

/// Every mistake of a resource, each with the path of its field. None means valid.
pub fn resource(resource: &Resource) -> Vec<Problem> {
    let mut report = Report::default();
    metadata(&mut report, resource.metadata());
    match resource {
        Resource::Gateway(object) => gateway::validate(&mut report, &object.spec),
        Resource::HttpRoute(object) => route::validate(&mut report, &object.spec),
        Resource::Service(object) => service::validate(&mut report, &object.spec),
        Resource::Policy(object) => policy::validate(&mut report, &object.spec),
    }
    report.problems
}

/// Every mistake of a policy that code made for itself, so that it needs no target; paths begin with `spec`.
pub fn policy(policy: &crate::Policy) -> Vec<Problem> {
    let mut report = Report::default();
    policy::validate_sections(&mut report, policy);
    report.problems
}

fn metadata(report: &mut Report, metadata: &Metadata) {
    report.name("metadata.namespace", &metadata.namespace);
    report.name("metadata.name", &metadata.name);
    report.labels("metadata.labels", &metadata.labels);
    for (key, value) in &metadata.annotations {
        let path = path::join("metadata.annotations", key);
        report.ensure(value.len() <= 64 << 10, path, || "is longer than 64 KiB".into());
    }
}

/// Collects problems.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) problems: Vec<Problem>,
}

impl Report {
    pub(crate) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    pub(crate) fn ensure(&mut self, good: bool, path: impl Into<String>, message: impl FnOnce() -> String) {
        if !good {
            self.add(path, message());
        }
    }

    /// Takes the mistake of a check on one value.
    pub(crate) fn take(&mut self, path: impl Into<String>, result: Result<(), impl Display>) {
        if let Err(error) = result {
            self.add(path, error.to_string());
        }
    }

    pub(crate) fn name(&mut self, path: impl Into<String>, value: &str) {
        self.take(path, name::check(value));
    }

    /// Tells the value and what is allowed.
    pub(crate) fn range<T>(&mut self, path: impl Into<String>, value: T, allowed: RangeInclusive<T>)
    where
        T: PartialOrd + Display + Copy,
    {
        self.ensure(allowed.contains(&value), path, || {
            format!(
                "{value} is out of range, allowed are {} to {}",
                allowed.start(),
                allowed.end()
            )
        });
    }

    /// A share in `(0, 1]`.
    pub(crate) fn share(&mut self, path: impl Into<String>, value: f64) {
        self.ensure(value > 0.0 && value <= 1.0, path, || {
            format!("{value} is out of range, allowed is more than 0 up to 1")
        });
    }

    pub(crate) fn duration(
        &mut self,
        path: impl Into<String>,
        value: std::time::Duration,
        allowed: RangeInclusive<std::time::Duration>,
    ) {
        use nines_base::duration::format;
        self.ensure(allowed.contains(&value), path, || {
            let (least, most) = (format(*allowed.start()), format(*allowed.end()));
            format!("{} is out of range, allowed are {least} to {most}", format(value))
        });
    }

    /// Labels: keys of 1 to 128 letters, digits, `.`, `_`, `-`, `/`; values up to 256 bytes without control characters.
    pub(crate) fn labels(&mut self, path: &str, labels: &BTreeMap<String, String>) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        for (key, value) in labels {
            let good = (1..=128).contains(&key.len()) && key.chars().all(allowed);
            self.ensure(good, path::join(path, key), || {
                format!(
                    "{} is not a valid label name: use 1 to 128 of letters, digits and . _ - /",
                    quote(key)
                )
            });
            let good = value.len() <= 256 && !value.chars().any(char::is_control);
            self.ensure(good, path::join(path, key), || {
                "a label's value has at most 256 bytes and no control characters".into()
            });
        }
    }

    /// Every value once; `shown` is what people see of it.
    pub(crate) fn unique<K: Ord>(&mut self, items: impl Iterator<Item = (String, K, String)>) {
        let mut seen = BTreeMap::new();
        for (path, key, shown) in items {
            if let Some(first) = seen.get(&key) {
                self.add(path, format!("{shown} stands twice, first at {first}"));
            } else {
                seen.insert(key, path);
            }
        }
    }
}

#[cfg(test)]
mod tests;
