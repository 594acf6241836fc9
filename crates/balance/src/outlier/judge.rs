//! The decision: who goes, who comes back.

use std::cmp::Reverse;
use std::fmt;
use std::time::{Duration, Instant};

use super::Config;

/// Differences of failure rates by chance are smaller than so many standard errors, in 999 of 1,000 cases.
const STANDARD_ERRORS: f64 = 3.0;

/// A latency that is less than this above the others' harms nobody, however many times theirs it is.
const LEAST_EXCESS: Duration = Duration::from_millis(50);

/// What is known of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    /// Until when it is ejected.
    pub(super) out: Option<Instant>,
    /// Ejections that are not forgiven yet.
    pub(super) times: u32,
    /// Gateway errors in a row.
    pub(super) errors: u32,
    /// What came of its calls, if an interval has ended.
    pub(super) calls: Option<Calls>,
}

/// The calls of one interval.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Calls {
    pub(crate) successes: u32,
    pub(crate) failures: u32,
    /// Sum of the latencies of the successes.
    pub(crate) seconds: f64,
}

/// What becomes of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    Stays,
    Returns,
    /// One ejection is forgiven.
    Forgiven,
    Goes {
        reason: Reason,
        until: Instant,
    },
}

/// Why an endpoint was ejected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// So many gateway errors in a row.
    ConsecutiveErrors { errors: u32, bound: u32 },
    /// Failures per call, and those of the others.
    FailureRate { rate: f64, others: f64 },
    /// Mean latency, and the median of the others.
    Latency { mean: Duration, others: Duration },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::ConsecutiveErrors { errors, bound } => {
                write!(f, "{errors} gateway errors in a row (bound {bound})")
            }
            Reason::FailureRate { rate, others } => {
                let (rate, others) = (rate * 100.0, others * 100.0);
                write!(f, "{rate:.1} % of its calls failed, {others:.1} % of the others'")
            }
            Reason::Latency { mean, others } => {
                let millis = |time: &Duration| time.as_secs_f64() * 1000.0;
                write!(
                    f,
                    "{:.1} ms a call, {:.1} ms at the others",
                    millis(mean),
                    millis(others)
                )
            }
        }
    }
}

impl Calls {
    fn all(&self) -> u32 {
        self.successes.saturating_add(self.failures)
    }

    fn failure_rate(&self) -> f64 {
        f64::from(self.failures) / f64::from(self.all()).max(1.0)
    }

    fn mean(&self) -> f64 {
        self.seconds / f64::from(self.successes).max(1.0)
    }
}

/// Decides on all endpoints of a set together; one verdict for each.
pub(super) fn judge(config: &Config, pool: &[Seen], now: Instant) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = pool.iter().map(|seen| without_cause(seen, now)).collect();
    bring_back(pool, &mut verdicts);
    let mut suspects: Vec<(usize, Reason)> = (0..pool.len())
        .filter(|place| pool[*place].out.is_none())
        .filter_map(|place| Some((place, reason(config, pool, place)?)))
        .collect();
    // The worst first: there may not be room for all.
    suspects.sort_by_key(|(place, reason)| (rank(reason), Reverse(pool[*place].errors)));
    let away = verdicts
        .iter()
        .zip(pool)
        .filter(|(verdict, seen)| is_away(verdict, seen))
        .count();
    let room = most(pool.len()).saturating_sub(away);
    for (number, (place, reason)) in suspects.into_iter().enumerate() {
        verdicts[place] = if number < room {
            let until = until(config, pool[place].times, now);
            Verdict::Goes { reason, until }
        } else {
            Verdict::Stays
        };
    }
    verdicts
}

/// How many of a set may be ejected at a time: never so many that less than half stay, nor the only one.
pub(super) fn most(members: usize) -> usize {
    members / 2
}

fn without_cause(seen: &Seen, now: Instant) -> Verdict {
    match seen.out {
        Some(until) if until <= now => Verdict::Returns,
        None if seen.times > 0 && was_calm(seen) => Verdict::Forgiven,
        _ => Verdict::Stays,
    }
}

