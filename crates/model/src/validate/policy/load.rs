//! Bulkhead, adaptive concurrency and shedder.

use super::{HOUR, MILLISECOND};
use crate::policy::{Bulkhead, Concurrency, Policy};
use crate::validate::Report;

const MOST: u32 = 1_000_000;

pub(super) fn validate(report: &mut Report, policy: &Policy) {
    if let Some(bulkhead) = &policy.bulkhead {
        validate_bulkhead(report, bulkhead);
    }
    if let Some(concurrency) = &policy.concurrency {
        validate_concurrency(report, concurrency);
    }
    if let Some(shed) = &policy.shed {
        report.share("spec.shed.cpu", shed.cpu);
    }
}

fn validate_bulkhead(report: &mut Report, bulkhead: &Bulkhead) {
    report.range("spec.bulkhead.maxInFlight", bulkhead.max_in_flight, 1..=MOST);
    report.range("spec.bulkhead.maxQueue", bulkhead.max_queue, 0..=MOST);
    let Some(wait) = bulkhead.max_wait else { return };
    report.duration("spec.bulkhead.maxWait", wait, MILLISECOND..=HOUR);
    report.ensure(bulkhead.max_queue > 0, "spec.bulkhead.maxWait", || {
        "nobody waits without a queue: set maxQueue, or remove maxWait".into()
    });
}

fn validate_concurrency(report: &mut Report, concurrency: &Concurrency) {
    let (min, max) = (concurrency.min, concurrency.max);
    report.range("spec.concurrency.min", min, 1..=MOST);
    report.range("spec.concurrency.max", max, min..=MOST.max(min));
    if let Some(initial) = concurrency.initial {
        report.range("spec.concurrency.initial", initial, min..=max.max(min));
    }
}
