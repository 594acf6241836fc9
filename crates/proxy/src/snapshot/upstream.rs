//! Services that routes send requests to, as they live on from snapshot to snapshot.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use nines_balance::{EndpointSet, outlier, pick, resolve};
use nines_base::Clock;
use nines_model::{Catalog, Governing, ServiceKey};

use super::Snapshot;

/// A small number for per-worker tables. It stays with the upstream while it lives and is never given to another while
/// the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamId(pub u32);

/// A service and its endpoints. One object for as long as some route refers to it.
#[derive(Debug)]
pub struct Upstream {
    pub id: UpstreamId,
    pub key: ServiceKey,
    endpoints: ArcSwap<EndpointSet>,
    balance: ArcSwap<pick::Config>,
}

impl Upstream {
    /// The newest endpoints. The guard is cheap and must not be held over an await.
    pub fn endpoints(&self) -> arc_swap::Guard<Arc<EndpointSet>> {
        self.endpoints.load()
    }

    /// How to pick one of them; for [`nines_balance::Picker::configure`].
    pub fn balance(&self) -> pick::Config {
        **self.balance.load()
    }

    /// Takes over the members that `catalog` has; tells whether that changed anything.
    pub(super) fn refresh(&self, catalog: &Catalog, now: Instant) -> bool {
        let members = resolve(catalog, &self.key);
        let current = self.endpoints.load();
        if current.is_made_of(&members) {
            return false;
        }
        self.endpoints.store(Arc::new(current.update(members, now)));
        true
    }
}

/// The upstreams of the snapshot that is being compiled.
pub(super) struct Upstreams<'a> {
    catalog: &'a Catalog,
    policies: &'a Governing<'a>,
    previous: &'a Snapshot,
    clock: &'a Clock,
    used: HashMap<ServiceKey, Arc<Upstream>>,
    next_id: u32,
}

impl<'a> Upstreams<'a> {
    pub(super) fn new(
        catalog: &'a Catalog,
        policies: &'a Governing<'a>,
        previous: &'a Snapshot,
        clock: &'a Clock,
    ) -> Self {
        Self {
            catalog,
            policies,
            previous,
            clock,
            used: HashMap::new(),
            next_id: previous.next_upstream,
        }
    }

    /// The upstream of that service: of this snapshot, of the one before, or a new one.
    pub(super) fn of(&mut self, key: &ServiceKey) -> Arc<Upstream> {
        if let Some(upstream) = self.used.get(key) {
            return upstream.clone();
        }
        let policy = self.policies.effective(None, key);
        let balance = policy.balance.as_ref().map(pick::Config::from).unwrap_or_default();
        let upstream = match self.previous.upstreams.get(key) {
            Some(upstream) => upstream.clone(),
            None => self.create(key, balance),
        };
        if upstream.balance() != balance {
            upstream.balance.store(Arc::new(balance));
        }
        let outliers = policy.outlier.as_ref().map(outlier::Config::from);
        upstream.endpoints().watch_outliers(outliers.unwrap_or_default());
        upstream.refresh(self.catalog, self.clock.now());
        self.used.insert(key.clone(), upstream.clone());
        upstream
    }

    fn create(&mut self, key: &ServiceKey, balance: pick::Config) -> Arc<Upstream> {
        let id = UpstreamId(self.next_id);
        self.next_id += 1;
        Arc::new(Upstream {
            id,
            key: key.clone(),
            endpoints: ArcSwap::from_pointee(EndpointSet::empty(self.clock)),
            balance: ArcSwap::from_pointee(balance),
        })
    }

    pub(super) fn finish(self) -> (HashMap<ServiceKey, Arc<Upstream>>, u32) {
        (self.used, self.next_id)
    }
}
