//! Endpoints that a request has tried already.

use std::net::SocketAddr;

use smallvec::SmallVec;

/// Addresses not to pick again. By address and not by place in the set, because the set may change between attempts.
#[derive(Debug, Clone, Default)]
pub struct Excluded(SmallVec<[SocketAddr; 3]>);

impl Excluded {
    /// Excludes nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Excludes one more address.
    pub fn add(&mut self, address: SocketAddr) {
        if !self.contains(address) {
            self.0.push(address);
        }
    }

    pub fn contains(&self, address: SocketAddr) -> bool {
        self.0.contains(&address)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}
