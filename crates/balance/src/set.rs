//! The endpoints of one service at one moment.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nines_base::{Clock, Rng};
use nines_model::InstanceState;

use crate::endpoint::Beginning;
use crate::outlier::{self, Change, Watch};
use crate::{Endpoint, Labels, Member};

/// The latency assumed of an endpoint that has no peers to compare it with.
const SEED_SECONDS: f32 = 0.03;

/// An immutable list of endpoints. A change makes a new set that shares the endpoints which stay, with their
/// statistics; of one that leaves only its [ejections](crate::outlier) are remembered for a while. What may change without being another endpoint (weight, state, labels) lies in the slot.
#[derive(Debug)]
pub struct EndpointSet {
    /// The ready ones, then the suspects.
    slots: Box<[Slot]>,
    /// Running sum of the weights over the first choice.
    cumulative: Box<[u64]>,
    /// All weights of the first choice are equal, as they mostly are.
    equal: bool,
    /// When the last newcomer joined that has to warm up.
    newest: Option<Instant>,
    generation: u64,
    /// The same over all changes of the set.
    watch: Arc<Watch>,
}

/// An endpoint's place in a set.
#[derive(Debug, Clone)]
pub struct Slot {
    pub endpoint: Arc<Endpoint>,
    /// Above 0.
    pub weight: u32,
    pub state: InstanceState,
    pub labels: Labels,
}

impl EndpointSet {
    /// A set without endpoints, from which all others are made. Its clock tells how long a request ran that ends without an
    /// outcome.
    pub fn empty(clock: &Clock) -> Self {
        Self::new(Box::default(), 0, Arc::new(Watch::new(clock.clone())))
    }

    /// The set of `members` (as [`crate::resolve`] lists them) that shares with this one every endpoint of the same id
    /// and address. A newcomer is assumed to be as quick as its peers are, and starts slowly if it has any. The new set takes
    /// the place of all that were made before: only its own [`EndpointSet::review`] acts from now on.
    pub fn update(&self, members: Vec<Member>, now: Instant) -> Self {
        let known: HashMap<&str, &Slot> = self.slots.iter().map(|s| (s.endpoint.id(), s)).collect();
        let beginning = Beginning {
            seed: self.mean_latency(now),
            at_full_share: self.slots.is_empty(),
            watch: &self.watch,
            now,
        };
        let slot = |member: Member| {
            let same = known
                .get(&*member.id)
                .filter(|s| s.endpoint.address() == member.address);
            let endpoint = match same {
                Some(slot) => slot.endpoint.clone(),
                None => Arc::new(Endpoint::new(&member.id, member.address, &beginning)),
            };
            Slot::new(endpoint, member)
        };
        let mut slots: Vec<Slot> = members.into_iter().filter(|m| m.weight > 0).map(slot).collect();
        slots.sort_by_key(|slot| slot.state == InstanceState::Suspect);
        let generation = self.watch.exchange(&self.slots, &slots, now);
        Self::new(slots.into(), generation, self.watch.clone())
    }

    fn new(slots: Box<[Slot]>, generation: u64, watch: Arc<Watch>) -> Self {
        let newest = slots
            .iter()
            .filter(|s| s.endpoint.warms_up())
            .map(|s| s.endpoint.added())
            .max();
        let first_choice = &slots[first_choice(&slots)];
        Self {
            cumulative: running_sum(first_choice),
            equal: first_choice.windows(2).all(|pair| pair[0].weight == pair[1].weight),
            slots,
            newest,
            generation,
            watch,
        }
    }

    /// When to eject one of its endpoints, and of the sets that are made of it.
    pub fn watch_outliers(&self, config: outlier::Config) {
        self.watch.configure(config);
    }

    /// Ejects outliers and takes them back, if it is time to look: call it before a pick. Almost always there is nothing
    /// to do, which costs a read.
    #[inline]
    pub fn review(&self, now: Instant) -> Vec<Change> {
        if !self.watch.is_due(now) {
            return Vec::new();
        }
        self.watch
            .review(self.generation, &self.slots[self.first_choice()], now)
    }

    /// Whether `members` would make the same set, so that there is no need to make it.
    pub fn is_made_of(&self, members: &[Member]) -> bool {
        let same = |(slot, member): (&Slot, &Member)| {
            slot.endpoint.id() == member.id
                && slot.endpoint.address() == member.address
                && slot.weight == member.weight
                && slot.state == member.state
                && slot.labels == member.labels
        };
        self.slots.len() == members.len() && self.slots.iter().zip(members).all(same)
    }

    /// All endpoints.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Another with every [`EndpointSet::update`]; a picker that keeps state by place in the set looks at it.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The slots to choose from: the ready ones, or the suspects when nobody is ready.
    pub(crate) fn first_choice(&self) -> Range<usize> {
        first_choice(&self.slots)
    }

    pub(crate) fn equal_weights(&self) -> bool {
        self.equal
    }

    /// The mean weight of the first choice.
    pub(crate) fn mean_weight(&self) -> f32 {
        let count = self.cumulative.len().max(1);
        self.cumulative.last().copied().unwrap_or(0) as f32 / count as f32
    }

    /// Whether an endpoint may still be in its slow start.
    pub(crate) fn warms_up(&self, window: Duration, now: Instant) -> bool {
        self.newest.is_some_and(|at| now.saturating_duration_since(at) < window)
    }

    /// A slot of the first choice, drawn by weight. The set must not be empty.
    pub(crate) fn draw(&self, rng: &mut Rng) -> usize {
        if self.equal {
            return rng.below(self.cumulative.len() as u64) as usize;
        }
        let total = self.cumulative.last().copied().unwrap_or(0);
        let point = rng.below(total);
        self.cumulative.partition_point(|sum| *sum <= point)
    }

    fn mean_latency(&self, now: Instant) -> f32 {
        if self.slots.is_empty() {
            return SEED_SECONDS;
        }
        let sum: f32 = self.slots.iter().map(|s| s.endpoint.seconds(now)).sum();
        sum / self.slots.len() as f32
    }
}

impl Slot {
    fn new(endpoint: Arc<Endpoint>, member: Member) -> Self {
        Self {
            endpoint,
            weight: member.weight,
            state: member.state,
            labels: member.labels,
        }
    }
}

fn first_choice(slots: &[Slot]) -> Range<usize> {
    let ready = slots.partition_point(|s| s.state != InstanceState::Suspect);
    if ready == 0 { 0..slots.len() } else { 0..ready }
}

fn running_sum(slots: &[Slot]) -> Box<[u64]> {
    let sum = slots.iter().scan(0u64, |sum, slot| {
        *sum += u64::from(slot.weight);
        Some(*sum)
    });
    sum.collect()
}

#[cfg(test)]
mod tests;
