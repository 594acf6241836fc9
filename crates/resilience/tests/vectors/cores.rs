//! Plays a vector through the governor, event by event, on a clock that jumps from one to the next.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use nines_base::{Clock, Rng};
use nines_model::Policy;
use nines_resilience::adaptive::Priority;
use nines_resilience::bulkhead::Enter;
use nines_resilience::deadline::Deadline;
use nines_resilience::fallback::{self, Chain, Source, Why};
use nines_resilience::layer::{Key, KeyBy};
use nines_resilience::policy::vector::{Answer, Answered, Class, Final, Planned, Seen, Vector};
use nines_resilience::policy::{Admission, Arrival, Call, Config, Governor, Ticket};
use nines_resilience::retry::{Next, OuterAttempt};
use nines_resilience::{Observed, Outcome, Refused};

use crate::Played;

type Fallbacks = Chain<String, Answered>;

/// The callee's world: the policy as it is now, and chance.
struct World {
    governor: Arc<Governor>,
    chain: Fallbacks,
    rng: Rng,
    now: Instant,
}

/// A call that has come and not yet ended.
struct Live<'v> {
    planned: Planned<'v>,
    /// The governor that let it in.
    governor: Arc<Governor>,
    admission: Admission,
    came: Instant,
    at: Stage,
    flights: Vec<Flight>,
    hedge_at: Option<Instant>,
    begun: Vec<Duration>,
}

enum Stage {
    Queued(Box<Enter>),
    Waiting(Instant),
    Trying,
}

struct Flight {
    ticket: Ticket,
    answer: Answer,
    ends: Instant,
}

/// Plays it.
pub(crate) fn play(vector: &Vector) -> Played {
    let start = Clock::manual().0.now();
    let mut world = World::new(&vector.policy().expect("a policy"), start);
    let mut changes = vector.changes().expect("policies").into_iter().peekable();
    let mut coming = vector.calls().into_iter().peekable();
    let mut live: Vec<Live<'_>> = Vec::new();
    let mut seen = Vec::new();
    loop {
        let next_change = changes.peek().map(|(at, _)| start + *at);
        let next_call = coming.peek().map(|call| start + call.at);
        let due = live.iter().filter_map(Live::due);
        let Some(next) = due.chain(next_change).chain(next_call).min() else {
            break;
        };
        world.now = next.max(world.now);
        while let Some((_, policy)) = changes.next_if(|(at, _)| start + *at <= world.now) {
            world.change(&policy);
        }
        settle_all(&mut world, &mut live, &mut seen);
        while let Some(planned) = coming.next_if(|call| start + call.at <= world.now) {
            let step = planned.step;
            match Live::arrive(planned, &mut world) {
                Ok(call) => live.push(call),
                Err(ended) => seen.push((step, ended)),
            }
            settle_all(&mut world, &mut live, &mut seen);
        }
    }
    assert!(live.is_empty(), "{}: {} calls wait for ever", vector.name, live.len());
    world.holds_nothing(&vector.name);
    Played {
        seen,
        shadow: crate::shadow(world.governor.counts()),
    }
}

/// Takes every step that is due now, until none is: the end of one call may let in another.
fn settle_all(world: &mut World, live: &mut Vec<Live<'_>>, seen: &mut Vec<(usize, Seen)>) {
    let mut index = 0;
    while index < live.len() {
        match live[index].step(world) {
            Step::Still => index += 1,
            Step::Moved => index = 0,
            Step::Ended(ended) => {
                seen.push((live[index].planned.step, ended));
                live.remove(index);
                index = 0;
            }
        }
    }
}

enum Step {
    Still,
    Moved,
    Ended(Seen),
}

impl World {
    fn new(policy: &Policy, now: Instant) -> Self {
        let config = Config::try_from(policy).expect("a valid policy");
        Self {
            chain: config
                .fallback
                .chain(|_| Answered::Static, |_, _| 1, now)
                .expect("a valid fallback"),
            governor: Arc::new(Governor::new("vector".into(), config, now).expect("a valid policy")),
            rng: Rng::seeded(1),
            now,
        }
    }

    fn change(&mut self, policy: &Policy) {
        let config = Config::try_from(policy).expect("a valid policy");
        let governor = self.governor.rebuilt(config, self.now).expect("a valid policy");
        self.governor = Arc::new(governor);
    }

    fn holds_nothing(&self, vector: &str) {
        let held = self.governor.snapshot(self.now).in_flight();
        assert_eq!(held, 0, "{vector}: places are held after the last call");
    }
}

