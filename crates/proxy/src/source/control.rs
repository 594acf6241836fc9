//! Configuration from the control plane, or from what it said last.
//!
//! A route may name a service whose instances are not subscribed to yet. Then the interest is widened first, and the
//! state is put in force when it has both, so that no request meets a backend without endpoints only because its
//! instances are on their way. A revision is acknowledged once every worker serves by it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use nines_base::{Clock, duration};
use nines_client::{Subscription, SubscriptionConfig, SubscriptionStatus, Update};
use nines_model::{Interest, Kind, Namespaces, ServiceKey};
use nines_runtime::{Health, Tasks};

use crate::Error;
use crate::publisher::Publisher;
use crate::snapshot::services;

/// The name of the check at `/readyz`.
const CHECK: &str = "control plane";
/// The last-known-good file in the data directory.
const CACHE: &str = "proxy-catalog";

/// How to reach the control plane.
#[derive(Debug, Clone)]
pub struct Control {
    /// `http://HOST:PORT` of each replica.
    pub servers: Vec<String>,
    /// Where the last state that was received is kept.
    pub data_dir: PathBuf,
}

/// Follows the subscription.
struct Follower {
    subscription: Subscription,
    publisher: Publisher,
    health: Health,
    /// Where the state in force comes from; nothing while there is none.
    in_force: Option<nines_client::Source>,
}

/// Subscribes, and puts in force what comes.
pub(super) fn start(
    control: Control,
    publisher: Publisher,
    health: Health,
    clock: Clock,
    tasks: &Tasks,
) -> Result<(), Error> {
    health.not_ready(CHECK, format!("no state from {} yet", control.servers.join(", ")));
    let config = SubscriptionConfig {
        servers: control.servers,
        subscriber: format!("proxy {}", std::process::id()),
        cache: Some(control.data_dir.join(CACHE)),
        ..SubscriptionConfig::default()
    };
    let subscription = Subscription::start(config, interest(BTreeSet::new()), tasks, clock)
        .map_err(|error| Error::Control(error.to_string()))?;
    let follower = Follower {
        subscription,
        publisher,
        health,
        in_force: None,
    };
    tasks.spawn("configuration", follower.run());
    Ok(())
}

/// All routing resources of all namespaces, and these services' instances.
fn interest(services: BTreeSet<ServiceKey>) -> Interest {
    Interest {
        services,
        kinds: Kind::ALL.map(|kind| (kind, Namespaces::All)).into(),
        ..Interest::default()
    }
}

impl Follower {
    async fn run(mut self) {
        let mut status = self.subscription.status();
        loop {
            tokio::select! {
                update = self.subscription.next() => match update {
                    Some(update) => self.take(&update).await,
                    None => return,
                },
                Ok(()) = status.changed() => {}
            }
            let status = status.borrow_and_update().clone();
            self.tell(&status);
        }
    }

    async fn take(&mut self, update: &Update) {
        let wanted = services(&update.catalog);
        if update.interest.services != wanted {
            self.subscription.set_interest(interest(wanted.clone()));
        }
        let is_whole = wanted.is_subset(&update.interest.services);
        let nothing_better =
            matches!(update.source, nines_client::Source::LastKnownGood { .. }) && self.in_force.is_none();
        if !is_whole && !nothing_better {
            return;
        }
        if let Err(error) = self.publisher.publish(&update.catalog).await {
            tracing::error!(%error, revision = update.catalog.revision, "not all of the configuration is in force");
        }
        if self.in_force.is_none() {
            tracing::info!(revision = update.catalog.revision, source = ?update.source, "the first configuration is in force");
        }
        self.in_force = Some(update.source);
        self.subscription.ack(update.catalog.revision, []);
    }

    fn tell(&self, status: &SubscriptionStatus) {
        let away = match status {
            SubscriptionStatus::Live => None,
            SubscriptionStatus::Connecting => Some("connecting to the control plane".to_owned()),
            SubscriptionStatus::Reconnecting { attempt, reason } => {
                Some(format!("cannot reach the control plane (attempt {attempt}): {reason}"))
            }
        };
        match (self.in_force, away) {
            (None, away) => {
                let reason = away.unwrap_or_else(|| "waiting for the first state".to_owned());
                self.health.not_ready(CHECK, reason);
            }
            (Some(nines_client::Source::LastKnownGood { age }), away) => {
                let age = duration::format(Duration::from_secs(age.as_secs()));
                let reason = away.unwrap_or_default();
                self.health
                    .ready_but(CHECK, format!("serving the last known good state, {age} old; {reason}"));
            }
            (Some(nines_client::Source::Live), Some(away)) => {
                self.health
                    .ready_but(CHECK, format!("serving the last state received; {away}"));
            }
            (Some(nines_client::Source::Live), None) => self.health.ready(CHECK),
        }
    }
}
