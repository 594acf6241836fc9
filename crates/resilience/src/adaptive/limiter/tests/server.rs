//! A synthetic server in virtual time: so many workers, one queue, and a limiter before it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::*;

/// What the server and its callers are like; may change while it runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) workers: usize,
    /// Seconds of service.
    pub(super) service: f64,
    pub(super) spread: Spread,
    /// Arrivals a second, at random.
    pub(super) arrivals: f64,
}

/// How the times of service spread around the usual one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Spread {
    None,
    Exponential,
    /// This share of the calls takes so many seconds instead.
    Slow(f64, f64),
    /// The logarithm is normal, with this deviation; the usual time is the median.
    LogNormal(f64),
    /// This share of the calls finds what it looks for in a cache and needs no worker.
    Hits(f64),
}

/// Of a call that needs no worker.
const HIT: f64 = 0.001;

impl Shape {
    pub(super) fn capacity(&self) -> f64 {
        self.workers as f64 / self.service
    }
}

/// What happened in a stretch of time.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    pub(super) done: u64,
    pub(super) refused: u64,
    pub(super) latencies: Vec<f64>,
    pub(super) limits: Vec<u32>,
    pub(super) by_priority: [(u64, u64); 5],
}

impl Seen {
    pub(super) fn p90(&mut self) -> f64 {
        self.latencies.sort_by(f64::total_cmp);
        self.latencies[self.latencies.len() * 9 / 10]
    }

    pub(super) fn share_refused(&self) -> f64 {
        self.refused as f64 / (self.done + self.refused) as f64
    }

    pub(super) fn highest(&self) -> u32 {
        self.limits.iter().copied().max().unwrap_or_default()
    }
}

struct Call {
    ticket: Ticket,
    begun: f64,
    service: f64,
}

pub(super) struct Server {
    limiter: Limiter,
    clock: Clock,
    hand: ManualClock,
    rng: Rng,
    now: f64,
    next_arrival: f64,
    busy: BinaryHeap<Reverse<(u64, u64)>>,
    calls: std::collections::HashMap<u64, Call>,
    queue: VecDeque<u64>,
    /// Calls that need no worker, and when they end.
    hits: VecDeque<(u64, f64)>,
    number: u64,
}

impl Server {
    pub(super) fn new(config: Config) -> Self {
        Self::seeded(config, 11)
    }

    pub(super) fn seeded(config: Config, seed: u64) -> Self {
        let (clock, hand) = Clock::manual();
        Self {
            limiter: Limiter::with_rng(config, clock.now(), Rng::seeded(!seed)).expect("a good configuration"),
            clock,
            hand,
            rng: Rng::seeded(seed),
            now: 0.0,
            next_arrival: 0.0,
            busy: BinaryHeap::new(),
            calls: Default::default(),
            queue: VecDeque::new(),
            hits: VecDeque::new(),
            number: 0,
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limiter.limit()
    }

    pub(super) fn run(&mut self, shape: Shape, seconds: f64) -> Seen {
        self.run_by(shape, seconds, |_| Priority::Medium)
    }

    /// Runs for so long; `priority` is asked with a random number for each call.
    pub(super) fn run_by(&mut self, shape: Shape, seconds: f64, priority: impl Fn(u64) -> Priority) -> Seen {
        let (mut seen, end) = (Seen::default(), self.now + seconds);
        let mut second = self.now;
        loop {
            let done = self.next_done();
            let next = done.map_or(self.next_arrival, |done| done.min(self.next_arrival));
            if next >= end {
                self.advance(end);
                return seen;
            }
            self.advance(next);
            if self.now >= second {
                seen.limits.push(self.limiter.limit());
                second += 1.0;
            }
            if done.is_some_and(|done| done <= next) {
                self.finish(&shape, &mut seen);
            } else {
                let level = self.rng.next_u64();
                self.arrive(&shape, &mut seen, priority(level));
                self.next_arrival = self.now + self.exponential(1.0 / shape.arrivals);
            }
        }
    }

    fn next_done(&self) -> Option<f64> {
        let served = self.busy.peek().map(|Reverse((at, _))| *at as f64 / 1e9);
        let hit = self.hits.front().map(|(_, at)| *at);
        [served, hit].into_iter().flatten().reduce(f64::min)
    }

    fn advance(&mut self, to: f64) {
        self.hand.advance(Duration::from_secs_f64((to - self.now).max(0.0)));
        self.now = to;
    }

    fn arrive(&mut self, shape: &Shape, seen: &mut Seen, priority: Priority) {
        let counts = &mut seen.by_priority[priority as usize];
        let Ok(ticket) = self.limiter.try_enter(priority, self.clock.now()) else {
            seen.refused += 1;
            counts.1 += 1;
            return;
        };
        counts.0 += 1;
        let service = self.service(shape);
        self.number += 1;
        let call = Call {
            ticket,
            begun: self.now,
            service,
        };
        self.calls.insert(self.number, call);
        match shape.spread {
            Spread::Hits(share) if self.rng.unit() < share => self.hits.push_back((self.number, self.now + HIT)),
            _ => self.queue.push_back(self.number),
        }
        self.serve(shape);
    }

    fn service(&mut self, shape: &Shape) -> f64 {
        match shape.spread {
            Spread::None | Spread::Hits(_) => shape.service,
            Spread::Exponential => self.exponential(shape.service),
            Spread::Slow(share, seconds) if self.rng.unit() < share => seconds,
            Spread::Slow(..) => shape.service,
            Spread::LogNormal(deviation) => shape.service * (deviation * self.normal()).exp(),
        }
    }

    fn serve(&mut self, shape: &Shape) {
        while self.busy.len() < shape.workers
            && let Some(number) = self.queue.pop_front()
        {
            let end = self.now + self.calls[&number].service;
            self.busy.push(Reverse(((end * 1e9) as u64, number)));
        }
    }

    fn finish(&mut self, shape: &Shape, seen: &mut Seen) {
        let hit = self.hits.pop_front_if(|(_, at)| *at <= self.now);
        let served = || self.busy.pop().map(|Reverse((_, number))| number);
        let Some(number) = hit.map(|(number, _)| number).or_else(served) else {
            return;
        };
        let call = self.calls.remove(&number).expect("it was served");
        seen.done += 1;
        seen.latencies.push(self.now - call.begun);
        self.limiter.record(call.ticket, Outcome::Success, self.clock.now());
        self.serve(shape);
    }

    /// By the method of Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (2.0 * self.exponential(1.0)).sqrt();
        radius * (std::f64::consts::TAU * self.rng.unit()).cos()
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.rng.unit()).ln()
    }
}
