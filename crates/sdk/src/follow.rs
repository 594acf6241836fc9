//! One subscription for all that a service follows: configuration items and the endpoints of other services.

mod upstream;

use std::collections::BTreeMap;
use std::sync::Arc;

use nines_base::Clock;
use nines_client::{Subscription, Update, Verdict, Wishes};
use nines_model::{Catalog, ConfigKey, Governing, Interest, Kind, ServiceKey};
use parking_lot::Mutex;

use crate::config::Slot;
pub(crate) use upstream::Upstream;

/// What the service follows. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Follow(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    namespace: String,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    configs: BTreeMap<ConfigKey, Vec<Arc<dyn Slot>>>,
    upstreams: BTreeMap<ServiceKey, Arc<Upstream>>,
    /// The newest catalog; nothing before the first.
    newest: Option<Update>,
    wishes: Option<Wishes>,
}

impl Follow {
    pub(crate) fn new(namespace: &str, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            namespace: namespace.into(),
            clock,
            state: Mutex::default(),
        }))
    }

    pub(crate) fn add_config(&self, key: ConfigKey, slot: Arc<dyn Slot>) {
        let mut state = self.0.state.lock();
        if let Some(update) = state
            .newest
            .as_ref()
            .filter(|update| update.interest.wants_config(&key))
        {
            slot.offer(update.catalog.configs.get(&key));
        }
        state.configs.entry(key).or_default().push(slot);
        self.ask(&state);
    }

    pub(crate) fn upstream(&self, key: &ServiceKey) -> Arc<Upstream> {
        let mut state = self.0.state.lock();
        if let Some(known) = state.upstreams.get(key) {
            return known.clone();
        }
        let upstream = Arc::new(Upstream::new(key.clone(), &self.0.clock));
        state.upstreams.insert(key.clone(), upstream.clone());
        self.ask(&state);
        upstream
    }

    /// What the subscription is to ask for.
    pub(crate) fn interest(&self) -> Interest {
        self.interest_of(&self.0.state.lock())
    }

    /// Takes every update in, and acknowledges it when all act by it.
    pub(crate) async fn run(self, mut subscription: Subscription) {
        self.0.state.lock().wishes = Some(subscription.wishes());
        // What was asked for between the start of the subscription and now.
        self.ask(&self.0.state.lock());
        while let Some(update) = subscription.next().await {
            let applied = update.applied();
            let verdicts = self.apply(update);
            subscription.ack(applied, verdicts);
        }
    }

    pub(crate) fn apply(&self, update: Update) -> Vec<(ConfigKey, Verdict)> {
        let mut state = self.0.state.lock();
        let now = self.0.clock.now();
        let governing = Governing::index(&update.catalog);
        for (key, upstream) in &state.upstreams {
            upstream.govern(&governing.effective(None, key));
            // Before the interest is answered the absence of a service says nothing.
            if covers(&update, key) {
                upstream.update(&update.catalog, now);
            }
        }
        let mut verdicts = Vec::new();
        for (key, slots) in &state.configs {
            if update.interest.wants_config(key) {
                verdicts.extend(offer(key, slots, &update.catalog));
            }
        }
        state.newest = Some(update);
        self.ask(&state);
        verdicts
    }

    fn ask(&self, state: &State) {
        if let Some(wishes) = &state.wishes {
            wishes.set_interest(self.interest_of(state));
        }
    }

    /// A Service resource may stand for the instances of another service; then these are wanted as well.
    fn interest_of(&self, state: &State) -> Interest {
        let mut interest = Interest::default();
        interest.configs.extend(state.configs.keys().cloned());
        for key in state.upstreams.keys() {
            if let Some(update) = &state.newest {
                interest
                    .services
                    .insert(nines_balance::registered(&update.catalog, key));
            }
            interest.services.insert(key.clone());
        }
        if !state.upstreams.is_empty() {
            for kind in [Kind::Service, Kind::Policy] {
                interest.kinds.entry(kind).or_default().insert(&self.0.namespace);
            }
        }
        interest
    }
}

fn covers(update: &Update, key: &ServiceKey) -> bool {
    let behind = nines_balance::registered(&update.catalog, key);
    update.interest.wants_service(key) && update.interest.wants_service(&behind)
}

fn offer(key: &ConfigKey, slots: &[Arc<dyn Slot>], catalog: &Catalog) -> Option<(ConfigKey, Verdict)> {
    let item = catalog.configs.get(key);
    let rejected = slots.iter().filter_map(|slot| slot.offer(item)).next_back();
    let version = item?.version;
    Some((key.clone(), Verdict { version, rejected }))
}
