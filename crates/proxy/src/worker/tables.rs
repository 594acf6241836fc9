//! What a worker keeps for each rule and each upstream from request to request: whose turn it is, and counters.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_utils::CachePadded;
use nines_balance::{Excluded, Permit, Picker, Turn};
use nines_base::Rng;

use crate::metrics::{self, Metrics};
use crate::route::{Backend, CompiledRule, Forward};
use crate::snapshot::Upstream;

/// The tables, by the small numbers that rules and upstreams keep over edits.
#[derive(Debug)]
pub(crate) struct Tables {
    worker: usize,
    metrics: Metrics,
    rules: RefCell<Vec<Option<Rc<RuleState>>>>,
    pickers: RefCell<Vec<Option<Keeper>>>,
    unmatched: Rc<RuleState>,
}

/// What a worker keeps of a rule.
#[derive(Debug)]
pub(crate) struct RuleState {
    /// As metrics and log lines call it.
    pub(crate) name: Arc<str>,
    worker: usize,
    counts: Arc<[CachePadded<metrics::Route>]>,
    turn: Cell<Turn>,
    used: Cell<bool>,
}

#[derive(Debug)]
struct Keeper {
    picker: Picker,
    used: bool,
}

impl Tables {
    pub(super) fn new(worker: usize, metrics: Metrics, rng: &mut Rng) -> Self {
        Self {
            unmatched: Rc::new(RuleState::new("_none".into(), worker, &metrics, rng)),
            worker,
            metrics,
            rules: RefCell::default(),
            pickers: RefCell::default(),
        }
    }

    /// For requests that no rule takes.
    pub(crate) fn unmatched(&self) -> Rc<RuleState> {
        self.unmatched.clone()
    }

    /// What is kept of a rule.
    pub(crate) fn rule(&self, rule: &CompiledRule, rng: &RefCell<Rng>) -> Rc<RuleState> {
        let index = rule.id.0 as usize;
        let mut rules = self.rules.borrow_mut();
        if rules.len() <= index {
            rules.resize_with(index + 1, || None);
        }
        let fresh = || {
            let mut rng = rng.borrow_mut();
            Rc::new(RuleState::new(rule.name.clone(), self.worker, &self.metrics, &mut rng))
        };
        let state = rules[index].get_or_insert_with(fresh);
        state.used.set(true);
        state.clone()
    }

    /// Picks an endpoint.
    pub(crate) fn pick(
        &self,
        upstream: &Upstream,
        excluded: &Excluded,
        rng: &RefCell<Rng>,
        now: Instant,
    ) -> Option<Permit> {
        let index = upstream.id.0 as usize;
        let mut pickers = self.pickers.borrow_mut();
        if pickers.len() <= index {
            pickers.resize_with(index + 1, || None);
        }
        let fresh = || Keeper {
            picker: Picker::new(upstream.balance()),
            used: true,
        };
        let keeper = pickers[index].get_or_insert_with(fresh);
        keeper.used = true;
        keeper
            .picker
            .pick(&upstream.endpoints(), excluded, &mut rng.borrow_mut(), now)
    }

    /// After a change of configuration: follows edited policies as each picker is used next, and drops what has not
    /// been used since the last change.
    pub(super) fn sweep<'a>(&self, upstreams: impl Iterator<Item = &'a Arc<Upstream>>) {
        for slot in self.rules.borrow_mut().iter_mut() {
            if slot.as_ref().is_some_and(|state| !state.used.replace(false)) {
                *slot = None;
            }
        }
        let mut pickers = self.pickers.borrow_mut();
        for slot in pickers.iter_mut() {
            match slot {
                Some(keeper) if keeper.used => keeper.used = false,
                _ => *slot = None,
            }
        }
        for upstream in upstreams {
            if let Some(Some(keeper)) = pickers.get_mut(upstream.id.0 as usize) {
                keeper.picker.configure(upstream.balance());
            }
        }
    }
}

impl RuleState {
    fn new(name: Arc<str>, worker: usize, metrics: &Metrics, rng: &mut Rng) -> Self {
        Self {
            worker,
            counts: metrics.route(&name),
            turn: Cell::new(Turn::new(rng)),
            used: Cell::new(true),
            name,
        }
    }

    /// This worker's counters of the rule.
    pub(crate) fn counts(&self) -> &metrics::Route {
        &self.counts[self.worker]
    }

    /// The backend whose turn it is.
    pub(crate) fn next<'a>(&self, forward: &'a Forward) -> &'a Backend {
        let mut turn = self.turn.get();
        let backend = forward.next(&mut turn);
        self.turn.set(turn);
        backend
    }
}
