//! Which policies govern a request: those of its route, then those of its service.

mod limits;

use std::collections::HashMap;

use crate::policy::{Mode, TargetKind, Timeout};
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

/// Takes over what is still missing. A section brings its policy's mode along, since others may govern beside it. What
/// has no mode of its own acts only in a policy that is enforced: a policy in the shadow changes nothing.
fn complete(effective: &mut Policy, with: &Policy) {
    let Policy {
        target_refs: _,
        mode,
        balance,
        timeout,
        retry,
        hedge,
        breaker,
        outlier,
        throttle,
        bulkhead,
        concurrency,
        shed,
        rate_limits,
        fallback,
    } = with;
    fill(&mut effective.breaker, breaker, |s| soften(&mut s.mode, *mode));
    fill(&mut effective.throttle, throttle, |s| soften(&mut s.mode, *mode));
    fill(&mut effective.bulkhead, bulkhead, |s| soften(&mut s.mode, *mode));
    fill(&mut effective.concurrency, concurrency, |s| soften(&mut s.mode, *mode));
    fill(&mut effective.shed, shed, |s| soften(&mut s.mode, *mode));
    if effective.rate_limits.is_empty() {
        effective.rate_limits.clone_from(rate_limits);
        let limits = effective.rate_limits.iter_mut();
        limits.for_each(|limit| soften(&mut limit.mode, *mode));
    }
    if !mode.is_enforce() {
        return;
    }
    fill(&mut effective.balance, balance, |_| {});
    fill(&mut effective.retry, retry, |_| {});
    fill(&mut effective.hedge, hedge, |_| {});
    fill(&mut effective.outlier, outlier, |_| {});
    fill(&mut effective.fallback, fallback, |_| {});
    if let Some(Timeout {
        connect,
        request,
        attempt,
    }) = timeout
    {
        let ours = effective.timeout.get_or_insert_default();
        fill(&mut ours.connect, connect, |_| {});
        fill(&mut ours.request, request, |_| {});
        fill(&mut ours.attempt, attempt, |_| {});
    }
}

fn fill<T: Clone>(ours: &mut Option<T>, theirs: &Option<T>, adapt: impl Fn(&mut T)) {
    if ours.is_none() {
        ours.clone_from(theirs);
        ours.iter_mut().for_each(adapt);
    }
}

fn soften(section: &mut Option<Mode>, policy: Mode) {
    let mode = policy.and(*section);
    *section = (!mode.is_enforce()).then_some(mode);
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

fn sections(policy: &Policy) -> [(&'static str, bool); 12] {
    [
        ("balance", policy.balance.is_some()),
        ("timeout", policy.timeout.is_some()),
        ("retry", policy.retry.is_some()),
        ("hedge", policy.hedge.is_some()),
        ("breaker", policy.breaker.is_some()),
        ("outlier", policy.outlier.is_some()),
        ("throttle", policy.throttle.is_some()),
        ("bulkhead", policy.bulkhead.is_some()),
        ("concurrency", policy.concurrency.is_some()),
        ("shed", policy.shed.is_some()),
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
    fn a_section_brings_its_policy_s_mode_along() {
        let documents = [
            policy(
                "a",
                ROUTE,
                "mode: shadow, retry: {attempts: 7}, bulkhead: {maxInFlight: 5}",
            ),
            policy("b", SERVICE, "breaker: {}"),
        ]
        .concat();
        let catalog = catalog(&documents);
        let route = ResourceKey {
            kind: Kind::HttpRoute,
            namespace: "default".into(),
            name: "shop".into(),
        };
        let both = Governing::index(&catalog).effective(Some(&route), &ServiceKey::new("default", "orders"));
        assert_eq!((both.mode, both.retry), (Mode::Enforce, None));
        assert_eq!(both.bulkhead.and_then(|section| section.mode), Some(Mode::Shadow));
        assert_eq!(both.breaker.expect("it is set").mode, None);
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
