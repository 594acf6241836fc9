//! Endpoints that have left their set with ejections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::History;
use crate::{Endpoint, Slot};

/// So many are remembered; beyond that those that left first are forgotten.
const MOST: usize = 256;

/// Their ejections, in the order in which they left. An endpoint that does badly may well lose its registration too, and
/// must not be taken for well because it is listed again.
#[derive(Debug, Default)]
pub(super) struct Absent(Vec<Left>);

#[derive(Debug)]
struct Left {
    id: Box<str>,
    address: SocketAddr,
    history: History,
    forgotten: Instant,
}

impl Absent {
    /// Follows an exchange of the set: who is back has its ejections again, who leaves is remembered until `forgotten`.
    pub(super) fn follow(&mut self, before: &[Slot], after: &[Slot], now: Instant, forgotten: Instant) {
        self.0.retain(|left| left.forgotten > now && !left.is_back(after));
        let stays = |endpoint: &Arc<Endpoint>| after.iter().any(|slot| Arc::ptr_eq(&slot.endpoint, endpoint));
        self.0.extend(before.iter().filter_map(|Slot { endpoint, .. }| {
            let history = endpoint.history();
            let leaves = history.times > 0 && !stays(endpoint);
            leaves.then(|| Left::new(endpoint, history, forgotten))
        }));
        self.0.drain(..self.0.len().saturating_sub(MOST));
    }
}

impl Left {
    fn new(endpoint: &Endpoint, history: History, forgotten: Instant) -> Self {
        Self {
            id: endpoint.id().into(),
            address: endpoint.address(),
            history,
            forgotten,
        }
    }

    fn is_back(&self, after: &[Slot]) -> bool {
        let same = |endpoint: &Endpoint| *endpoint.id() == *self.id && endpoint.address() == self.address;
        let back = after.iter().find(|slot| same(&slot.endpoint));
        if let Some(slot) = back {
            slot.endpoint.set_history(self.history);
        }
        back.is_some()
    }
}
