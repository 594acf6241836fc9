//! Readiness as a list of named conditions, each with the reason why it does not hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use serde::Serialize;

/// What a process waits for. Clones share the list. With no condition it is ready.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<RwLock<BTreeMap<&'static str, Check>>>);

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
            Check {
                ready: true,
                reason: None,
            },
        );
    }

    /// The condition holds, and there is something to know about it.
    pub fn ready_but(&self, name: &'static str, remark: impl Into<String>) {
        self.set(
            name,
            Check {
                ready: true,
                reason: Some(remark.into()),
            },
        );
    }

    /// The condition does not hold.
    pub fn not_ready(&self, name: &'static str, reason: impl Into<String>) {
        self.set(
            name,
            Check {
                ready: false,
                reason: Some(reason.into()),
            },
        );
    }

    /// Everything at once.
    pub fn report(&self) -> Report {
        let checks = self.0.read().clone();
        Report {
            ready: checks.values().all(|check| check.ready),
            checks,
        }
    }

    fn set(&self, name: &'static str, check: Check) {
        self.0.write().insert(name, check);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
