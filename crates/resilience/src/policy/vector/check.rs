//! Compares what came of a call with what must.

use std::fmt;
use std::time::Duration;

use super::{Answered, Expect, Refuses, Shadow, Span, Vector};
use crate::Refused;

/// What came of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub ended: Final,
    /// When each attempt reached the callee, from the call.
    pub begun: Vec<Duration>,
    /// From the call to its end.
    pub took: Duration,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Final {
    Answered(Answered),
    Refused(Refused),
}

/// Where a call did not come out as it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The place of the step, from 0.
    pub step: usize,
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}", self.step, self.message)
    }
}

/// Everything that is not as it must be. `seen` has every call with the place of its step; `late` is how much later than
/// told something may happen, for runners whose timers round up.
pub fn check(vector: &Vector, seen: &[(usize, Seen)], late: Duration) -> Vec<Mistake> {
    let steps = vector.by_step(seen.iter().map(|(step, seen)| (*step, seen)));
    let mut mistakes = Vec::new();
    for (step, seen) in steps {
        let expect = &vector.steps[step].expect;
        let found = seen.iter().filter_map(|seen| compare(expect, seen, late).err());
        let found = found.chain(count(expect, &seen).err());
        mistakes.extend(found.map(|message| Mistake { step, message }));
    }
    let missing = vector.calls().len().saturating_sub(seen.len());
    if missing > 0 {
        mistakes.push(Mistake {
            step: vector.steps.len(),
            message: format!("{missing} calls did not end"),
        });
    }
    mistakes
}

/// What a policy counted in shadow mode that it must not, or the other way round.
pub fn check_shadow(expected: &Shadow, counted: &Shadow) -> Result<(), String> {
    let same = expected == counted;
    same.then_some(())
        .ok_or_else(|| format!("counted {counted:?} in shadow mode, must be {expected:?}"))
}

fn compare(expect: &Expect, seen: &Seen, late: Duration) -> Result<(), String> {
    let by_chance = expect.refused.as_ref().is_some_and(|refused| refused.times.is_some());
    match (&seen.ended, &expect.refused) {
        (Final::Refused(seen), Some(refused)) => compare_refused(refused, seen, late)?,
        (Final::Answered(seen), Some(refused)) if !by_chance => {
            return Err(format!("answered {seen:?}, must be refused as {}", refused.cause));
        }
        (Final::Answered(seen), _) => same("answer", &expect.answer, seen)?,
        (Final::Refused(refused), None) => {
            return Err(format!("refused as {refused}, must be answered {:?}", expect.answer));
        }
    }
    if let Some(attempts) = expect.attempts {
        same("attempts", &(attempts as usize), &seen.begun.len())?;
    }
    if let Some(begun) = &expect.begun {
        same("attempts", &begun.len(), &seen.begun.len())?;
        for (span, time) in begun.iter().zip(&seen.begun) {
            within("an attempt begins", *span, *time, late)?;
        }
    }
    expect
        .took
        .map_or(Ok(()), |span| within("it ends", span, seen.took, late))
}

fn compare_refused(expect: &Refuses, seen: &Refused, late: Duration) -> Result<(), String> {
    same("cause", &expect.cause.as_str(), &seen.cause.as_str())?;
    if let Some(measure) = &expect.measure {
        same("measure", &measure.as_str(), &seen.evidence.measure.as_str())?;
    }
    close("value", expect.value, seen.evidence.value)?;
    close("bound", expect.bound, seen.evidence.bound)?;
    if let Some(calls) = expect.calls {
        same("calls", &calls, &seen.evidence.calls)?;
    }
    let Some(span) = expect.retry_after else { return Ok(()) };
    match seen.retry_after {
        // What is late on the way to the refusal is missing from the wait that is told.
        Some(after) => within("retry-after", span, after + late, late * 2),
        None => Err(format!("no retry-after, must be {span}")),
    }
}

fn count(expect: &Expect, seen: &[&Seen]) -> Result<(), String> {
    let Some(times) = expect.refused.as_ref().and_then(|refused| refused.times) else {
        return Ok(());
    };
    let refused = seen
        .iter()
        .filter(|seen| matches!(seen.ended, Final::Refused(_)))
        .count();
    let good = (times.least..=times.most).contains(&refused);
    good.then_some(())
        .ok_or_else(|| format!("{refused} refused, must be {} to {}", times.least, times.most))
}

fn same<T: PartialEq + fmt::Debug>(what: &str, expected: &T, seen: &T) -> Result<(), String> {
    (expected == seen)
        .then_some(())
        .ok_or_else(|| format!("{what} is {seen:?}, must be {expected:?}"))
}

fn close(what: &str, expected: Option<f64>, seen: f64) -> Result<(), String> {
    let good = expected.is_none_or(|expected| (expected - seen).abs() < 1e-3);
    good.then_some(())
        .ok_or_else(|| format!("{what} is {seen}, must be {}", expected.unwrap_or_default()))
}

fn within(what: &str, span: Span, time: Duration, late: Duration) -> Result<(), String> {
    span.holds(time, late)
        .then_some(())
        .ok_or_else(|| format!("{what} at {time:?}, must be {span}"))
}

#[cfg(test)]
mod tests;
