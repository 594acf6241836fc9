//! The routing snapshot: the catalog compiled into what a request needs, immutable and swapped by pointer.
//!
//! A request keeps the snapshot it started with. What has a life of its own, an [`Upstream`] with its endpoints and
//! their statistics and the ids of rules, is carried over from the snapshot before, so that an edit leaves alone what it
//! does not touch. A resource that cannot be used is left out and reported; the others go on.

mod describe;
mod listener;
mod rules;
mod services;
mod upstream;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use nines_base::Clock;
use nines_model::problem::Problem;
use nines_model::{Catalog, Governing, Resource, ResourceKey, Revision, ServiceKey};

use crate::route::RuleId;

pub use listener::{ListenerId, ListenerPlan, listeners};
pub use services::services;
pub use upstream::{Upstream, UpstreamId};

use rules::Rules;
use upstream::Upstreams;

/// Where to listen and what to do with what comes in.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The catalog's revision.
    pub revision: Revision,
    /// None when the catalog has no Gateway.
    pub listeners: Vec<Arc<ListenerPlan>>,
    pub upstreams: HashMap<ServiceKey, Arc<Upstream>>,
    rule_ids: HashMap<Arc<str>, RuleId>,
    next_rule: u32,
    next_upstream: u32,
}

impl Snapshot {
    /// Compiles `catalog`. Endpoint sets of upstreams that `previous` has too are exchanged in place, at once visible
    /// to requests that run on `previous`.
    pub fn compile(catalog: &Catalog, previous: Option<&Snapshot>, clock: &Clock) -> (Snapshot, Vec<Problem>) {
        let empty = Snapshot::default();
        let previous = previous.unwrap_or(&empty);
        let mut problems = Vec::new();
        let policies = Governing::index(catalog);
        problems.extend(policies.overlaps());
        let mut upstreams = Upstreams::new(catalog, &policies, previous, clock);
        let rules = Rules::compile(catalog, &policies, previous, &mut upstreams, &mut problems);
        let listeners = listener::compile(catalog, &rules, &mut problems);
        let (upstreams, next_upstream) = upstreams.finish();
        let snapshot = Snapshot {
            revision: catalog.revision,
            listeners,
            upstreams,
            rule_ids: rules.ids,
            next_rule: rules.next_id,
            next_upstream,
        };
        (snapshot, problems)
    }

    /// Takes changes of instances in without compiling routes again: enough when no resource changed since this
    /// snapshot was compiled. Tells how many upstreams changed.
    pub fn refresh_endpoints(&self, catalog: &Catalog, now: Instant) -> usize {
        let changed = |upstream: &&Arc<Upstream>| upstream.refresh(catalog, now);
        self.upstreams.values().filter(changed).count()
    }
}

/// A problem of a resource at a field of it.
fn problem(resource: &ResourceKey, path: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem::new(path, message).in_source(resource.to_string())
}

/// The resources of `catalog` that `select` picks out, in the order of their keys.
fn each<'a, T: 'a>(
    catalog: &'a Catalog,
    select: impl Fn(&'a Resource) -> Option<T> + 'a,
) -> impl Iterator<Item = (&'a ResourceKey, T)> + 'a {
    catalog
        .resources
        .iter()
        .filter_map(move |(key, resource)| Some((key, select(resource)?)))
}

#[cfg(test)]
mod tests;