/// Whether it did well in the interval that has ended; without an answer nobody knows.
fn was_calm(seen: &Seen) -> bool {
    seen.errors == 0 && seen.calls.is_some_and(|calls| calls.successes > 0)
}

fn is_away(verdict: &Verdict, seen: &Seen) -> bool {
    seen.out.is_some() && *verdict != Verdict::Returns
}

/// When others have left the set, those of the ejected that would return first return now.
fn bring_back(pool: &[Seen], verdicts: &mut [Verdict]) {
    let mut away: Vec<usize> = (0..pool.len())
        .filter(|place| is_away(&verdicts[*place], &pool[*place]))
        .collect();
    away.sort_by_key(|place| pool[*place].out);
    let too_many = away.len().saturating_sub(most(pool.len()));
    away.into_iter()
        .take(too_many)
        .for_each(|place| verdicts[place] = Verdict::Returns);
}

fn until(config: &Config, times: u32, now: Instant) -> Instant {
    let lasts = config
        .base_ejection
        .saturating_mul(times.saturating_add(1))
        .min(config.max_ejection);
    now.checked_add(lasts).unwrap_or(now)
}

/// Errors in a row tell the most, a latency the least.
fn rank(reason: &Reason) -> u8 {
    match reason {
        Reason::ConsecutiveErrors { .. } => 0,
        Reason::FailureRate { .. } => 1,
        Reason::Latency { .. } => 2,
    }
}

fn reason(config: &Config, pool: &[Seen], place: usize) -> Option<Reason> {
    let seen = &pool[place];
    if seen.errors >= config.consecutive_errors {
        return Some(Reason::ConsecutiveErrors {
            errors: seen.errors,
            bound: config.consecutive_errors,
        });
    }
    let own = seen.calls?;
    let others = pool
        .iter()
        .enumerate()
        .filter(|(other, seen)| *other != place && seen.out.is_none());
    let others: Vec<Calls> = others.filter_map(|(_, seen)| seen.calls).collect();
    failure_rate(config, &own, &others).or_else(|| latency(config, &own, &others))
}

/// Two proportions, by the pooled z-test.
fn failure_rate(config: &Config, own: &Calls, others: &[Calls]) -> Option<Reason> {
    let bound = config.failure_rate?;
    let sum = |of: fn(&Calls) -> u32| others.iter().fold(0, |sum: u32, calls| sum.saturating_add(of(calls)));
    let rest = Calls {
        successes: sum(|calls| calls.successes),
        failures: sum(|calls| calls.failures),
        seconds: 0.0,
    };
    if own.all() < config.min_calls || rest.all() < config.min_calls {
        return None;
    }
    let (rate, others) = (own.failure_rate(), rest.failure_rate());
    let (n, m) = (f64::from(own.all()), f64::from(rest.all()));
    let pooled = (f64::from(own.failures) + f64::from(rest.failures)) / (n + m);
    let standard_error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    let is_worse = rate - others >= bound && rate - others >= STANDARD_ERRORS * standard_error;
    is_worse.then_some(Reason::FailureRate { rate, others })
}

fn latency(config: &Config, own: &Calls, others: &[Calls]) -> Option<Reason> {
    let factor = config.latency_factor?;
    if own.successes < config.min_calls {
        return None;
    }
    let enough = others.iter().filter(|calls| calls.successes >= config.min_calls);
    let mut means: Vec<f64> = enough.map(Calls::mean).collect();
    means.sort_by(f64::total_cmp);
    let median = *means.get(means.len() / 2)?;
    let mean = own.mean();
    let is_slow = mean >= median * factor && mean - median >= LEAST_EXCESS.as_secs_f64();
    is_slow.then(|| Reason::Latency {
        mean: Duration::from_secs_f64(mean),
        others: Duration::from_secs_f64(median),
    })
}
