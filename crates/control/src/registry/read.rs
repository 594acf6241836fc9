//! Reading: lists and long polls, from the mirror.

use std::sync::Arc;
use std::time::Duration;

use nines_model::{Instance, InstanceKey, InstanceState, Interest, Revision, ServiceKey};

use super::{Registry, check};
use crate::error::Result;

/// A service in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCounts {
    pub service: ServiceKey,
    pub instances: usize,
    /// Those that take traffic.
    pub ready: usize,
}

impl Registry {
    /// The services of a namespace, or of all, that have instances.
    pub fn services(&self, namespace: Option<&str>) -> (Vec<ServiceCounts>, Revision) {
        self.mirror.read(|state| {
            let wanted = |key: &ServiceKey| namespace.is_none_or(|namespace| namespace == key.namespace);
            let counted = state
                .services()
                .iter()
                .filter(|(key, _)| wanted(key))
                .map(|(key, service)| ServiceCounts {
                    service: key.clone(),
                    instances: service.instances().count(),
                    ready: service.instances().filter(|i| i.takes_traffic()).count(),
                });
            (
                counted.filter(|counts| counts.instances > 0).collect(),
                state.revision(),
            )
        })
    }

    /// The instances of a service; none if nobody knows it.
    pub fn instances(&self, service: &ServiceKey) -> (Vec<Arc<Instance>>, Revision) {
        self.mirror
            .read(|state| (state.instances(service).cloned().collect(), state.revision()))
    }

    /// One instance.
    pub fn instance(&self, key: &InstanceKey) -> (Option<Arc<Instance>>, Revision) {
        self.mirror
            .read(|state| (state.instance(key).cloned(), state.revision()))
    }

    /// How many instances are in a state.
    pub fn count(&self, wanted: InstanceState) -> usize {
        let of = |service: &crate::mirror::Service| service.instances().filter(|i| i.state == wanted).count();
        self.mirror.read(|state| state.services().values().map(of).sum())
    }

    /// A long poll: answers as soon as the service has changed after `after`, or with what there is when the time
    /// is up. A revision from too long ago answers at once.
    pub async fn wait(
        &self,
        service: &ServiceKey,
        after: Revision,
        timeout: Duration,
    ) -> Result<(Vec<Arc<Instance>>, Revision)> {
        check::service(service)?;
        let mut interest = Interest::default();
        interest.services.insert(service.clone());
        let watcher = self.mirror.watch(interest);
        let changed = async {
            while !self.mirror.read(|state| state.changed_since(service, after)) {
                watcher.woken().await;
            }
        };
        // The time being up is an answer like the other.
        drop(tokio::time::timeout(timeout, changed).await);
        Ok(self.instances(service))
    }
}
