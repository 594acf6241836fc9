//! Readiness as a list of named conditions, each with the reason why it does not hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

/// What a process waits for. Clones share the list. With no condition it is ready.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<watch::Sender<BTreeMap<&'static str, Check>>>);

/// One condition, as shown at `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub ready: bool,
    /// Why not; or a remark, such as that a cached state serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// All conditions, as shown at `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ready: bool,
    pub checks: BTreeMap<&'static str, Check>,
}

impl Health {
    pub fn new() -> Self {
        Self::default()
    }

    /// The condition holds.
    pub fn ready(&self, name: &'static str) {
        self.set(
            name,
            &Check {
                ready: true,
                reason: None,
            },
        );
    }

    /// The condition holds, and there is something to know about it.
    pub fn ready_but(&self, name: &'static str, remark: impl Into<String>) {
        self.set(
            name,
            &Check {
                ready: true,
                reason: Some(remark.into()),
            },
        );
    }

    /// The condition does not hold.
    pub fn not_ready(&self, name: &'static str, reason: impl Into<String>) {
        self.set(
            name,
            &Check {
                ready: false,
                reason: Some(reason.into()),
            },
        );
    }

    /// Everything at once.
    pub fn report(&self) -> Report {
        let checks = self.0.borrow().clone();
        Report {
            ready: all_hold(&checks),
            checks,
        }
    }

    /// Waits until it is ready (or, with `false`, until it is not).
    pub async fn until(&self, ready: bool) {
        let mut checks = self.0.subscribe();
        // The sender lives in `self`, so the wait cannot end for lack of one.
        drop(checks.wait_for(|checks| all_hold(checks) == ready).await);
    }

    fn set(&self, name: &'static str, check: &Check) {
        self.0
            .send_if_modified(|checks| checks.insert(name, check.clone()).as_ref() != Some(check));
    }
}

fn all_hold(checks: &BTreeMap<&'static str, Check>) -> bool {
    checks.values().all(|check| check.ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readiness_can_be_waited_for() {
        let health = Health::new();
        health.not_ready("store", "opening");
        let mut waiting = Box::pin(health.until(true));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        health.ready("store");
        waiting.await;
    }

    #[test]
    fn one_unmet_condition_is_enough() {
        let health = Health::new();
        assert!(health.report().ready);
        health.not_ready("store", "opening");
        health.ready_but("control", "serving from the last-known-good file");
        assert!(!health.report().ready);
        health.ready("store");
        assert!(health.report().ready);
    }
}
