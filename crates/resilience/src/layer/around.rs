//! What nearly every layer is made of: a core that is shared by all services around which it stands.
//!
//! The layers name these types after themselves ([`retry::Layer`](super::retry::Layer)) and say what they do with a call
//! by implementing `tower_service::Service` for their core.

use std::fmt;
use std::sync::Arc;

use super::Shared;
use crate::Name;

/// Makes services with a core of kind `C` around them, which they and their clones share.
pub struct Layer<C, I> {
    pub(super) shared: Arc<Shared<C>>,
    pub(super) inspect: I,
}

/// A service with a core of kind `C` around it.
pub struct Service<S, C, I> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<C>>,
    pub(super) inspect: I,
}

impl<C, I> Layer<C, I> {
    pub(super) fn around(name: Name, core: C, inspect: I) -> Self {
        let shared = Shared::new(name, core);
        Self { shared, inspect }
    }

    /// What its services share: the core, for its snapshot, its gauges and its controls.
    pub fn shared(&self) -> &Arc<Shared<C>> {
        &self.shared
    }
}

impl<S, C, I: Clone> tower_layer::Layer<S> for Layer<C, I> {
    type Service = Service<S, C, I>;

    fn layer(&self, inner: S) -> Self::Service {
        Service {
            inner,
            shared: self.shared.clone(),
            inspect: self.inspect.clone(),
        }
    }
}

impl<C, I: Clone> Clone for Layer<C, I> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            inspect: self.inspect.clone(),
        }
    }
}

impl<S: Clone, C, I: Clone> Clone for Service<S, C, I> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: self.shared.clone(),
            inspect: self.inspect.clone(),
        }
    }
}

impl<C, I> fmt::Debug for Layer<C, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Layer");
        debug.field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, C, I> fmt::Debug for Service<S, C, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Service");
        debug.field("name", &self.shared.name).field("inner", &self.inner);
        debug.finish_non_exhaustive()
    }
}
