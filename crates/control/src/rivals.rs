//! What to do when another replica was faster.

use std::time::Duration;

use nines_base::{Backoff, Rng};

const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(2),
    max: Duration::from_millis(100),
};

/// Waits a random time before a compared transaction is tried again, so that two rivals do not stay in step.
pub(crate) async fn give_way(attempt: u32) {
    tokio::time::sleep(BACKOFF.delay(attempt, &mut Rng::from_entropy())).await;
}
