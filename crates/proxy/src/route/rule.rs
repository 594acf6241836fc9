//! What is to be done with a request that a rule takes.

use std::sync::Arc;

use nines_balance::{Split, Turn};
use nines_model::governing::Limits;
use nines_model::{Cause, ServiceKey};

use crate::filter::{HeaderEdits, RedirectPlan, RequestPlan};
use crate::snapshot::Upstream;

/// A small number for per-worker tables (split turns, counters). It stays with the rule's name over edits and is never
/// given to another rule while the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u32);

/// A rule of an HTTPRoute, ready to act.
#[derive(Debug)]
pub struct CompiledRule {
    pub id: RuleId,
    /// `namespace/route/rule`, the rule by its name or else its place in the route.
    pub name: Arc<str>,
    pub action: Action,
}

/// What a rule does.
#[derive(Debug)]
pub enum Action {
    Forward(Forward),
    Redirect {
        plan: RedirectPlan,
        /// Edits of the redirect's own headers.
        response: HeaderEdits,
    },
    Refuse(Refusal),
}

/// Requests go to one of several backends, by weight.
#[derive(Debug)]
pub struct Forward {
    pub split: Split,
    pub backends: Box<[Backend]>,
}

/// A backend with everything that a request to it needs: the rule's and its own filters joined, and the limits as route,
/// policies and defaults give them.
#[derive(Debug)]
pub struct Backend {
    pub service: ServiceKey,
    pub weight: u32,
    /// An invalid backend refuses its share of the requests (Gateway API).
    pub upstream: Result<Arc<Upstream>, Refusal>,
    pub request: RequestPlan,
    pub response: HeaderEdits,
    pub limits: Limits,
}

/// An answer of our own because the configuration leaves no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub cause: Cause,
    /// What Gateway API asks for, which is not always the status that the cause has elsewhere.
    pub status: u16,
    /// What is wrong, for the log and the cause's evidence.
    pub reason: Arc<str>,
}

impl Forward {
    /// The backend whose turn it is. `turn` is this worker's for this rule.
    pub fn next(&self, turn: &mut Turn) -> &Backend {
        &self.backends[self.split.next(turn)]
    }
}

impl Refusal {
    /// 500, as for every rule and backend that the configuration leaves without a valid target.
    pub fn invalid(reason: impl Into<Arc<str>>) -> Self {
        Self {
            cause: Cause::NoEndpoint,
            status: 500,
            reason: reason.into(),
        }
    }
}
