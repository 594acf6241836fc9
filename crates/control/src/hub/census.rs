//! Who subscribes, how far they are, and which configuration they run.

use std::net::SocketAddr;
use std::time::SystemTime;

use nines_model::{ConfigKey, Revision};

use super::Hub;
use super::subscriber::Subscriber;

/// A subscriber as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberView {
    /// As it named itself.
    pub name: String,
    pub peer: Option<SocketAddr>,
    pub since: SystemTime,
    pub sent: Revision,
    pub acked: Revision,
    /// How far it is behind what concerns it, in revisions.
    pub lag: u64,
}

/// What a subscriber says of a configuration item that it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub subscriber: String,
    /// The version of its last answer; none if it has not answered.
    pub version: Option<u64>,
    /// Why it refused that version.
    pub rejected: Option<String>,
}

impl Hub {
    /// Everybody, by name.
    pub fn subscribers(&self) -> Vec<SubscriberView> {
        let mut views: Vec<_> = self.0.subscribers.read().values().map(|s| view(s)).collect();
        views.sort_by(|a, b| (&a.name, a.peer).cmp(&(&b.name, b.peer)));
        views
    }

    /// How many there are.
    pub fn subscriber_count(&self) -> usize {
        self.0.subscribers.read().len()
    }

    /// What those who follow an item say of it, by name.
    pub fn running(&self, key: &ConfigKey) -> Vec<Running> {
        let subscribers = self.0.subscribers.read();
        let mut running: Vec<_> = subscribers.values().filter_map(|s| running(s, key)).collect();
        running.sort_by(|a, b| (&a.subscriber, a.version).cmp(&(&b.subscriber, b.version)));
        running
    }
}

fn view(subscriber: &Subscriber) -> SubscriberView {
    let acked = subscriber.acked_revision();
    SubscriberView {
        name: subscriber.profile(|profile| profile.subscribe.subscriber.clone()),
        peer: subscriber.peer,
        since: subscriber.since,
        sent: subscriber.sent_revision(),
        acked,
        lag: subscriber.wanted().saturating_sub(acked),
    }
}

fn running(subscriber: &Subscriber, key: &ConfigKey) -> Option<Running> {
    subscriber.profile(|profile| {
        if !profile.subscribe.interest.wants_config(key) {
            return None;
        }
        let verdict = profile.verdicts.get(key);
        Some(Running {
            subscriber: profile.subscribe.subscriber.clone(),
            version: verdict.map(|verdict| verdict.version),
            rejected: verdict.and_then(|verdict| verdict.rejected.clone()),
        })
    })
}
