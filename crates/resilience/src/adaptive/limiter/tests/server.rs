//! A synthetic server in virtual time: so many workers, one queue, and a limiter before it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::*;

/// What the server and its callers are like; may change while it runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) workers: usize,
    /// Seconds of service, without spread or exponential.
    pub(super) service: f64,
    pub(super) exponential: bool,
    /// Arrivals a second, at random.
    pub(super) arrivals: f64,
}

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
    number: u64,
}

impl Server {
    pub(super) fn new(config: Config) -> Self {
        let (clock, hand) = Clock::manual();
        Self {
            limiter: limiter(config, clock.now()),
            clock,
            hand,
            rng: Rng::seeded(11),
            now: 0.0,
            next_arrival: 0.0,
            busy: BinaryHeap::new(),
            calls: Default::default(),
            queue: VecDeque::new(),
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
            let done = self.busy.peek().map(|Reverse((at, _))| *at as f64 / 1e9);
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
        let service = if shape.exponential {
            self.exponential(shape.service)
        } else {
            shape.service
        };
        self.number += 1;
        let call = Call {
            ticket,
            begun: self.now,
            service,
        };
        self.calls.insert(self.number, call);
        self.queue.push_back(self.number);
        self.serve(shape);
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
        let Some(Reverse((_, number))) = self.busy.pop() else {
            return;
        };
        let call = self.calls.remove(&number).expect("it was served");
        seen.done += 1;
        seen.latencies.push(self.now - call.begun);
        self.limiter.record(call.ticket, Outcome::Success, self.clock.now());
        self.serve(shape);
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.rng.unit()).ln()
    }
}
