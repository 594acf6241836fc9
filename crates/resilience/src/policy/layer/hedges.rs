//! Attempts beside the first one.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::layer::Timed;

/// The futures of hedges under way. They are boxed: hedges are rare, and a call without one has no room for them.
pub(super) struct Hedges<F>(Vec<Pin<Box<Timed<F>>>>);

impl<F: Future> Hedges<F> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn push(&mut self, future: Timed<F>) {
        self.0.push(Box::pin(future));
    }

    /// The first one that is ready, taken out, with its place.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(usize, F::Output)> {
        for place in 0..self.0.len() {
            if let Poll::Ready(output) = self.0[place].as_mut().poll(cx) {
                drop(self.0.remove(place));
                return Poll::Ready((place, output));
            }
        }
        Poll::Pending
    }

    /// Drops the one at this place.
    pub(super) fn remove(&mut self, place: usize) {
        drop(self.0.remove(place));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