impl<'v> Live<'v> {
    fn arrive(planned: Planned<'v>, world: &mut World) -> Result<Self, Seen> {
        let now = world.now;
        let step = planned.call;
        let call = Call {
            idempotent: step.idempotent,
            priority: priority(step.priority),
            outer: OuterAttempt::new(step.outer_attempt.try_into().expect("from 1")),
            deadline: step.deadline.map(|after| Deadline::after(after, now)),
        };
        let governor = world.governor.clone();
        let mut live = Live {
            planned,
            admission: governor.begin(call, now),
            governor,
            came: now,
            at: Stage::Trying,
            flights: Vec::new(),
            hedge_at: None,
            begun: Vec::new(),
        };
        let arrived = live.governor.arrive(&mut live.admission, now);
        let entered = arrived.and_then(|arrival| match arrival {
            Arrival::Queued(queued) => {
                live.at = Stage::Queued(Box::new(queued));
                Ok(())
            }
            Arrival::In => live.pass(world),
        });
        match entered {
            Ok(()) => Ok(live),
            Err(refused) => Err(live.refuse(refused, world)),
        }
    }

    /// When something happens to it next, if it is not woken by another call.
    fn due(&self) -> Option<Instant> {
        let governor = &self.governor;
        let mut due: Vec<Instant> = self
            .planned
            .call
            .drop_after
            .map(|after| self.came + after)
            .into_iter()
            .collect();
        match &self.at {
            Stage::Queued(queued) => due.extend(queued.limit()),
            Stage::Waiting(until) => due.push(*until),
            Stage::Trying => {
                due.extend(self.flights.iter().map(|flight| flight.ends));
                due.extend(self.hedge_at);
                due.extend(self.admission.deadline().map(Deadline::instant));
                let limit = governor.attempt_limit();
                due.extend(limit.and_then(|limit| Some(self.flights.first()?.ticket.begun() + limit)));
            }
        }
        due.into_iter().min()
    }

    fn step(&mut self, world: &mut World) -> Step {
        let now = world.now;
        if self
            .planned
            .call
            .drop_after
            .is_some_and(|after| self.came + after <= now)
        {
            for flight in self.flights.drain(..) {
                self.governor.leave(flight.ticket, None);
            }
            // In the queue it leaves by being dropped.
            self.at = Stage::Trying;
            self.governor.abandon(&mut self.admission);
            return Step::Ended(self.seen(Final::Answered(Answered::Dropped), now));
        }
        match &mut self.at {
            Stage::Queued(queued) => {
                let polled = queued.poll_enter(&Context::from_waker(Waker::noop()), now);
                let Poll::Ready(entered) = polled else {
                    return Step::Still;
                };
                self.at = Stage::Trying;
                let mut seated = self.governor.seat(&mut self.admission, entered, now);
                if seated.is_ok() {
                    seated = self.pass(world);
                }
                self.go_on(seated, world)
            }
            Stage::Waiting(until) if *until > now => Step::Still,
            Stage::Waiting(_) => {
                let sent = self.send(now, &mut world.rng);
                self.go_on(sent, world)
            }
            Stage::Trying => self.try_on(world),
        }
    }

    fn try_on(&mut self, world: &mut World) -> Step {
        let now = world.now;
        let limit = self.admission.deadline().is_some_and(|limit| limit.is_over(now));
        if let Some(place) = self.flights.iter().position(|flight| flight.ends <= now) {
            let flight = self.flights.remove(place);
            return self.answered(flight, world);
        }
        if limit {
            for flight in self.flights.drain(..) {
                self.governor.cut(flight.ticket, None, now);
            }
            let refused = self.governor.stop(&self.admission, now);
            return self.failed(Final::Refused(refused), Why::Refused(refused.cause), world);
        }
        if let Some(limit) = self.governor.attempt_limit()
            && let Some(place) = self
                .flights
                .iter()
                .position(|flight| flight.ticket.begun() + limit <= now)
        {
            let flight = self.flights.remove(place);
            return self.timed_out(flight, world);
        }
        if self.hedge_at.is_some_and(|at| at <= now) {
            self.hedge_at = None;
            if self.governor.hedge(&mut self.admission, now) {
                // A hedge that is refused is only missing.
                let _refused = self.send(now, &mut world.rng);
            }
            return Step::Moved;
        }
        Step::Still
    }

