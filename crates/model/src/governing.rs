//! Which policies govern a request: those of its route, then those of its service.

mod limits;

use std::collections::HashMap;

use crate::policy::{TargetKind, Timeout};
use crate::{Catalog, Policy, Problem, Resource, ResourceKey, ServiceKey};

pub use limits::{Limits, Retry};

type Target<'a> = (&'a str, TargetKind, &'a str);
type Named<'a> = (&'a ResourceKey, &'a Policy);

/// The policies of each target, in the order of their names.
#[derive(Debug, Default)]
pub struct Governing<'a> {
    targets: HashMap<Target<'a>, Vec<Named<'a>>>,
}

impl<'a> Governing<'a> {
    /// Sorts the catalog's policies by what they govern.
    pub fn index(catalog: &'a Catalog) -> Self {
        let mut targets: HashMap<Target<'a>, Vec<Named<'a>>> = HashMap::new();
        for (key, resource) in &catalog.resources {
            let Resource::Policy(policy) = resource else { continue };
            for target in &policy.spec.target_refs {
                let target: Target<'a> = (&key.namespace, target.kind, &target.name);
                targets.entry(target).or_default().push((key, &policy.spec));
            }
        }
        Self { targets }
    }

    /// What governs requests to a service, of a route if they come by one: each section from the first policy that has
    /// it, the route's before the service's. Of `timeout`, each field.
    pub fn effective(&self, route: Option<&ResourceKey>, service: &ServiceKey) -> Policy {
        let by_route = route.map(|route| (route.namespace.as_str(), TargetKind::HttpRoute, route.name.as_str()));
        let by_service = (service.namespace.as_str(), TargetKind::Service, service.name.as_str());
        let mut effective = Policy::default();
        for target in by_route.into_iter().chain([by_service]) {
            for (_, policy) in self.targets.get(&target).into_iter().flatten() {
                complete(&mut effective, policy);
            }
        }
        effective
    }

    /// The policies that set a section which another policy of the same target sets before them.
    pub fn overlaps(&self) -> Vec<Problem> {
        let mut found: Vec<Problem> = self.targets.values().flat_map(|policies| overlaps(policies)).collect();
        found.sort_by(|a, b| (&a.source, &a.path).cmp(&(&b.source, &b.path)));
        found.dedup();
        found
    }
}

fn complete(effective: &mut Policy, with: &Policy) {
    let Policy {
        target_refs: _,
        balance,
        timeout,
        retry,
        breaker,
        outlier,
        bulkhead,
        concurrency,
        rate_limits,
        fallback,
    } = with;
    fill(&mut effective.balance, balance);
    fill(&mut effective.retry, retry);
    fill(&mut effective.breaker, breaker);
    fill(&mut effective.outlier, outlier);
    fill(&mut effective.bulkhead, bulkhead);
    fill(&mut effective.concurrency, concurrency);
    fill(&mut effective.fallback, fallback);
    if let Some(Timeout { connect, request }) = timeout {
        let ours = effective.timeout.get_or_insert_default();
        fill(&mut ours.connect, connect);
        fill(&mut ours.request, request);
    }
    if effective.rate_limits.is_empty() {
        effective.rate_limits.clone_from(rate_limits);
    }
}

fn fill<T: Clone>(ours: &mut Option<T>, theirs: &Option<T>) {
    if ours.is_none() {
        ours.clone_from(theirs);
    }
}

fn overlaps<'a>(policies: &'a [Named<'a>]) -> impl Iterator<Item = Problem> {
    policies.iter().enumerate().filter_map(|(index, (key, policy))| {
        let before = || policies[..index].iter();
        let section = sections(policy)
            .into_iter()
            .enumerate()
            .find_map(|(n, (name, set))| (set && before().any(|(_, other)| sections(other)[n].1)).then_some((n, name)));
        let (n, name) = section?;
        let (winner, _) = before().find(|(_, other)| sections(other)[n].1)?;
        let message = format!("{winner} sets `{name}` for the same target and wins; put both into one policy");
        Some(Problem::new(format!("spec.{name}"), message).in_source(key.to_string()))
    })
}

fn sections(policy: &Policy) -> [(&'static str, bool); 9] {
    [
        ("balance", policy.balance.is_some()),
        ("timeout", policy.timeout.is_some()),
        ("retry", policy.retry.is_some()),
        ("breaker", policy.breaker.is_some()),
        ("outlier", policy.outlier.is_some()),
        ("bulkhead", policy.bulkhead.is_some()),
        ("concurrency", policy.concurrency.is_some()),
        ("rateLimits", !policy.rate_limits.is_empty()),
        ("fallback", policy.fallback.is_some()),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Change, Kind};

    fn catalog(documents: &str) -> Catalog {
        let mut catalog = Catalog::default();
        for resource in crate::document::parse(documents, None).expect("good documents") {
            catalog.apply(Change::Resource(resource));
        }
        catalog
    }

    fn policy(name: &str, target: &str, spec: &str) -> String {
        format!(
            "---\napiVersion: nines.dev/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec: {{targetRefs: [{target}], {spec}}}\n"
        )
    }

    const SERVICE: &str = "{kind: Service, name: orders}";
    const ROUTE: &str = "{kind: HTTPRoute, name: shop}";

    #[test]
    fn a_route_s_section_goes_before_the_service_s() {
        let documents = [
            policy(
                "a",
                SERVICE,
                "timeout: {connect: 2s, request: 5s}, retry: {attempts: 1}",
            ),
            policy("b", ROUTE, "timeout: {request: 1s}"),
            policy("c", "{kind: Service, name: users}", "retry: {attempts: 9}"),
        ]
        .concat();
        let catalog = catalog(&documents);
        let governing = Governing::index(&catalog);
        let route = ResourceKey {
            kind: Kind::HttpRoute,
            namespace: "default".into(),
            name: "shop".into(),
        };
        let orders = ServiceKey::new("default", "orders");
        let both = governing.effective(Some(&route), &orders);
        let timeout = both.timeout.expect("it is set");
        assert_eq!(timeout.request, Some(Duration::from_secs(1)));
        assert_eq!(timeout.connect, Some(Duration::from_secs(2)));
        assert_eq!(both.retry.map(|retry| retry.attempts), Some(1));
        let alone = governing.effective(None, &orders).timeout.expect("it is set");
        assert_eq!(alone.request, Some(Duration::from_secs(5)));
        let elsewhere = ServiceKey::new("other", "orders");
        assert_eq!(governing.effective(None, &elsewhere), Policy::default());
    }

    #[test]
    fn what_is_set_twice_is_told_of_the_later_one() {
        let documents = [
            policy("a", SERVICE, "retry: {attempts: 1}"),
            policy("b", SERVICE, "balance: {}, retry: {attempts: 2}"),
            policy("c", SERVICE, "timeout: {request: 1s}"),
        ]
        .concat();
        let catalog = catalog(&documents);
        let found: Vec<String> = Governing::index(&catalog)
            .overlaps()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("/b") && found[0].contains("spec.retry") && found[0].contains("/a"),
            "{found:?}"
        );
    }
}
