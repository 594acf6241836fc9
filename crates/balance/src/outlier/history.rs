//! The ejections of one endpoint.

use std::time::Instant;

use super::Reason;

/// Only a review changes it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct History {
    /// Ejections that are not forgiven yet.
    pub(crate) times: u32,
    pub(crate) out: Option<Out>,
}

/// An ejection that lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    pub(crate) until: Instant,
    pub(crate) reason: Reason,
}