    fn answered(&mut self, flight: Flight, world: &mut World) -> Step {
        let now = world.now;
        let observed = flight.answer.observed();
        let begun = flight.ticket.begun();
        self.governor.settle(flight.ticket, None, observed, now);
        let answered = Answered::from(flight.answer.then);
        if observed.outcome == Outcome::Success {
            for other in self.flights.drain(..) {
                self.governor.lose(other.ticket, None, now);
            }
            self.governor.finish(&mut self.admission, Outcome::Success, now);
            world.chain.keep(&self.planned.call.key, now, || Answered::LastGood);
            return Step::Ended(self.seen(Final::Answered(answered), now));
        }
        if !self.flights.is_empty() {
            return Step::Moved;
        }
        match self.next(observed, begun, world) {
            Next::Again(_) => Step::Moved,
            Next::Done | Next::GiveUp(_) => {
                self.governor.finish(&mut self.admission, observed.outcome, now);
                self.failed(Final::Answered(answered), Why::Failed, world)
            }
        }
    }

    fn timed_out(&mut self, flight: Flight, world: &mut World) -> Step {
        let begun = flight.ticket.begun();
        self.governor.settle(flight.ticket, None, Observed::FAILURE, world.now);
        if !self.flights.is_empty() {
            return Step::Moved;
        }
        let refused = self.governor.time_out(begun, world.now);
        match self.next(Observed::FAILURE, begun, world) {
            Next::Again(_) => Step::Moved,
            Next::Done | Next::GiveUp(_) => {
                self.governor.finish(&mut self.admission, Outcome::Failure, world.now);
                self.failed(Final::Refused(refused), Why::Refused(refused.cause), world)
            }
        }
    }

    fn next(&mut self, observed: Observed, begun: Instant, world: &mut World) -> Next {
        let (now, rng) = (world.now, &mut world.rng);
        let next = self
            .governor
            .next(&mut self.admission, None, (observed, begun), now, rng);
        if let Next::Again(wait) = next {
            self.hedge_at = None;
            self.at = Stage::Waiting(now + wait);
        }
        next
    }

    fn pass(&mut self, world: &mut World) -> Result<(), Refused> {
        let key = self.planned.call.key.as_bytes();
        let wait = self
            .governor
            .pass(&mut self.admission, |_: &KeyBy| Some(Key::Bytes(key)), world.now)?;
        if wait.is_zero() {
            return self.send(world.now, &mut world.rng);
        }
        self.at = Stage::Waiting(world.now + wait);
        Ok(())
    }

    fn send(&mut self, now: Instant, rng: &mut Rng) -> Result<(), Refused> {
        let ticket = self.governor.attempt(&mut self.admission, None, now, || rng.unit())?;
        let answer = self.planned.call.answer(ticket.number());
        self.begun.push(now - self.came);
        self.flights.push(Flight {
            ticket,
            answer,
            ends: now + answer.after,
        });
        self.hedge_at = self.governor.hedge_after(&self.admission, now).map(|after| now + after);
        self.at = Stage::Trying;
        Ok(())
    }

    fn go_on(&mut self, result: Result<(), Refused>, world: &mut World) -> Step {
        match result {
            Ok(()) => Step::Moved,
            Err(refused) => Step::Ended(self.refuse(refused, world)),
        }
    }

    fn refuse(&mut self, refused: Refused, world: &mut World) -> Seen {
        self.governor.abandon(&mut self.admission);
        match self.failed(Final::Refused(refused), Why::Refused(refused.cause), world) {
            Step::Ended(seen) => seen,
            Step::Still | Step::Moved => unreachable!("a failed call has ended"),
        }
    }

    /// The call has failed; the fallback may have an answer.
    fn failed(&mut self, failure: Final, why: Why, world: &mut World) -> Step {
        self.governor.finish(&mut self.admission, Outcome::Failure, world.now);
        let answer = match world.chain.answer(&self.planned.call.key, why, world.now) {
            fallback::Answer::Value(answer, degraded) => match degraded.source {
                Source::LastGood => Final::Answered(Answered::LastGood),
                _ => Final::Answered(answer),
            },
            fallback::Answer::Alternative(..) => Final::Answered(Answered::Alternative),
            fallback::Answer::Nothing => failure,
        };
        Step::Ended(self.seen(answer, world.now))
    }

    fn seen(&mut self, ended: Final, now: Instant) -> Seen {
        Seen {
            ended,
            begun: std::mem::take(&mut self.begun),
            took: now - self.came,
        }
    }
}

pub(crate) fn priority(class: Class) -> Priority {
    match class {
        Class::VeryLow => Priority::VeryLow,
        Class::Low => Priority::Low,
        Class::Medium => Priority::Medium,
        Class::High => Priority::High,
        Class::VeryHigh => Priority::VeryHigh,
    }
}
