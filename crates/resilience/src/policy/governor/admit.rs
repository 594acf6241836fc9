//! Lets calls in, and out again.

use std::time::{Duration, Instant};

use nines_model::Cause;
use nines_model::policy::Mode;

use super::{Gate, Governor};
use crate::bulkhead::{self, Bulkhead};
use crate::deadline::Deadline;
use crate::hedge::Race;
use crate::layer::{Key, KeyBy};
use crate::policy::call::Held;
use crate::policy::rate::Rate;
use crate::policy::{Admission, Arrival, Call};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::{Evidence, Measure, Outcome, Refused};

/// How many calls run beside a bulkhead in shadow mode, since it has no place for them: as many as its queue is long
/// would wait, the others would be refused.
#[derive(Debug, Default)]
pub(super) struct Beside(AtomicU32);

impl Beside {
    pub(super) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Governor {
    /// A call comes. It must be given back with [`Governor::finish`] or [`Governor::abandon`], let in or not.
    pub fn begin(&self, call: Call, now: Instant) -> Admission {
        let own = self.config.request.filter(|_| self.config.acts());
        let own = own.map(|limit| Deadline::after(limit, now));
        let due = call.deadline.into_iter().chain(own).min();
        Admission {
            call,
            begun: now,
            due,
            deadline: due.filter(|_| self.config.acts()),
            held: Held::default(),
            race: Race::new(call.idempotent, call.outer, due),
            sent: 0,
            attempts: None,
            standing: None,
            stretched: false,
        }
    }

    /// Whether there is time and a place for the call.
    pub fn arrive(&self, admission: &mut Admission, now: Instant) -> Result<Arrival, Refused> {
        if let Some(over) = admission.due.filter(|due| due.is_over(now)) {
            match self.config.mode {
                Mode::Enforce => self.counts.refuse(false, too_late(over, now))?,
                Mode::Shadow => self.counts.refuse(true, too_late(over, now))?,
                Mode::Off => {}
            }
        }
        if let Some(gate) = &self.shed {
            let entered = gate.core.try_enter(admission.call.priority, now);
            admission.held.shed = self.hold(gate.shadow, entered)?;
        }
        match &self.bulkhead {
            Some(gate) if gate.shadow => self.enter_beside(gate, admission)?,
            Some(gate) => {
                if let Some(queued) = self.enter(gate, admission, now)? {
                    return Ok(Arrival::Queued(queued));
                }
            }
            None => {}
        }
        self.enter_concurrency(admission, now)?;
        Ok(Arrival::In)
    }

    /// The call's turn in the queue has come, or it has not.
    pub fn seat(
        &self,
        admission: &mut Admission,
        entered: Result<bulkhead::Slot, Refused>,
        now: Instant,
    ) -> Result<(), Refused> {
        admission.held.place = self.hold(false, entered)?;
        self.enter_concurrency(admission, now)
    }

    /// Whether the rate limits let the call through, and after which wait. `key` tells callers apart for those limits that
    /// do; requests of which it knows nothing share one count.
    ///
    /// A call that one limit refuses uses up nothing of the others, so that who is over his own limit takes nothing from
    /// those who share another with him; but for calls that come together, of which each may find room that only one gets.
    pub fn pass<'k>(
        &self,
        admission: &mut Admission,
        key: impl Fn(&KeyBy) -> Option<Key<'k>>,
        now: Instant,
    ) -> Result<Duration, Refused> {
        let mut longest = Duration::ZERO;
        let full = self.full(&key, now);
        let rest = (0..self.rates.len()).filter(|place| Some(*place) != full);
        for gate in full.into_iter().chain(rest).map(|place| &self.rates[place]) {
            match gate.core.check(&key, now) {
                Ok(granted) if !gate.shadow => {
                    longest = longest.max(granted.wait);
                    admission.note_standing(granted.standing);
                }
                Ok(_) => {}
                Err(limited) => self.counts.refuse(gate.shadow, limited.refused)?,
            }
        }
        if longest.is_zero() {
            return Ok(longest);
        }
        admission.stretched = true;
        let in_time = admission
            .deadline
            .is_none_or(|limit| limit.remaining(now).is_some_and(|left| longest < left));
        if !in_time {
            let limit = admission.deadline.map_or(now, Deadline::instant);
            self.counts.refuse(false, too_late_for(limit, longest, now))?;
        }
        Ok(longest)
    }

