//! Policy vectors: what a policy must make of a timeline of calls, as data.
//!
//! A vector is the sections of a Policy and a list of steps: when a call comes, what is known of it, how the callee
//! behaves, and what must come of it. Whoever claims to apply a Policy (the cores, the composed layer, the proxy) plays
//! the same files and compares what it [`Seen`] with what each [`Expect`] allows.
//!
//! The feature `vectors` switches this on; only tests have use for it.

mod check;
mod expect;
mod span;
mod step;

use std::collections::BTreeMap;
use std::time::Duration;

use nines_model::Policy;
use nines_model::document;
use nines_model::problem::render;
use nines_model::validate;
use serde::Deserialize;
use serde_json::{Value, json};

pub use check::{Final, Mistake, Seen, check, check_shadow};
pub use expect::{Answered, Expect, Refuses, Shadow, Times};
pub use span::Span;
pub use step::{Answer, Behaviour, Class, Step};

/// A file of vectors.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub vectors: Vec<Vector>,
}

/// One policy, and what it must make of these calls.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// Unique among all files.
    pub name: String,
    /// What it shows, as a sentence.
    pub says: String,
    /// The `spec` of a Policy without targets.
    pub policy: Value,
    /// In the order of time.
    pub steps: Vec<Step>,
    /// Counted by the policy in shadow mode at the end.
    #[serde(default)]
    pub shadow: Shadow,
}

/// A text that holds no vectors, or a policy that is none.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {message}")]
pub struct BadVector {
    /// Where the text is from.
    pub file: String,
    pub message: String,
}

/// One call of a vector, its step's repeats told apart.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// The place of its step.
    pub step: usize,
    /// From the beginning of the vector.
    pub at: Duration,
    pub call: &'a Step,
}

impl File {
    /// Reads a file and checks that every policy in it is valid.
    pub fn read(text: &str, file: &str) -> Result<Self, BadVector> {
        let bad = |message: String| BadVector {
            file: file.into(),
            message,
        };
        let read: Self = document::decode(text, None).map_err(|problems| bad(render(&problems)))?;
        for vector in &read.vectors {
            vector
                .validate()
                .map_err(|message| bad(format!("{}: {message}", vector.name)))?;
        }
        Ok(read)
    }
}

impl Vector {
    /// The policy that is in force at first.
    pub fn policy(&self) -> Result<Policy, String> {
        policy(&self.policy)
    }

    /// Every call in the order of time, those of one time in the order of the steps.
    pub fn calls(&self) -> Vec<Planned<'_>> {
        let steps = self.steps.iter().enumerate().filter(|(_, step)| step.policy.is_none());
        let mut calls: Vec<Planned<'_>> = steps
            .flat_map(|(index, step)| {
                (0..step.times).map(move |time| Planned {
                    step: index,
                    at: step.at + step.every * time,
                    call: step,
                })
            })
            .collect();
        calls.sort_by_key(|call| call.at);
        calls
    }

    /// When the policy changes, and to what.
    pub fn changes(&self) -> Result<Vec<(Duration, Policy)>, String> {
        let changes = self
            .steps
            .iter()
            .filter_map(|step| Some((step.at, step.policy.as_ref()?)));
        changes.map(|(at, value)| Ok((at, policy(value)?))).collect()
    }

    /// The calls of each step.
    pub fn by_step<'s, S>(&self, seen: impl IntoIterator<Item = (usize, &'s S)>) -> BTreeMap<usize, Vec<&'s S>> {
        let mut steps: BTreeMap<usize, Vec<&S>> = BTreeMap::new();
        for (step, seen) in seen {
            steps.entry(step).or_default().push(seen);
        }
        steps
    }

    fn validate(&self) -> Result<(), String> {
        self.policy()?;
        self.changes()?;
        let sorted = self.steps.is_sorted_by_key(|step| step.at);
        sorted
            .then_some(())
            .ok_or_else(|| "its steps are not in the order of time".into())
    }
}

fn policy(sections: &Value) -> Result<Policy, String> {
    let mut spec = sections.clone();
    let fields = spec.as_object_mut().ok_or("a policy is a mapping of sections")?;
    fields.insert("targetRefs".into(), json!([]));
    let policy: Policy = serde_json::from_value(spec).map_err(|error| error.to_string())?;
    let problems = validate::policy(&policy);
    if problems.is_empty() {
        Ok(policy)
    } else {
        Err(render(&problems))
    }
}
