//! When to look at a set again, and what a look changes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use nines_base::Clock;
use parking_lot::Mutex;

use super::absent::Absent;
use super::history::Out;
use super::judge::{Seen, Verdict, judge};
use super::{Change, ChangeKind, Config, History, INTERVAL};
use crate::Slot;

/// There is nothing to look at.
const NEVER: u64 = u64::MAX;

/// What the endpoints of a service and its pickers share, over all changes of the set.
#[derive(Debug)]
pub(crate) struct Watch {
    /// For what ends without anybody telling when.
    clock: Clock,
    /// When the next look is due, in nanoseconds since the first one. Read at every pick.
    due: AtomicU64,
    first: OnceLock<Instant>,
    /// Of the configuration: what calls must know.
    consecutive_errors: AtomicU32,
    /// Whether the end of the interval tells something.
    counts_calls: AtomicBool,
    turn: Mutex<Turn>,
}

/// What only a look touches.
#[derive(Debug)]
struct Turn {
    config: Config,
    /// The set made last, by its generation.
    newest: u64,
    interval_ends: Option<Instant>,
    absent: Absent,
}

impl Watch {
    pub(crate) fn new(clock: Clock) -> Self {
        let config = Config::default();
        Self {
            clock,
            due: AtomicU64::new(0),
            first: OnceLock::new(),
            consecutive_errors: AtomicU32::new(config.consecutive_errors),
            counts_calls: AtomicBool::new(false),
            turn: Mutex::new(Turn {
                config,
                newest: 0,
                interval_ends: None,
                absent: Absent::default(),
            }),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn configure(&self, config: Config) {
        let mut turn = self.turn.lock();
        if turn.config == config {
            return;
        }
        turn.config = config;
        self.consecutive_errors
            .store(config.consecutive_errors, Ordering::Relaxed);
        self.look();
    }

    /// Another set is made, of this generation: it is looked at from now on, and at once, because how many may be ejected
    /// has changed.
    pub(crate) fn exchange(&self, before: &[Slot], after: &[Slot], now: Instant) -> u64 {
        let mut turn = self.turn.lock();
        let forgotten = now.checked_add(turn.config.max_ejection).unwrap_or(now);
        turn.absent.follow(before, after, now, forgotten);
        turn.newest += 1;
        self.look();
        turn.newest
    }

    /// The next pick is to look.
    pub(crate) fn look(&self) {
        self.due.store(0, Ordering::Relaxed);
    }

    pub(crate) fn consecutive_errors(&self) -> u32 {
        self.consecutive_errors.load(Ordering::Relaxed)
    }

    /// Whether calls are to be tallied.
    pub(crate) fn counts_calls(&self) -> bool {
        self.counts_calls.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let due = self.due.load(Ordering::Relaxed);
        due != NEVER && self.nanos(now) >= due
    }

    /// Looks at these slots of the set of that generation, unless somebody else does at this moment. A set that another has
    /// replaced does not look, because what it would find is not what holds, and leaves the bell to the other.
    #[cold]
    pub(crate) fn review(&self, generation: u64, slots: &[Slot], now: Instant) -> Vec<Change> {
        let Some(mut turn) = self.turn.try_lock() else {
            return Vec::new();
        };
        if turn.newest != generation || !self.is_due(now) {
            return Vec::new();
        }
        // Whoever rings the bell from now on is heard by the next look.
        self.due.store(NEVER, Ordering::Relaxed);
        let interval_over = turn.end_interval(now);
        let pool: Vec<Seen> = slots.iter().map(|slot| seen(slot, interval_over)).collect();
        let verdicts = judge(&turn.config, &pool, now);
        let mut verdicts: Vec<_> = slots.iter().zip(verdicts).collect();
        // Who returns does so first, so that at no moment too many are away.
        verdicts.sort_by_key(|(_, verdict)| matches!(verdict, Verdict::Goes { .. }));
        let changes = verdicts.into_iter();
        let changes: Vec<Change> = changes
            .filter_map(|(slot, verdict)| carry_out(slot, verdict, now))
            .collect();
        let waits = turn.waits(slots);
        self.counts_calls.store(waits, Ordering::Relaxed);
        let next = turn.next(slots, waits);
        self.due
            .fetch_min(next.map_or(NEVER, |at| self.nanos(at)), Ordering::Relaxed);
        changes
    }

    fn nanos(&self, now: Instant) -> u64 {
        let first = *self.first.get_or_init(|| now);
        u64::try_from(now.saturating_duration_since(first).as_nanos()).unwrap_or(NEVER - 1)
    }
}

impl Turn {
    /// Whether an interval has come to its end; then another begins.
    fn end_interval(&mut self, now: Instant) -> bool {
        let ends = *self.interval_ends.get_or_insert(now + INTERVAL);
        if now < ends {
            return false;
        }
        self.interval_ends = Some(now + INTERVAL);
        true
    }

    /// Whether the end of the interval tells something: rates are compared, or there are ejections to forgive. Only then are
    /// calls tallied, which costs something on every one.
    fn waits(&self, slots: &[Slot]) -> bool {
        let compares = self.config.failure_rate.is_some() || self.config.latency_factor.is_some();
        let mut histories = slots.iter().map(|slot| slot.endpoint.history());
        compares || histories.any(|history| history.times > 0 && history.out.is_none())
    }

    /// When there is something to look at again.
    fn next(&self, slots: &[Slot], waits: bool) -> Option<Instant> {
        let histories = slots.iter().map(|slot| slot.endpoint.history());
        let back = histories.filter_map(|history| Some(history.out?.until)).min();
        let interval = self.interval_ends.filter(|_| waits);
        back.into_iter().chain(interval).min()
    }
}

fn seen(slot: &Slot, interval_over: bool) -> Seen {
    let endpoint = &slot.endpoint;
    let history = endpoint.history();
    Seen {
        out: history.out.map(|out| out.until),
        times: history.times,
        errors: endpoint.consecutive_errors(),
        calls: interval_over.then(|| endpoint.take_calls()),
    }
}

fn carry_out(slot: &Slot, verdict: Verdict, now: Instant) -> Option<Change> {
    let endpoint = &slot.endpoint;
    let History { times, .. } = endpoint.history();
    let kind = match verdict {
        Verdict::Stays => return None,
        Verdict::Forgiven => {
            let times = times.saturating_sub(1);
            endpoint.set_history(History { times, out: None });
            return None;
        }
        Verdict::Returns => {
            endpoint.set_history(History { times, out: None });
            ChangeKind::Returned
        }
        Verdict::Goes { reason, until } => {
            let times = times.saturating_add(1);
            let out = Some(Out { until, reason });
            endpoint.set_history(History { times, out });
            let lasts = until.saturating_duration_since(now);
            ChangeKind::Ejected { reason, lasts }
        }
    };
    Some(Change {
        endpoint: endpoint.clone(),
        kind,
    })
}
