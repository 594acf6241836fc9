//! Measuring how far subscribers are behind, and how long a change takes to reach the last of them.

use std::sync::Arc;
use std::time::Duration;

use nines_model::Revision;
use tokio::time::Instant;

use super::subscriber::Subscriber;
use super::{Hub, pass};

/// Between two samples, so that a busy store does not make the measuring a load of its own.
const PAUSE: Duration = Duration::from_millis(100);
/// A subscriber that has not answered by then is told of in the lag, and not waited for.
const LONGEST: Duration = Duration::from_secs(60);

impl Hub {
    /// Follows one change after the other to its last acknowledgement. Never ends by itself.
    pub async fn measure(self) {
        let mut revisions = self.0.mirror.revisions();
        let mut receipts = self.0.receipts.subscribe();
        while revisions.changed().await.is_ok() {
            let revision = *revisions.borrow_and_update();
            let start = Instant::now();
            receipts.mark_unchanged();
            let mut behind = self.behind(revision);
            if !behind.is_empty() && pass(&mut behind, &mut receipts, start + LONGEST, |s| s.has(revision)).await {
                self.0.metrics.last_ack.observe(start.elapsed().as_secs_f64());
            }
            tokio::time::sleep(PAUSE).await;
            self.behind(self.0.mirror.revision());
        }
    }

    /// Those to whom a change is yet to come; sets the lag.
    fn behind(&self, revision: Revision) -> Vec<Arc<Subscriber>> {
        let subscribers = self.0.subscribers.read();
        let behind: Vec<_> = subscribers.values().filter(|s| !s.has(revision)).cloned().collect();
        let lag = behind.iter().map(|s| revision.saturating_sub(s.acked_revision())).max();
        self.0
            .metrics
            .lag
            .set(lag.map_or(0, |lag| i64::try_from(lag).unwrap_or(i64::MAX)));
        behind
    }
}
