//! The process's metric registry, in the OpenMetrics text format.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;

/// The media type of [`Registry::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A registry that components register their metric structs with. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Registry(Arc<Mutex<prometheus_client::registry::Registry>>);

impl Registry {
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a component register its metrics under `prefix` (`nines_store`, `nines_proxy`, …).
    pub fn register(&self, prefix: &str, register: impl FnOnce(&mut prometheus_client::registry::Registry)) {
        register(self.0.lock().sub_registry_with_prefix(prefix));
    }

    /// Everything, as `/metrics` shows it.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.0.lock()) {
            Ok(()) => text,
            Err(error) => format!("# the metrics cannot be written: {error}\n# EOF\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;

    #[test]
    fn what_is_registered_is_shown() {
        let registry = Registry::new();
        let counter = Counter::<u64>::default();
        registry.register("nines_test", |r| r.register("seen", "Things seen", counter.clone()));
        counter.inc_by(3);
        assert!(
            registry.encode().contains("nines_test_seen_total 3"),
            "{}",
            registry.encode()
        );
    }
}
