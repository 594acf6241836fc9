//! Policies by what they govern.

use std::collections::HashMap;
use std::time::Duration;

use nines_balance::pick;
use nines_base::Backoff;
use nines_model::policy::{Retry as RetrySection, TargetKind};
use nines_model::problem::Problem;
use nines_model::route::Timeouts;
use nines_model::{Catalog, Policy, Resource, ResourceKey, ServiceKey};

use super::{each, problem};
use crate::route::{Limits, Retry};

type Target<'a> = (&'a str, TargetKind, &'a str);

/// The policies of each target, in the order of their names. Each section counts from the first policy that has it.
#[derive(Debug, Default)]
pub(super) struct Policies<'a> {
    targets: HashMap<Target<'a>, Vec<(&'a ResourceKey, &'a Policy)>>,
}

impl<'a> Policies<'a> {
    pub(super) fn index(catalog: &'a Catalog, problems: &mut Vec<Problem>) -> Self {
        let mut policies = Self::default();
        let documents = each(catalog, |resource| match resource {
            Resource::Policy(policy) => Some(&policy.spec),
            _ => None,
        });
        for (key, policy) in documents {
            for target in &policy.target_refs {
                let target: Target<'a> = (&key.namespace, target.kind, &target.name);
                let list = policies.targets.entry(target).or_default();
                problems.extend(list.iter().filter_map(|other| overlap(key, policy, *other)));
                list.push((key, policy));
            }
        }
        policies
    }

    /// How to pick an endpoint of a service.
    pub(super) fn balance(&self, service: &ServiceKey) -> pick::Config {
        let balance = self.of_service(service).find_map(|policy| policy.balance.as_ref());
        balance.map(pick::Config::from).unwrap_or_default()
    }

    /// The limits of requests of a route to a service: the rule's own, else the route's policies', else the service's,
    /// else the defaults.
    pub(super) fn limits(&self, route: &ResourceKey, rule: Option<&Timeouts>, service: &ServiceKey) -> Limits {
        let default = Limits::default();
        let governing = || self.of_route(route).chain(self.of_service(service));
        let timeout = |field: fn(&nines_model::policy::Timeout) -> Option<Duration>| {
            governing().find_map(|policy| policy.timeout.as_ref().and_then(field))
        };
        let request = rule.and_then(|rule| rule.request).or_else(|| timeout(|t| t.request));
        Limits {
            request: limit(request, default.request),
            attempt: limit(rule.and_then(|rule| rule.backend_request), None),
            connect: limit(timeout(|t| t.connect), default.connect),
            retry: governing()
                .find_map(|policy| policy.retry.as_ref())
                .map_or(default.retry, retry),
        }
    }

    fn of_service<'s>(&'s self, service: &'s ServiceKey) -> impl Iterator<Item = &'s Policy> {
        self.of((&service.namespace, TargetKind::Service, &service.name))
    }

    fn of_route<'s>(&'s self, route: &'s ResourceKey) -> impl Iterator<Item = &'s Policy> {
        self.of((&route.namespace, TargetKind::HttpRoute, &route.name))
    }

    fn of<'s>(&'s self, target: Target<'s>) -> impl Iterator<Item = &'s Policy> {
        self.targets
            .get(&target)
            .into_iter()
            .flatten()
            .map(|(_, policy)| *policy)
    }
}

/// `0s` switches a limit off.
fn limit(given: Option<Duration>, default: Option<Duration>) -> Option<Duration> {
    given.or(default).filter(|limit| !limit.is_zero())
}

fn retry(section: &RetrySection) -> Retry {
    let default = Retry::default();
    Retry {
        attempts: section.attempts,
        backoff: section.backoff.map_or(default.backoff, |b| Backoff {
            base: b.base,
            max: b.max,
        }),
        budget_ratio: section.budget.map_or(default.budget_ratio, |b| b.ratio),
        budget_min_per_second: section
            .budget
            .map_or(default.budget_min_per_second, |b| b.min_per_second),
    }
}

fn overlap(key: &ResourceKey, policy: &Policy, (other_key, other): (&ResourceKey, &Policy)) -> Option<Problem> {
    let sections = [
        ("balance", policy.balance.is_some() && other.balance.is_some()),
        ("timeout", policy.timeout.is_some() && other.timeout.is_some()),
        ("retry", policy.retry.is_some() && other.retry.is_some()),
    ];
    let (section, _) = sections.into_iter().find(|(_, both)| *both)?;
    let message = format!("{other_key} sets `{section}` for the same target and wins; put both into one policy");
    Some(problem(key, format!("spec.{section}"), message))
}
