//! The endpoints of one other service, and the policy of calls to it.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use nines_balance::{EndpointSet, Excluded, Permit, Picker};
use nines_base::Rng;
use nines_model::governing::Limits;
use nines_model::{Catalog, Policy, ServiceKey};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::client::connect::{self, Http};

/// Endpoints with their statistics, and a picker. The set changes while requests run.
#[derive(Debug)]
pub(crate) struct Upstream {
    set: ArcSwap<EndpointSet>,
    picker: Mutex<(Picker, Rng)>,
    limits: Arc<ArcSwap<Limits>>,
    http: Http,
    /// Whether anybody takes traffic.
    available: watch::Sender<bool>,
}

impl Upstream {
    pub(super) fn new() -> Self {
        let limits = Arc::new(ArcSwap::from_pointee(Limits::default()));
        Self {
            http: connect::http(limits.clone()),
            limits,
            set: ArcSwap::from_pointee(EndpointSet::empty()),
            picker: Mutex::new((Picker::new(nines_balance::pick::Config::default()), Rng::from_entropy())),
            available: watch::Sender::new(false),
        }
    }

    pub(super) fn update(&self, catalog: &Catalog, key: &ServiceKey, now: Instant) {
        let members = nines_balance::resolve(catalog, key);
        let set = self.set.load();
        if set.is_made_of(&members) {
            return;
        }
        let available = !members.is_empty();
        self.set.store(Arc::new(set.update(members, now)));
        self.available.send_replace(available);
    }

    /// Follows an edited policy; what is under way goes on as it began.
    pub(super) fn govern(&self, policy: &Policy) {
        let balance = policy.balance.as_ref().map(nines_balance::pick::Config::from);
        self.picker.lock().0.configure(balance.unwrap_or_default());
        let limits = Limits::of(policy, None);
        if **self.limits.load() != limits {
            self.limits.store(Arc::new(limits));
        }
    }

    /// Time limits and retries of a call.
    pub(crate) fn limits(&self) -> Arc<Limits> {
        self.limits.load_full()
    }

    /// The connections.
    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) fn pick(&self, excluded: &Excluded, now: Instant) -> Option<Permit> {
        let (picker, rng) = &mut *self.picker.lock();
        picker.pick(&self.set.load(), excluded, rng, now)
    }

    /// Waits until somebody takes traffic.
    pub(crate) async fn available(&self) {
        let mut available = self.available.subscribe();
        // The sender lives as long as `self`, so the wait ends only by its condition.
        drop(available.wait_for(|available| *available).await);
    }
}
