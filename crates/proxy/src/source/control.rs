//! Configuration from the control plane: one subscription to all routing resources and to the instances that they need.

use std::path::PathBuf;

use nines_base::Clock;
use nines_client::{Source, Subscription, SubscriptionConfig, SubscriptionStatus, Update};
use nines_model::{Catalog, Interest, Kind, Namespaces};
use nines_runtime::{Health, Tasks};

use crate::Error;
use crate::publisher::Publisher;
use crate::snapshot::services;

/// The name of the check at `/readyz`.
const CHECK: &str = "control plane";

/// How to reach the control plane.
#[derive(Debug, Clone)]
pub struct Control {
    /// `http://HOST:PORT` of each replica.
    pub servers: Vec<String>,
    /// Where the last state that was received is kept.
    pub data_dir: PathBuf,
}

/// Subscribes. What arrives comes into force as it arrives; `/readyz` tells how far it is.
pub(super) fn start(
    control: Control,
    publisher: Publisher,
    health: Health,
    clock: Clock,
    tasks: &Tasks,
) -> Result<(), Error> {
    let config = SubscriptionConfig {
        servers: control.servers,
        subscriber: format!("proxy {}", std::process::id()),
        cache: Some(control.data_dir.join("proxy-catalog")),
        ..SubscriptionConfig::default()
    };
    health.not_ready(CHECK, "waiting for its first state");
    let interest = interest_in(&Catalog::default());
    let subscription = Subscription::start(config, interest, tasks, clock);
    let subscription = subscription.map_err(|error| Error::Control(error.to_string()))?;
    tasks.spawn("control plane health", show(subscription.status(), health.clone()));
    tasks.spawn(
        "configuration from the control plane",
        follow(subscription, publisher, health),
    );
    Ok(())
}

async fn follow(mut subscription: Subscription, publisher: Publisher, health: Health) {
    while let Some(update) = subscription.next().await {
        subscription.set_interest(interest_in(&update.catalog));
        if lacks_instances(&update) {
            // A route names a service whose instances were not asked for before. They come at once, together with
            // everything else; until then the routes that are in force stay so.
            continue;
        }
        if let Err(error) = publisher.publish(&update.catalog).await {
            tracing::error!(%error, "the configuration is only partly in force");
        }
        // Every worker serves by it now: whoever drains may believe that nothing is routed there any more.
        subscription.ack(update.catalog.revision, []);
        match update.source {
            Source::Live => health.ready(CHECK),
            Source::LastKnownGood { age } => {
                let age = age.as_secs();
                health.ready_but(
                    CHECK,
                    format!("not reached; serving its state of {age} s ago from the disk"),
                );
            }
        }
    }
}

/// Says at `/readyz` when the stream is lost; it stays ready, for what is known serves on.
async fn show(mut status: tokio::sync::watch::Receiver<SubscriptionStatus>, health: Health) {
    while status.changed().await.is_ok() {
        let known = health.report().checks.get(CHECK).is_some_and(|check| check.ready);
        match &*status.borrow_and_update() {
            SubscriptionStatus::Reconnecting { attempt, reason } if known => {
                health.ready_but(
                    CHECK,
                    format!("lost ({reason}), attempt {attempt}; the last state serves on"),
                );
            }
            SubscriptionStatus::Reconnecting { reason, .. } => health.not_ready(CHECK, reason.clone()),
            SubscriptionStatus::Live if known => health.ready(CHECK),
            SubscriptionStatus::Live | SubscriptionStatus::Connecting => {}
        }
    }
}

/// All routing resources, and the instances that these need.
fn interest_in(catalog: &Catalog) -> Interest {
    Interest {
        services: services(catalog),
        kinds: Kind::ALL.into_iter().map(|kind| (kind, Namespaces::All)).collect(),
        ..Interest::default()
    }
}

/// Whether the routes need instances that the catalog was not asked for. What comes from the disk was whole when it was
/// written.
fn lacks_instances(update: &Update) -> bool {
    update.source == Source::Live && !services(&update.catalog).is_subset(&update.interest.services)
}
