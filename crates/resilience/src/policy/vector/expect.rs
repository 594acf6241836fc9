//! What must come of a call.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Behaviour, Span};

/// What must come of every call of a step. Without anything written: the callee's answer stands, and it is a success.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Expect {
    /// Who answers; the callee if absent.
    #[serde(default)]
    pub answer: Answered,
    /// The policy refuses, in place of an answer.
    #[serde(default)]
    pub refused: Option<Refuses>,
    /// How many attempts reach the callee; not looked at if absent.
    #[serde(default)]
    pub attempts: Option<u32>,
    /// When each attempt reaches the callee, from the call; not looked at if absent.
    #[serde(default)]
    pub begun: Option<Vec<Span>>,
    /// How long the call takes; not looked at if absent.
    #[serde(default)]
    pub took: Option<Span>,
}

/// Where the answer is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Answered {
    /// The callee's own, as [`Behaviour::Success`], and the next four likewise.
    #[default]
    Success,
    Failure,
    Error,
    Unreachable,
    Throttled,
    /// The policy's static answer.
    Static,
    /// The last good answer.
    LastGood,
    /// The policy's other service.
    Alternative,
    /// Nobody: the caller went away.
    Dropped,
}

impl From<Behaviour> for Answered {
    fn from(behaviour: Behaviour) -> Self {
        match behaviour {
            Behaviour::Success => Answered::Success,
            Behaviour::Failure => Answered::Failure,
            Behaviour::Error => Answered::Error,
            Behaviour::Unreachable => Answered::Unreachable,
            Behaviour::Throttled => Answered::Throttled,
        }
    }
}

/// The refusal.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Refuses {
    /// The cause's stable name.
    pub cause: String,
    /// The stable name of what was measured; not looked at if absent, as are the numbers.
    #[serde(default)]
    pub measure: Option<String>,
    #[serde(default)]
    pub value: Option<f64>,
    #[serde(default)]
    pub bound: Option<f64>,
    #[serde(default)]
    pub calls: Option<u64>,
    #[serde(default)]
    pub retry_after: Option<Span>,
    /// That only so many calls of the step are refused, and the others answered: for what is refused by chance.
    #[serde(default)]
    pub times: Option<Times>,
}

/// How often.
#[derive(Debug, Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Times {
    pub least: usize,
    pub most: usize,
}

/// What a policy in shadow mode counts, by cause; what is left out is 0.
pub type Shadow = BTreeMap<String, u64>;
