//! From HTTPRoutes to rules that act.

use std::collections::HashMap;
use std::sync::Arc;

use nines_balance::Split;
use nines_model::governing::Limits;
use nines_model::problem::Problem;
use nines_model::route::{BackendRef, Match, PathKind, Rule};
use nines_model::{Catalog, Governing, HttpRoute, Resource, ResourceKey, ServiceKey};

use super::upstream::Upstreams;
use super::{Snapshot, each, problem};
use crate::filter::Plans;
use crate::route::{Action, Backend, Candidate, CompiledRule, Condition, Forward, Rank, Refusal, RoutePath, RuleId};

/// The candidates of every route, and the ids of their rules.
#[derive(Default)]
pub(super) struct Rules<'a> {
    pub(super) routes: Vec<Route<'a>>,
    pub(super) ids: HashMap<Arc<str>, RuleId>,
    pub(super) next_id: u32,
}

/// A route with its rules compiled.
pub(super) struct Route<'a> {
    pub(super) key: &'a ResourceKey,
    pub(super) spec: &'a HttpRoute,
    pub(super) candidates: Vec<Arc<Candidate>>,
}

/// What compiling a rule needs to know and may add to.
struct Compiler<'a, 'c> {
    policies: &'a Governing<'a>,
    previous: &'a Snapshot,
    upstreams: &'c mut Upstreams<'a>,
    problems: &'c mut Vec<Problem>,
    ids: HashMap<Arc<str>, RuleId>,
    next_id: u32,
}

impl<'a> Rules<'a> {
    pub(super) fn compile(
        catalog: &'a Catalog,
        policies: &'a Governing<'a>,
        previous: &'a Snapshot,
        upstreams: &mut Upstreams<'a>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut compiler = Compiler {
            policies,
            previous,
            upstreams,
            problems,
            ids: HashMap::new(),
            next_id: previous.next_rule,
        };
        let routes = each(catalog, |resource| match resource {
            Resource::HttpRoute(route) => Some(&route.spec),
            _ => None,
        });
        let routes = routes.map(|(key, spec)| compiler.route(key, spec)).collect();
        Self {
            routes,
            ids: compiler.ids,
            next_id: compiler.next_id,
        }
    }
}

