//! Stops asking a callee that fails, and finds out when it is well again.
//!
//! *Closed*, calls flow and their results are counted in a window. When a threshold is reached the breaker *opens* and
//! refuses every call. After the open time it is *half-open*: a few probes go through; if all of them succeed it closes,
//! if one fails it opens again for twice as long.
//!
//! All that a check needs lies in one word: mode, phase, generation, and the probes of a half-open breaker. A check of a
//! closed breaker is one load; the record of a success is one compare-and-swap on a cache line of the calling thread's
//! stripe (a time window) or an addition and a compare-and-swap on shared lines (a window of calls, which must know the
//! order of all calls). The stripes are summed only where a rate can reach its threshold: at a failure, at a slow call, and
//! at the first call of each bucket, since older successes have gone out of the window then. A lock is taken only where the
//! phase changes, and never waited for by a check.
//!
//! Every change of phase begins a new **generation**. A ticket bears the generation of its call, and a result that comes
//! after a change is ignored: it says nothing of what is now.
//!
//! **Bounds.** Of a half-open breaker at most `half_open_calls` probes are in flight or have succeeded at any moment, unless
//! one has been under way for ten minutes (or ten times `max_open_for`, if that is longer): it is taken for lost. A breaker opens at the result that brings its window to a threshold, or at the next one when several threads' results
//! come together.

mod config;
mod row;
mod snapshot;
mod ticket;
mod transition;
mod window;
mod word;

use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use nines_base::Rng;
use nines_model::Cause;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use crate::time::{Origin, nanos};
use crate::{Evidence, Invalid, Measure, Observed, Outcome, Refused};

pub use crate::window::Counts;
pub use config::{Config, SlowCalls, Window};
pub use snapshot::{Snapshot, State};
pub use ticket::Ticket;

use row::Row;
use ticket::Kind;
use transition::{Reason, Turn};
use word::{Phase, Word};

/// How an operator has set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// By what its calls come to.
    #[default]
    Automatic,
    /// Refuses every call.
    ForcedOpen,
    /// Lets every call through and counts nothing.
    Disabled,
    /// Lets every call through and counts.
    MetricsOnly,
}

/// One breaker, for one callee: an endpoint, or a whole service.
#[derive(Debug)]
pub struct Breaker {
    config: Config,
    origin: Origin,
    slower_than: u64,
    word: AtomicU64,
    /// When an open breaker may be probed, or the probes of a half-open one must be lost, in nanoseconds of `origin`.
    until: AtomicU64,
    reason: Reason,
    /// A rate is over its threshold and only the minimum of calls is missing, so that a success may open it too: then the
    /// generation plus one.
    pending: AtomicU32,
    row: CachePadded<Row>,
    window: window::Window,
    turn: Mutex<Turn>,
}

impl Breaker {
    /// A closed breaker that has seen no call.
    pub fn new(config: Config, now: Instant) -> Result<Self, Invalid> {
        Self::with_rng(config, now, Rng::from_entropy())
    }

    /// The same with a jitter of the caller's own.
    pub fn with_rng(config: Config, now: Instant, rng: Rng) -> Result<Self, Invalid> {
        config.validate()?;
        Ok(Self {
            origin: Origin::new(now),
            slower_than: config.slow_calls.map_or(u64::MAX, |slow| nanos(slow.slower_than)),
            word: AtomicU64::new(Word::default().into()),
            until: AtomicU64::new(0),
            reason: Reason::default(),
            pending: AtomicU32::new(0),
            row: CachePadded::default(),
            window: window::Window::new(config.window),
            turn: Mutex::new(Turn::new(rng)),
            config,
        })
    }

