//! One call of a timeline, and how the callee behaves.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::Expect;
use crate::{Observed, Outcome, Repeat};

/// Calls that are alike; or, with `policy`, a change of the policy.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Step {
    /// When the first call comes, from the beginning of the vector.
    #[serde(with = "nines_base::duration")]
    #[schemars(with = "nines_model::schema::Duration")]
    pub at: Duration,
    /// How many calls.
    #[serde(default = "once")]
    pub times: u32,
    /// The time between them; they come together if absent.
    #[serde(default, with = "nines_base::duration")]
    #[schemars(with = "nines_model::schema::Duration")]
    pub every: Duration,
    /// Who calls, for limits by key.
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    pub priority: Class,
    /// Whether the call may be made twice.
    #[serde(default = "yes")]
    pub idempotent: bool,
    /// What the caller gives it.
    #[serde(default, with = "nines_base::duration::optional")]
    #[schemars(with = "Option<nines_model::schema::Duration>")]
    pub deadline: Option<Duration>,
    /// The attempt of the hop before that this call is, from 1.
    #[serde(default = "once")]
    pub outer_attempt: u32,
    /// The caller goes away after this time.
    #[serde(default, with = "nines_base::duration::optional")]
    #[schemars(with = "Option<nines_model::schema::Duration>")]
    pub drop_after: Option<Duration>,
    /// What the callee does at each attempt of a call, the last for all further ones; it succeeds at once if absent.
    #[serde(default)]
    pub callee: Vec<Answer>,
    /// In place of a call: the policy becomes this one.
    #[serde(default)]
    pub policy: Option<Value>,
    #[serde(default)]
    pub expect: Expect,
}

/// How important a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    VeryLow,
    Low,
    #[default]
    Medium,
    High,
    VeryHigh,
}

/// What the callee does at one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Answer {
    /// How long it takes.
    #[serde(default, with = "nines_base::duration")]
    #[schemars(with = "nines_model::schema::Duration")]
    pub after: Duration,
    #[serde(default)]
    pub then: Behaviour,
    /// When to come again, in the callee's own word.
    #[serde(default, with = "nines_base::duration::optional")]
    #[schemars(with = "Option<nines_model::schema::Duration>")]
    pub retry_after: Option<Duration>,
}

/// How a callee answers, and what that is over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Behaviour {
    /// 200.
    #[default]
    Success,
    /// 503, or a connection that breaks: it may have been processed.
    Failure,
    /// 500: it was processed, and failed.
    Error,
    /// No connection: it was not processed.
    Unreachable,
    /// 429: it was not processed.
    Throttled,
}

impl Step {
    /// What the callee does at this attempt, from 1.
    pub fn answer(&self, attempt: u32) -> Answer {
        let place = attempt.saturating_sub(1) as usize;
        let answer = self.callee.get(place).or(self.callee.last());
        answer.copied().unwrap_or_default()
    }
}

impl Answer {
    /// The answer as policies see it.
    pub fn observed(&self) -> Observed {
        let (outcome, repeat) = match self.then {
            Behaviour::Success => (Outcome::Success, Repeat::Never),
            Behaviour::Failure => (Outcome::Failure, Repeat::IfIdempotent),
            Behaviour::Error => (Outcome::Failure, Repeat::Never),
            Behaviour::Unreachable => (Outcome::Failure, Repeat::Safe),
            Behaviour::Throttled => (Outcome::Throttled, Repeat::Safe),
        };
        Observed {
            outcome,
            repeat,
            retry_after: self.retry_after,
        }
    }
}

fn once() -> u32 {
    1
}

fn yes() -> bool {
    true
}
