//! Ejections of outliers: what is told of them.

use std::time::Instant;

use nines_balance::outlier::{Change, ChangeKind};

use crate::snapshot::Upstream;
use crate::worker::Pool;

/// Ejects outliers among the endpoints of a service and takes them back, if it is time to look.
pub(crate) fn review(service: &Upstream, pool: &Pool, now: Instant) {
    for change in service.endpoints().review(now) {
        tell(service, pool, &change);
    }
}

#[cold]
fn tell(service: &Upstream, pool: &Pool, change: &Change) {
    let (service, endpoint) = (&service.key, change.endpoint.address());
    match change.kind {
        ChangeKind::Ejected { reason, lasts } => {
            pool.origin(endpoint).counts().ejections.add(1);
            let lasts = nines_base::duration::format(lasts);
            tracing::warn!(%service, %endpoint, %reason, %lasts, "an endpoint is ejected");
        }
        ChangeKind::Returned => tracing::info!(%service, %endpoint, "an ejected endpoint is back"),
    }
}