    /// The place of the limit that is to be asked before all others, for it has no room.
    fn full<'k>(&self, key: &impl Fn(&KeyBy) -> Option<Key<'k>>, now: Instant) -> Option<usize> {
        if self.rates.len() < 2 {
            return None;
        }
        let full = |gate: &Gate<Rate>| !gate.shadow && !gate.core.has_room(key, now);
        self.rates.iter().position(full)
    }

    /// The call is over, with this outcome.
    pub fn finish(&self, admission: &mut Admission, outcome: Outcome, now: Instant) {
        self.count_overtime(admission, now);
        let held = std::mem::take(&mut admission.held);
        // What was waited for on our side would pass for the callee's latency.
        let measured = match outcome {
            Outcome::Success | Outcome::Failure if admission.stretched => Outcome::Ignored,
            outcome => outcome,
        };
        if let (Some(gate), Some(ticket)) = (&self.concurrency, held.concurrency) {
            gate.core.record(ticket, measured, now);
        }
        if let (Some(gate), Some(ticket)) = (&self.shed, held.shed) {
            gate.core.record(ticket, measured, now);
        }
        self.leave_bulkhead(held.place, held.beside);
    }

    /// The caller went away, or was refused. Nothing is said of the callee. Harmless after [`Governor::finish`].
    pub fn abandon(&self, admission: &mut Admission) {
        let held = std::mem::take(&mut admission.held);
        if let (Some(gate), Some(ticket)) = (&self.concurrency, held.concurrency) {
            gate.core.release(ticket);
        }
        if let (Some(gate), Some(ticket)) = (&self.shed, held.shed) {
            gate.core.release(ticket);
        }
        self.leave_bulkhead(held.place, held.beside);
    }

    /// The call's time was up while it was under way, or while it waited: counts it, and says what to tell the caller.
    pub fn stop(&self, admission: &Admission, now: Instant) -> Refused {
        let limit = admission.deadline.map_or(now, Deadline::instant);
        let given = limit.saturating_duration_since(admission.begun);
        self.counted(stopped(Cause::DeadlineExceeded, admission.begun, given, now))
    }

    pub(super) fn counted(&self, refused: Refused) -> Refused {
        match self.counts.refuse(false, refused) {
            Ok(()) => refused,
            Err(refused) => refused,
        }
    }

    fn enter(
        &self,
        gate: &Gate<Bulkhead>,
        admission: &mut Admission,
        now: Instant,
    ) -> Result<Option<bulkhead::Enter>, Refused> {
        match gate.core.try_enter() {
            Ok(slot) => {
                admission.held.place = Some(slot);
                Ok(None)
            }
            Err(_) if self.config.bulkhead_queue() > 0 => {
                let limit = admission.deadline.map(Deadline::instant);
                Ok(Some(gate.core.enter(limit, now)))
            }
            Err(refused) => self.counts.refuse(false, refused).map(|()| None),
        }
    }

    fn enter_beside(&self, gate: &Gate<Bulkhead>, admission: &mut Admission) -> Result<(), Refused> {
        let refused = match gate.core.try_enter() {
            Ok(slot) => {
                admission.held.place = Some(slot);
                return Ok(());
            }
            Err(refused) => refused,
        };
        admission.held.beside = true;
        let beside = self.beside.0.fetch_add(1, Ordering::Relaxed);
        if beside >= self.config.bulkhead_queue() {
            self.counts.refuse(true, refused)?;
        }
        Ok(())
    }

    fn leave_bulkhead(&self, place: Option<bulkhead::Slot>, beside: bool) {
        if beside {
            self.beside.0.fetch_sub(1, Ordering::Relaxed);
        }
        if let (Some(gate), Some(slot)) = (&self.bulkhead, place) {
            gate.core.release(slot);
        }
    }

    fn enter_concurrency(&self, admission: &mut Admission, now: Instant) -> Result<(), Refused> {
        if let Some(gate) = &self.concurrency {
            let entered = gate.core.try_enter(admission.call.priority, now);
            admission.held.concurrency = self.hold(gate.shadow, entered)?;
        }
        Ok(())
    }

    /// What was entered; a refusal is counted, and only passed on if it is meant.
    fn hold<T>(&self, shadow: bool, entered: Result<T, Refused>) -> Result<Option<T>, Refused> {
        match entered {
            Ok(held) => Ok(Some(held)),
            Err(refused) => self.counts.refuse(shadow, refused).map(|()| None),
        }
    }

    /// In shadow mode nothing cuts a call short, so that what would have been is only known now.
    fn count_overtime(&self, admission: &Admission, now: Instant) {
        let Some(limit) = self.config.request.filter(|_| self.config.mode == Mode::Shadow) else {
            return;
        };
        let over = Deadline::after(limit, admission.begun);
        if over.is_over(now) {
            // In shadow mode counting never refuses.
            let _counted = self.counts.refuse(true, too_late(over, now));
        }
    }
}

/// What took so long, against what it was given.
pub(super) fn stopped(cause: Cause, begun: Instant, given: Duration, now: Instant) -> Refused {
    Refused {
        cause,
        evidence: Evidence {
            measure: Measure::Wait,
            value: now.saturating_duration_since(begun).as_secs_f64(),
            bound: given.as_secs_f64(),
            calls: 0,
        },
        retry_after: None,
    }
}

/// The deadline has passed.
fn too_late(deadline: Deadline, now: Instant) -> Refused {
    too_late_for(deadline.instant(), Duration::ZERO, now)
}

/// The deadline comes before `wait` is over.
fn too_late_for(deadline: Instant, wait: Duration, now: Instant) -> Refused {
    let over = now.saturating_duration_since(deadline);
    let left = deadline.saturating_duration_since(now).as_secs_f64() - over.as_secs_f64();
    Refused {
        cause: Cause::DeadlineExceeded,
        evidence: Evidence {
            measure: Measure::Deadline,
            value: left,
            bound: wait.as_secs_f64(),
            calls: 0,
        },
        retry_after: None,
    }
}
