//! What a service's handlers may use.

use std::sync::Arc;

use nines_base::Clock;
use nines_model::{ConfigKey, InstanceKey, ServiceKey, name};
use nines_runtime::{Health, Registry, Tasks};
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::config::ConfigHandle;
use crate::error::ConfigError;
use crate::follow::Follow;
use crate::settings::Settings;

/// A service's surroundings: configuration, other services, health, metrics. Clones are the same.
#[derive(Debug, Clone)]
pub struct Context(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    settings: Settings,
    key: InstanceKey,
    follow: Follow,
    clock: Clock,
    health: Health,
    metrics: Registry,
    tasks: Tasks,
}

impl Context {
    pub(crate) fn new(settings: Settings, key: InstanceKey, tasks: Tasks, clock: Clock) -> Self {
        Self(Arc::new(Parts {
            follow: Follow::new(&settings.namespace, clock.clone()),
            clock,
            settings,
            key,
            health: Health::new(),
            metrics: Registry::new(),
            tasks,
        }))
    }

    /// A handle on a configuration item of the service's namespace that follows its changes; `default` holds while the
    /// item does not exist. A content that does not fit `T` is refused and the last good value stays.
    pub fn config<T>(&self, item: &str, default: T) -> Result<ConfigHandle<T>, ConfigError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        name::check_config(item)?;
        let key = ConfigKey::new(&self.0.settings.namespace, item);
        let handle = ConfigHandle::new(default);
        self.0.follow.add_config(key, handle.slot());
        Ok(handle)
    }

    /// A client of another service in the same namespace, balanced over the endpoints in the registry.
    pub fn client(&self, service: &str) -> Client {
        let key = ServiceKey::new(&self.0.settings.namespace, service);
        let upstream = self.0.follow.upstream(&key);
        Client::new(key, upstream, self.0.clock.clone())
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Which instance this is.
    pub fn instance(&self) -> &InstanceKey {
        &self.0.key
    }

    /// Conditions of readiness: the instance takes traffic while all of them hold.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// What `/metrics` shows.
    pub fn metrics(&self) -> &Registry {
        &self.0.metrics
    }

    /// Tasks that end with the service.
    pub fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    pub(crate) fn follow(&self) -> &Follow {
        &self.0.follow
    }
}
