//! The endpoints of one other service, and the policy of calls to it.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use nines_balance::outlier::{self, Change, ChangeKind};
use nines_balance::{EndpointSet, Excluded, Permit, Picker};
use nines_base::{Clock, Rng};
use nines_model::governing::Limits;
use nines_model::{Catalog, Policy, ServiceKey};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::client::connect::{self, Http};

/// Endpoints with their statistics, and a picker. The set changes while requests run.
#[derive(Debug)]
pub(crate) struct Upstream {
    key: ServiceKey,
    set: ArcSwap<EndpointSet>,
    picker: Mutex<(Picker, Rng)>,
    limits: Arc<ArcSwap<Limits>>,
    http: Http,
    /// Whether anybody takes traffic.
    available: watch::Sender<bool>,
}

impl Upstream {
    pub(super) fn new(key: ServiceKey, clock: &Clock) -> Self {
        let limits = Arc::new(ArcSwap::from_pointee(Limits::default()));
        Self {
            key,
            http: connect::http(limits.clone()),
            limits,
            set: ArcSwap::from_pointee(EndpointSet::empty(clock)),
            picker: Mutex::new((Picker::new(nines_balance::pick::Config::default()), Rng::from_entropy())),
            available: watch::Sender::new(false),
        }
    }

    pub(super) fn update(&self, catalog: &Catalog, now: Instant) {
        let members = nines_balance::resolve(catalog, &self.key);
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
        let outliers = policy.outlier.as_ref().map(outlier::Config::from);
        self.set.load().watch_outliers(outliers.unwrap_or_default());
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
        let set = self.set.load();
        set.review(now).iter().for_each(|change| self.tell(change));
        let (picker, rng) = &mut *self.picker.lock();
        picker.pick(&set, excluded, rng, now)
    }

    #[cold]
    fn tell(&self, change: &Change) {
        let (service, endpoint) = (&self.key, change.endpoint.address());
        match change.kind {
            ChangeKind::Ejected { reason, lasts } => {
                let lasts = nines_base::duration::format(lasts);
                tracing::warn!(%service, %endpoint, %reason, %lasts, "an endpoint is ejected");
            }
            ChangeKind::Returned => tracing::info!(%service, %endpoint, "an ejected endpoint is back"),
        }
    }

    /// Waits until somebody takes traffic.
    pub(crate) async fn available(&self) {
        let mut available = self.available.subscribe();
        // The sender lives as long as `self`, so the wait ends only by its condition.
        drop(available.wait_for(|available| *available).await);
    }
}
