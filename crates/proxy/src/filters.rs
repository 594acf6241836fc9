//! What a rule decides before any backend is asked.

use nines_model::Cause;

use crate::exchange::Exchange;
use crate::filter::{HeaderEdits, RedirectPlan, Scheme};
use crate::refusal::Refusal;
use crate::route::{Action, Backend, Found};

/// The backend that the request goes to, or the rule's own answer.
pub(crate) fn decide<'a>(exchange: &Exchange<'_>, found: &Found<'a>) -> Result<&'a Backend, Refusal> {
    match &found.rule.action {
        Action::Forward(forward) => Ok(exchange.record.rule.next(forward)),
        Action::Redirect { plan, response } => Err(redirect(exchange, plan, response, found.prefix)),
        Action::Refuse(refusal) => Err(refusal.into()),
    }
}

fn redirect(exchange: &Exchange<'_>, plan: &RedirectPlan, edits: &HeaderEdits, prefix: usize) -> Refusal {
    let port = exchange.client.stream.local_addr().map_or(80, |address| address.port());
    let location = plan.location(&exchange.parts(), prefix, Scheme::Http, port);
    let mut answer = Refusal::new(Cause::Redirected, "the rule redirects")
        .status(plan.status)
        .with("route", &exchange.record.rule.name);
    if !edits.drops(b"location") {
        answer = answer.field("location", location);
    }
    edits
        .additions()
        .fold(answer, |answer, (name, value)| answer.field(name, value))
}
