//! A timer that costs nothing until it is waited for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pin_project_lite::pin_project;
use tokio::time::Sleep;

/// The time as the layers see it: tokio's, so that a paused clock governs.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

pin_project! {
    /// Rings at a time, if there is one. The tokio timer is made when the alarm is polled first.
    #[derive(Debug, Default)]
    pub(crate) struct Alarm {
        at: Option<Instant>,
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl Alarm {
    /// Rings at this time; never for `None`.
    pub(crate) fn at(at: Option<Instant>) -> Self {
        Self { at, sleep: None }
    }

    /// Rings at this time, if none was set before.
    pub(crate) fn start(self: Pin<&mut Self>, at: Option<Instant>) {
        let this = self.project();
        *this.at = this.at.or(at);
    }

    /// Rings at another time.
    pub(crate) fn set(self: Pin<&mut Self>, at: Option<Instant>) {
        let mut this = self.project();
        *this.at = at;
        match (this.sleep.as_mut().as_pin_mut(), at) {
            (Some(sleep), Some(at)) => sleep.reset(at.into()),
            _ => this.sleep.set(None),
        }
    }

    /// Ready once the time has come. It does not count against tokio's cooperative budget: a future that always uses up
    /// the budget before its alarm is looked at would never be stopped.
    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let mut this = self.project();
        let Some(at) = *this.at else {
            return Poll::Pending;
        };
        if this.sleep.is_none() {
            this.sleep.set(Some(tokio::time::sleep_until(at.into())));
        }
        let sleep = this.sleep.as_pin_mut().expect("it was just made");
        ready!(Pin::new(&mut tokio::task::unconstrained(sleep)).poll(cx));
        Poll::Ready(now())
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
