//! Whether there is room for one more request.

use nines_model::Cause;

use crate::refusal::Refusal;
use crate::worker::Worker;

/// Admits the request (which is counted as begun already) unless there are too many. As long as this worker has no
/// more than its share, the others need not be asked.
pub(crate) fn admit(worker: &Worker) -> Result<(), Refusal> {
    let limit = worker.config.limits.in_flight as u64;
    let shard = worker.shard();
    let own = shard.requests_begun.get() - shard.requests_ended.get();
    if own <= limit / worker.metrics.workers() as u64 {
        return Ok(());
    }
    let all = worker.metrics.in_flight();
    if all <= limit {
        return Ok(());
    }
    Err(
        Refusal::new(Cause::Overloaded, "the proxy has as many requests in flight as it may")
            .with("limit", limit)
            .with("in_flight", all),
    )
}
