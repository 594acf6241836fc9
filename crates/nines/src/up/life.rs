//! When a program that ended is started again. Pure: the time is an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nines_base::Backoff;

use super::stack::Restart;

const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(200),
    max: Duration::from_secs(30),
};
/// So many ends within [`LOOP_WINDOW`] are a crash loop.
const LOOP_ENDS: usize = 5;
const LOOP_WINDOW: Duration = Duration::from_secs(60);
/// Ready for so long, a program starts with the shortest wait again.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// The restarts of one program.
#[derive(Debug)]
pub(crate) struct Life {
    policy: Restart,
    /// Ends since it was last healthy.
    failures: u32,
    ends: VecDeque<Instant>,
    ready_since: Option<Instant>,
    /// Starts after the first.
    pub(crate) restarts: u32,
}

/// What follows the end of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Start it again after this time. A crash loop goes on, visibly, at the longest waits.
    Restart { after: Duration, crash_loop: bool },
    /// Leave it.
    Rest,
}

impl Life {
    pub(crate) fn new(policy: Restart) -> Self {
        Self {
            policy,
            failures: 0,
            ends: VecDeque::new(),
            ready_since: None,
            restarts: 0,
        }
    }

    /// The program has become ready.
    pub(crate) fn ready(&mut self, now: Instant) {
        self.ready_since = Some(now);
    }

    /// The program has ended.
    pub(crate) fn ended(&mut self, success: bool, now: Instant) -> Next {
        let was_ready_for = self
            .ready_since
            .take()
            .map(|since| now.saturating_duration_since(since));
        if was_ready_for.is_some_and(|time| time >= HEALTHY_AFTER) {
            self.failures = 0;
            self.ends.clear();
        }
        let again = match self.policy {
            Restart::Always => true,
            Restart::OnFailure => !success,
            Restart::Never => false,
        };
        if !again {
            return Next::Rest;
        }
        let after = BACKOFF.ceiling(self.failures);
        self.failures += 1;
        self.restarts += 1;
        self.ends.push_back(now);
        self.ends
            .retain(|end| now.saturating_duration_since(*end) < LOOP_WINDOW);
        Next::Restart {
            after,
            crash_loop: self.ends.len() >= LOOP_ENDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_base::Clock;

    #[test]
    fn waits_double_to_half_a_minute() {
        let (clock, hand) = Clock::manual();
        let mut life = Life::new(Restart::Always);
        let mut waits = Vec::new();
        for _ in 0..10 {
            let Next::Restart { after, .. } = life.ended(false, clock.now()) else {
                panic!("always restarts")
            };
            waits.push(after.as_millis());
            hand.advance(after);
        }
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
        assert_eq!(life.restarts, 10);
    }

    #[test]
    fn five_ends_in_a_minute_are_a_crash_loop() {
        let (clock, _hand) = Clock::manual();
        let mut life = Life::new(Restart::Always);
        let loops: Vec<bool> = (0..6)
            .map(|_| matches!(life.ended(false, clock.now()), Next::Restart { crash_loop: true, .. }))
            .collect();
        assert_eq!(loops, [false, false, false, false, true, true]);
    }

    #[test]
    fn a_healthy_minute_forgives() {
        let (clock, hand) = Clock::manual();
        let mut life = Life::new(Restart::Always);
        for _ in 0..6 {
            life.ended(false, clock.now());
        }
        life.ready(clock.now());
        hand.advance(HEALTHY_AFTER);
        let next = life.ended(false, clock.now());
        assert_eq!(
            next,
            Next::Restart {
                after: Duration::from_millis(200),
                crash_loop: false
            }
        );
    }

    #[test]
    fn the_policy_decides() {
        let (clock, _hand) = Clock::manual();
        for (policy, success, rests) in [
            (Restart::Always, true, false),
            (Restart::OnFailure, true, true),
            (Restart::OnFailure, false, false),
            (Restart::Never, false, true),
        ] {
            assert_eq!(
                Life::new(policy).ended(success, clock.now()) == Next::Rest,
                rests,
                "{policy:?} {success}"
            );
        }
    }
}