    /// Whether a call may be made. The ticket must come back by [`Breaker::record`] or [`Breaker::release`].
    pub fn check(&self, now: Instant) -> Result<Ticket, Refused> {
        let (word, now) = (self.word(), self.origin.nanos(now));
        match (word.mode(), word.phase()) {
            (Mode::Automatic, Phase::Closed) | (Mode::MetricsOnly, _) => Ok(Ticket::new(Kind::Call, word, now)),
            (Mode::Automatic, Phase::HalfOpen) => self.probe(word, now),
            (Mode::Automatic, Phase::Open) => self.check_open(word, now),
            (Mode::Disabled, _) => Ok(Ticket::new(Kind::Untracked, word, now)),
            (Mode::ForcedOpen, _) => Err(refused(Measure::ForcedOpen, 1.0, 0.0, None)),
        }
    }

    /// Takes in what a call came to.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is used up")]
    pub fn record(&self, ticket: Ticket, observed: Observed, now: Instant) {
        let word = self.word();
        if ticket.kind == Kind::Untracked || word.generation() != ticket.generation {
            return;
        }
        let now = self.origin.nanos(now);
        let slow = now.saturating_sub(ticket.begun) > self.slower_than;
        match ticket.kind {
            Kind::Probe => self.record_probe(word, observed, slow, now),
            _ => self.record_call(word, observed, slow, now),
        }
    }

    /// Takes back the ticket of a call that came to nothing: cancelled, or refused further on. A probe's slot is free
    /// again.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is used up")]
    pub fn release(&self, ticket: Ticket) {
        if ticket.kind == Kind::Probe {
            self.update(ticket.generation, Word::without_probe);
        }
    }

    /// Takes back the ticket of a call that was given up for another one, or because nobody waits for it any more: it was
    /// slow if it is by now, and else says nothing.
    pub fn lose(&self, ticket: Ticket, now: Instant) {
        let ran = self.origin.nanos(now).saturating_sub(ticket.begun);
        if ran > self.slower_than {
            self.record(ticket, Observed::SUCCESS, now);
        } else {
            self.release(ticket);
        }
    }

    /// Sets the mode. A change of mode begins anew: the window is empty, and a breaker that was open is closed.
    pub fn set_mode(&self, mode: Mode, now: Instant) {
        let mut turn = self.turn.lock();
        let word = self.word();
        if word.mode() != mode {
            turn.opened_in_a_row = 0;
            self.close(&mut turn, word, self.origin.nanos(now), mode);
        }
    }

