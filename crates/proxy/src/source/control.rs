//! Configuration from the control plane, or from what it said last.
//!
//! A route may name a service whose instances are not subscribed to yet. Then the interest is widened first, and the
//! state is put in force when it has both, so that no request meets a backend without endpoints only because its
//! instances are on their way. The interest is narrowed once nothing in force needs more.
//!
//! A revision is acknowledged once every worker sends by its instances. Its listeners and routes are in force then too,
//! unless a listener cannot be opened; that is told at `/readyz` and tried again, and no drain of an instance waits for it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use nines_base::{Clock, duration};
use nines_client::{Subscription, SubscriptionConfig, SubscriptionStatus, Update};
use nines_model::{Interest, Kind, Namespaces, ServiceKey};
use nines_runtime::{Health, Tasks};

use crate::Error;
use crate::publisher::{Published, Publisher};
use crate::snapshot::services;
use crate::source::RETRY;

/// What to know of a state from before the control plane's history began anew.
const FORMER: &str = "the control plane has begun anew and knows no documents; serving those from before: apply them \
                      again, or to be rid of them remove the last-known-good file and start the proxy anew";
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
    /// What the state in force needs the instances of.
    serving: BTreeSet<ServiceKey>,
    /// What is not in force, or not all of it, to be tried again; and why.
    waiting: Option<Update>,
    wrong: Option<String>,
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
        serving: BTreeSet::new(),
        waiting: None,
        wrong: None,
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
                    Some(update) => self.take(update).await,
                    None => return,
                },
                Ok(()) = status.changed() => {}
                () = tokio::time::sleep(RETRY), if self.waiting.is_some() => {
                    if let Some(update) = self.waiting.take() {
                        self.take(update).await;
                    }
                }
            }
            let status = status.borrow_and_update().clone();
            self.tell(&status);
        }
    }

    async fn take(&mut self, update: Update) {
        self.waiting = None;
        let wanted = services(&update.catalog);
        let is_whole = wanted.is_subset(&update.interest.services);
        if !is_whole {
            self.subscription.set_interest(interest(&wanted | &self.serving));
        }
        let nothing_better =
            matches!(update.source, nines_client::Source::LastKnownGood { .. }) && self.in_force.is_none();
        if is_whole || nothing_better {
            self.publish(update, wanted).await;
        }
    }

    async fn publish(&mut self, update: Update, wanted: BTreeSet<ServiceKey>) {
        let revision = update.catalog.revision;
        let published = self.publisher.publish(&update.catalog).await;
        if self.in_force.is_none() {
            tracing::info!(revision, source = ?update.source, "the first configuration is in force");
        }
        self.in_force = Some(update.source);
        self.subscription.ack(update.applied(), []);
        if !matches!(published, Published::Refused(_)) {
            self.subscription.set_interest(interest(wanted.clone()));
            self.serving = wanted;
        }
        let wrong = published.whole().err().map(|error| error.to_string());
        if let Some(error) = wrong.as_ref().filter(|_| self.wrong != wrong) {
            tracing::error!(%error, revision, "not all of the configuration is in force");
        }
        self.waiting = wrong.is_some().then_some(update);
        self.wrong = wrong;
    }

    fn tell(&self, status: &SubscriptionStatus) {
        let away = match status {
            SubscriptionStatus::Live => None,
            SubscriptionStatus::Connecting => Some("connecting to the control plane".to_owned()),
            SubscriptionStatus::Reconnecting { attempt, reason } => {
                Some(format!("cannot reach the control plane (attempt {attempt}): {reason}"))
            }
        };
        if let (Some(_), Some(wrong)) = (self.in_force, &self.wrong) {
            let away = away.map(|away| format!("; {away}")).unwrap_or_default();
            let remark = format!("not all of the newest configuration is in force: {wrong}{away}");
            return self.health.ready_but(CHECK, remark);
        }
        match self.in_force {
            None => {
                let reason = away.unwrap_or_else(|| "waiting for the first state".to_owned());
                self.health.not_ready(CHECK, reason);
            }
            Some(source) => match remark(source, away) {
                Some(remark) => self.health.ready_but(CHECK, remark),
                None => self.health.ready(CHECK),
            },
        }
    }
}

/// What there is to know of a state in force that comes from `source`, with the control plane `away` for a reason.
fn remark(source: nines_client::Source, away: Option<String>) -> Option<String> {
    let serving = match source {
        nines_client::Source::Live => away.as_ref().map(|_| "serving the last state received".to_owned()),
        nines_client::Source::Former => Some(FORMER.to_owned()),
        nines_client::Source::LastKnownGood { age } => {
            let age = duration::format(Duration::from_secs(age.as_secs()));
            Some(format!("serving the last known good state, {age} old"))
        }
    };
    let said: Vec<String> = serving.into_iter().chain(away).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_client::Source;

    #[test]
    fn a_state_that_is_not_the_newest_says_why() {
        let old = Source::LastKnownGood {
            age: Duration::from_millis(61_500),
        };
        let table = [
            (Source::Live, None, None),
            (
                Source::Live,
                Some("gone"),
                Some("serving the last state received; gone"),
            ),
            (old, None, Some("serving the last known good state, 1m1s old")),
            (
                old,
                Some("gone"),
                Some("serving the last known good state, 1m1s old; gone"),
            ),
            (Source::Former, None, Some(FORMER)),
        ];
        for (source, away, expected) in table {
            let remark = remark(source, away.map(str::to_owned));
            assert_eq!(remark.as_deref(), expected, "{source:?} {away:?}");
        }
    }
}