impl<'a> Compiler<'a, '_> {
    fn route(&mut self, key: &'a ResourceKey, spec: &'a HttpRoute) -> Route<'a> {
        let mut candidates = Vec::new();
        let name: (Arc<str>, Arc<str>) = (key.namespace.as_str().into(), key.name.as_str().into());
        for (index, rule) in spec.rules.iter().enumerate() {
            let compiled = Arc::new(self.rule(key, index, rule));
            let matches = if rule.matches.is_empty() {
                &[Match::default()][..]
            } else {
                &rule.matches
            };
            candidates.extend(matches.iter().enumerate().map(|(place, from)| {
                let condition = Condition::from(from);
                Arc::new(Candidate {
                    path: RoutePath::new(from.path.as_ref()),
                    rank: Rank::new(&condition, name.clone(), index, place),
                    condition,
                    rule: compiled.clone(),
                })
            }));
        }
        Route { key, spec, candidates }
    }

    fn rule(&mut self, route: &ResourceKey, index: usize, rule: &Rule) -> CompiledRule {
        let name = self.name(route, index, rule);
        let id = self.id(&name);
        let action = self.action(route, index, rule).unwrap_or_else(|reason| {
            self.problems
                .push(problem(route, format!("spec.rules[{index}]"), reason.as_str()));
            Action::Refuse(Refusal::invalid(reason))
        });
        CompiledRule { id, name, action }
    }

    /// A name that another rule of the route has already falls back to the place.
    fn name(&mut self, route: &ResourceKey, index: usize, rule: &Rule) -> Arc<str> {
        let by_place = || format!("{}/{}/{index}", route.namespace, route.name).into();
        let Some(given) = &rule.name else { return by_place() };
        let name: Arc<str> = format!("{}/{}/{given}", route.namespace, route.name).into();
        if !self.ids.contains_key(&name) {
            return name;
        }
        let message = format!("another rule of this route is named `{given}` too; rename one");
        self.problems
            .push(problem(route, format!("spec.rules[{index}].name"), message));
        by_place()
    }

    fn id(&mut self, name: &Arc<str>) -> RuleId {
        let id = self.previous.rule_ids.get(name).copied().unwrap_or_else(|| {
            self.next_id += 1;
            RuleId(self.next_id - 1)
        });
        self.ids.insert(name.clone(), id);
        id
    }

    fn action(&mut self, route: &ResourceKey, index: usize, rule: &Rule) -> Result<Action, String> {
        let plans = Plans::compile(&rule.filters)?;
        check_prefix(&plans, rule)?;
        if let Some(plan) = plans.redirect {
            let response = plans.response;
            return Ok(Action::Redirect { plan, response });
        }
        // Gateway API: a rule that has nobody to send to and answers nothing itself is a 500.
        let Some(split) = Split::new(rule.backend_refs.iter().map(|backend| backend.weight)) else {
            return Err("the rule has neither a backend with a weight nor a redirect".into());
        };
        let backends = rule.backend_refs.iter().enumerate();
        let backends = backends.map(|(place, from)| {
            let at = format!("spec.rules[{index}].backendRefs[{place}]");
            self.backend(route, rule, &plans, from, &at)
        });
        Ok(Action::Forward(Forward {
            backends: backends.collect(),
            split,
        }))
    }

    fn backend(&mut self, route: &ResourceKey, rule: &Rule, plans: &Plans, from: &BackendRef, at: &str) -> Backend {
        let joined = backend_plans(plans, rule, from);
        let service = service_of(route, from);
        let key = ServiceKey::new(from.namespace.as_ref().unwrap_or(&route.namespace), &from.name);
        let upstream = match (&joined, &service) {
            (Ok(_), Ok(key)) => Ok(self.upstreams.of(key)),
            (Err(reason), _) | (_, Err(reason)) => {
                self.problems.push(problem(route, at, reason.as_str()));
                Err(Refusal::invalid(reason.as_str()))
            }
        };
        let joined = joined.unwrap_or_default();
        Backend {
            weight: from.weight,
            upstream,
            request: joined.request,
            response: joined.response,
            limits: Limits::of(&self.policies.effective(Some(route), &key), rule.timeouts.as_ref()),
            service: key,
        }
    }
}

/// The service that a backend of a route names. Namespaces are no borders here, so another one needs no grant.
pub(super) fn service_of(route: &ResourceKey, backend: &BackendRef) -> Result<ServiceKey, String> {
    let group = backend.group.as_deref().unwrap_or_default();
    let kind = backend.kind.as_deref().unwrap_or("Service");
    if kind != "Service" || !matches!(group, "" | "core" | "nines.dev") {
        return Err(format!("backend kind `{group}/{kind}` is not known; only Service is"));
    }
    let namespace = backend.namespace.as_ref().unwrap_or(&route.namespace);
    Ok(ServiceKey::new(namespace, &backend.name))
}

fn backend_plans(plans: &Plans, rule: &Rule, from: &BackendRef) -> Result<Plans, String> {
    let joined = plans.and_then(&from.filters)?;
    check_prefix(&joined, rule)?;
    match joined.redirect {
        Some(_) => Err("a redirect belongs to the rule, not to one backend".into()),
        None => Ok(joined),
    }
}

fn check_prefix(plans: &Plans, rule: &Rule) -> Result<(), String> {
    let is_exact = |m: &Match| m.path.as_ref().is_some_and(|path| path.kind == PathKind::Exact);
    if plans.replaces_prefix() && rule.matches.iter().any(is_exact) {
        return Err("ReplacePrefixMatch needs matches by PathPrefix; an Exact path has no prefix to replace".into());
    }
    Ok(())
}