    /// What it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn record_call(&self, word: Word, observed: Observed, slow: bool, now: u64) {
        if observed.outcome == Outcome::Ignored {
            return;
        }
        let failed = observed.outcome == Outcome::Failure;
        let expired = self.window.add(word.generation(), now, failed, slow);
        let in_a_row = self.in_a_row(word, failed);
        if word.mode() == Mode::MetricsOnly {
            return;
        }
        if let Some(pause) = self.asked_pause(observed) {
            return self.open(word, Evidence::pause(pause), observed, now);
        }
        let may_rise = failed || slow || expired;
        if let Some(found) = in_a_row.or_else(|| self.over_a_rate(word, may_rise, now)) {
            self.open(word, found, observed, now);
        }
    }

    /// The pause that the callee asks for, where that opens it.
    fn asked_pause(&self, observed: Observed) -> Option<Duration> {
        let pause = observed.retry_after.filter(|pause| !pause.is_zero());
        pause.filter(|_| self.config.open_on_retry_after)
    }

    /// Counts failures in a row, where they are asked for.
    fn in_a_row(&self, word: Word, failed: bool) -> Option<Evidence> {
        let bound = self.config.consecutive_failures?;
        let count = self.row.count(word.generation(), failed);
        (count >= bound).then(|| {
            let (value, bound) = (f64::from(count), f64::from(bound));
            evidence(Measure::ConsecutiveFailures, value, bound, 0)
        })
    }

    /// A good result lowers every rate, so that it can open the breaker only by filling up the minimum of calls.
    fn over_a_rate(&self, word: Word, may_rise: bool, now: u64) -> Option<Evidence> {
        let ours = word.generation() + 1;
        if !may_rise && self.pending.load(Ordering::Relaxed) != ours {
            return None;
        }
        // Of two threads whose results come together at least one sees both.
        fence(Ordering::SeqCst);
        let counts = self.window.sum(word.generation(), now);
        let over = self.config.over(&counts);
        let enough = counts.calls >= u64::from(self.config.min_calls);
        let pending = if over.is_some() && !enough { ours } else { 0 };
        if self.pending.load(Ordering::Relaxed) != pending {
            self.pending.store(pending, Ordering::Relaxed);
        }
        over.filter(|_| enough)
    }

    fn record_probe(&self, word: Word, observed: Observed, slow: bool, now: u64) {
        match (observed.outcome, self.asked_pause(observed)) {
            (Outcome::Ignored, _) => {
                self.update(word.generation(), Word::without_probe);
            }
            (_, Some(pause)) => self.open(word, Evidence::pause(pause), observed, now),
            (Outcome::Failure, _) if self.config.minds_failures() => {
                let bound = self.config.probe_failure_rate();
                self.open(word, evidence(Measure::FailureRate, 1.0, bound, 1), observed, now);
            }
            _ if slow => {
                let bound = self.config.slow_calls.map_or(0.0, |slow| slow.rate);
                self.open(word, evidence(Measure::SlowCallRate, 1.0, bound, 1), observed, now);
            }
            _ => self.probe_succeeded(word, now),
        }
    }

    fn probe_succeeded(&self, word: Word, now: u64) {
        let after = self.update(word.generation(), Word::with_success);
        if after.is_none_or(|after| after.successes() < self.config.half_open_calls) {
            return;
        }
        let mut turn = self.turn.lock();
        if self.word().generation() == word.generation() {
            self.close(&mut turn, word, now, Mode::Automatic);
        }
    }

    fn probe(&self, word: Word, now: u64) -> Result<Ticket, Refused> {
        let most = self.config.half_open_calls;
        let reserve = |word: Word| (word.probes() < most).then(|| word.with_probe());
        if let Some(after) = self.try_update(word.generation(), reserve) {
            return Ok(Ticket::new(Kind::Probe, after, now));
        }
        // A ticket that is out for so long was never given back: no leak holds a breaker for ever.
        if now >= self.until.load(Ordering::Relaxed) {
            return self.half_open(word, now);
        }
        Err(refused(
            Measure::Probes,
            f64::from(word.probes()),
            f64::from(most),
            None,
        ))
    }

    fn check_open(&self, word: Word, now: u64) -> Result<Ticket, Refused> {
        let until = self.until.load(Ordering::Relaxed);
        if now >= until {
            return self.half_open(word, now);
        }
        let after = Duration::from_nanos(until - now);
        Err(self.reason.refused(&self.config, after))
    }

    fn word(&self) -> Word {
        self.word.load(Ordering::Acquire).into()
    }

    /// Changes the word while its generation lasts; `None` if it is over.
    fn update(&self, generation: u32, change: impl Fn(Word) -> Word) -> Option<Word> {
        self.try_update(generation, |word| Some(change(word)))
    }

    fn try_update(&self, generation: u32, change: impl Fn(Word) -> Option<Word>) -> Option<Word> {
        let mut word = self.word();
        loop {
            if word.generation() != generation {
                return None;
            }
            let after = change(word)?;
            let swap = self
                .word
                .compare_exchange_weak(word.into(), after.into(), Ordering::AcqRel, Ordering::Acquire);
            match swap {
                Ok(_) => return Some(after),
                Err(now) => word = now.into(),
            }
        }
    }
}

fn evidence(measure: Measure, value: f64, bound: f64, calls: u64) -> Evidence {
    Evidence {
        measure,
        value,
        bound,
        calls,
    }
}

impl Evidence {
    fn pause(pause: Duration) -> Self {
        evidence(Measure::AskedPause, pause.as_secs_f64(), 0.0, 0)
    }
}

fn refused(measure: Measure, value: f64, bound: f64, retry_after: Option<Duration>) -> Refused {
    Refused {
        cause: Cause::BreakerOpen,
        evidence: evidence(measure, value, bound, 0),
        retry_after,
    }
}

#[cfg(all(test, feature = "loom"))]
mod loom;
#[cfg(all(test, not(feature = "loom")))]
mod tests;
