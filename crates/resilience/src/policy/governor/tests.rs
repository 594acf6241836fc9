use std::time::Duration;

use nines_base::{Clock, ManualClock, Rng};
use nines_model::Cause;
use proptest::prelude::*;

use super::*;
use crate::layer::Key;
use crate::policy::{Admission, Arrival, Call, Ticket, vector};
use crate::{Observed, Outcome};

/// A governor on a clock that is moved by hand.
struct Bench {
    governor: Governor,
    clock: Clock,
    hand: ManualClock,
    rng: Rng,
}

fn config(sections: &str) -> Config {
    let text = format!("vectors: [{{name: a, says: a, policy: {{{sections}}}, steps: []}}]");
    let file = vector::File::read(&text, "test").unwrap_or_else(|bad| panic!("{bad}"));
    Config::try_from(&file.vectors[0].policy().expect("a policy")).expect("a valid policy")
}

impl Bench {
    fn new(sections: &str) -> Self {
        let (clock, hand) = Clock::manual();
        Self {
            governor: Governor::new("test".into(), config(sections), clock.now()).expect("a valid policy"),
            clock,
            hand,
            rng: Rng::seeded(1),
        }
    }

    fn change(&mut self, sections: &str) {
        let governor = self.governor.rebuilt(config(sections), self.clock.now());
        self.governor = governor.expect("a valid policy");
    }

    /// A call that is let in, and its attempt; or the cause of its refusal.
    fn begin(&self, endpoint: Option<&Breaker>) -> Result<(Admission, Ticket), Cause> {
        let now = self.clock.now();
        let mut admission = self.governor.begin(Call::default(), now);
        let arrived = self.governor.arrive(&mut admission, now);
        let passed = arrived.and_then(|arrival| {
            assert!(matches!(arrival, Arrival::In));
            self.governor.pass(&mut admission, |_| None, now)
        });
        let tried = passed.and_then(|_| self.governor.attempt(&mut admission, endpoint, now, || 0.5));
        match tried {
            Ok(ticket) => Ok((admission, ticket)),
            Err(refused) => {
                self.governor.abandon(&mut admission);
                Err(refused.cause)
            }
        }
    }

    fn call(&self, endpoint: Option<&Breaker>, observed: Observed) -> Result<(), Cause> {
        let (mut admission, ticket) = self.begin(endpoint)?;
        let now = self.clock.now();
        self.governor.settle(ticket, endpoint, observed, now);
        self.governor.finish(&mut admission, observed.outcome, now);
        Ok(())
    }

    fn in_flight(&self) -> u64 {
        self.governor.snapshot(self.clock.now()).in_flight()
    }
}

/// Sentinel#281: one bad instance of five never brings the error rate of the whole to one half.
#[test]
fn sentinel_281_each_endpoint_has_its_own_breaker() {
    let bench = Bench::new("breaker: {windowCalls: 20, minCalls: 10}");
    let now = bench.clock.now();
    let endpoints: Vec<Breaker> = (0..5)
        .map(|_| bench.governor.endpoint_breaker(now).expect("a breaker"))
        .collect();
    for _ in 0..20 {
        for (index, endpoint) in endpoints.iter().enumerate() {
            let observed = if index == 3 {
                Observed::FAILURE
            } else {
                Observed::SUCCESS
            };
            let _refused_once_it_is_open = bench.call(Some(endpoint), observed);
        }
    }
    let open: Vec<bool> = endpoints
        .iter()
        .map(|endpoint| bench.call(Some(endpoint), Observed::SUCCESS) == Err(Cause::BreakerOpen))
        .collect();
    assert_eq!(open, [false, false, false, true, false]);
    assert_eq!(
        bench.call(None, Observed::SUCCESS),
        Ok(()),
        "the policy's own breaker saw none of it"
    );
}

#[test]
fn a_change_keeps_what_did_not_change() {
    let mut bench = Bench::new("breaker: {consecutiveFailures: 2}, rateLimits: [{algorithm: slidingLog, rate: 5/h}]");
    for _ in 0..2 {
        assert_eq!(bench.call(None, Observed::FAILURE), Ok(()));
    }
    bench.change(
        "breaker: {consecutiveFailures: 2}, rateLimits: [{algorithm: slidingLog, rate: 6/h}], retry: {attempts: 1}",
    );
    assert_eq!(
        bench.call(None, Observed::SUCCESS),
        Err(Cause::BreakerOpen),
        "it is still open"
    );
    bench.change("breaker: {consecutiveFailures: 3}, rateLimits: [{algorithm: slidingLog, rate: 6/h}]");
    for _ in 0..3 {
        assert_eq!(bench.call(None, Observed::SUCCESS), Ok(()), "a new breaker is closed");
    }
    assert_eq!(
        bench.call(None, Observed::SUCCESS),
        Err(Cause::RateLimited),
        "six calls of six were counted"
    );
    let counted = bench.governor.counts().get();
    assert_eq!(counted.refused, [(Cause::BreakerOpen, 1), (Cause::RateLimited, 1)]);
}

#[test]
fn limits_are_told_apart_by_their_keys() {
    let mut bench = Bench::new("rateLimits: [{algorithm: slidingLog, rate: 1/h}]");
    assert_eq!(bench.call(None, Observed::SUCCESS), Ok(()));
    bench.change("rateLimits: [{rate: 100/s, key: clientIp}, {algorithm: slidingLog, rate: 1/h}]");
    assert_eq!(
        bench.call(None, Observed::SUCCESS),
        Err(Cause::RateLimited),
        "it was counted by the second now"
    );
}

#[test]
fn an_unchanged_limit_keeps_its_count_when_its_neighbours_go() {
    let mut bench = Bench::new("rateLimits: [{rate: 100/s}, {rate: 1/h, burst: 1}]");
    assert_eq!(bench.call(None, Observed::SUCCESS), Ok(()));
    for limits in [
        "[{rate: 1/h, burst: 1}]",
        "[{rate: 7/s}, {rate: 9/s}, {rate: 1/h, burst: 1}]",
    ] {
        bench.change(&format!("rateLimits: {limits}"));
        assert_eq!(bench.call(None, Observed::SUCCESS), Err(Cause::RateLimited), "{limits}");
    }
}

/// Who is over his own limit takes nothing from those who share another with him.
#[test]
fn a_call_that_one_limit_refuses_uses_up_nothing_of_the_others() {
    for limits in [
        "{rate: 10/h, burst: 10}, {rate: 1/h, burst: 1, key: 'header:x-a'}",
        "{rate: 1/h, burst: 1, key: 'header:x-a'}, {rate: 10/h, burst: 10}",
    ] {
        let bench = Bench::new(&format!("rateLimits: [{limits}]"));
        let now = bench.clock.now();
        let passes = |client: &'static [u8]| {
            let mut admission = bench.governor.begin(Call::default(), now);
            let passed = bench.governor.pass(&mut admission, |_| Some(Key::Bytes(client)), now);
            bench.governor.abandon(&mut admission);
            passed.is_ok()
        };
        assert_eq!((0..20).filter(|_| passes(b"greedy")).count(), 1, "{limits}");
        let others: [&[u8]; 12] = [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"i", b"j", b"k", b"l"];
        assert_eq!(
            others.into_iter().filter(|client| passes(client)).count(),
            9,
            "{limits}"
        );
    }
}

/// A throttle in shadow mode sees what it would have seen if it acted.
#[test]
fn what_a_throttle_in_shadow_mode_refused_counts_once() {
    let counted = |mode: &str| {
        let bench = Bench::new(&format!(
            "breaker: {{mode: off}}, throttle: {{mode: {mode}, minCalls: 10, window: 10s}}"
        ));
        for _ in 0..10 {
            assert_eq!(bench.call(None, Observed::FAILURE), Ok(()));
        }
        // One goes through whatever the probability; after it nine of ten draws of one half are refused.
        for _ in 0..100 {
            let _refused_unless_in_shadow = bench.call(None, Observed::SUCCESS);
        }
        bench.governor.snapshot(bench.clock.now()).throttle.expect("a throttle")
    };
    assert_eq!(counted("shadow"), counted("enforce"));
}

/// What passed the checks can be put into force whole, and what did not leaves all as it was.
#[test]
fn a_change_is_made_whole_or_not_at_all() {
    let limited = |most: u32, period: &str| {
        let limit = format!(
            "{{rate: 2/{period}, algorithm: fixedWindow, key: 'header:x-a', overrides: {{gold: {{rate: 5/{period}}}}}}}"
        );
        format!("bulkhead: {{maxInFlight: {most}}}, rateLimits: [{limit}]")
    };
    let mut bench = Bench::new(&limited(1, "s"));
    bench.change(&limited(9, "m"));
    let most = |bench: &Bench| {
        let snapshot = bench.governor.snapshot(bench.clock.now());
        snapshot.bulkhead.expect("a bulkhead").max_in_flight
    };
    assert_eq!(most(&bench), 9);
    let mut mixed = config(&limited(3, "m"));
    let gold = mixed.rates[0].config.overrides.get_mut("gold").expect("an override");
    gold.per = Duration::from_secs(1);
    let refused = bench
        .governor
        .rebuilt(mixed, bench.clock.now())
        .expect_err("two periods");
    assert_eq!(refused.field, "rateLimits.overrides.per");
    assert_eq!(most(&bench), 9);
}

/// Two addresses of one network are one client.
#[test]
fn an_override_stays_with_its_client() {
    let limited = |client: &str| {
        let own = format!("overrides: {{'{client}': {{rate: 3/h, burst: 3}}}}");
        format!("rateLimits: [{{rate: 1/h, burst: 1, key: clientIp, {own}}}]")
    };
    let mut bench = Bench::new(&limited("2001:db8::1"));
    bench.change(&limited("2001:db8::2"));
    let now = bench.clock.now();
    let key = Key::Address("2001:db8::".parse().expect("an address"));
    let passes = || {
        let mut admission = bench.governor.begin(Call::default(), now);
        let passed = bench.governor.pass(&mut admission, |_| Some(key), now);
        bench.governor.abandon(&mut admission);
        passed.is_ok()
    };
    assert_eq!((0..5).filter(|_| passes()).count(), 3);
}

#[test]
fn a_bulkhead_in_shadow_mode_counts_what_its_queue_has_no_room_for() {
    let bench = Bench::new("bulkhead: {mode: shadow, maxInFlight: 2, maxQueue: 1}");
    let mut calls: Vec<(Admission, Ticket)> = (0..5).map(|_| bench.begin(None).expect("nothing is refused")).collect();
    assert_eq!(bench.governor.counts().get().shadow, [(Cause::Overloaded, 2)]);
    assert_eq!(bench.in_flight(), 5);
    let now = bench.clock.now();
    for (mut admission, ticket) in calls.drain(..) {
        bench.governor.settle(ticket, None, Observed::SUCCESS, now);
        bench.governor.finish(&mut admission, Outcome::Success, now);
    }
    assert_eq!(bench.in_flight(), 0);
}

#[test]
fn a_refusal_after_a_place_was_taken_gives_it_back() {
    let bench = Bench::new(
        "bulkhead: {maxInFlight: 1}, concurrency: {max: 1, initial: 1}, rateLimits: [{rate: 1/h, burst: 1}]",
    );
    assert_eq!(bench.call(None, Observed::SUCCESS), Ok(()));
    for _ in 0..3 {
        assert_eq!(bench.call(None, Observed::SUCCESS), Err(Cause::RateLimited));
    }
    assert_eq!(bench.in_flight(), 0);
}

/// What may happen to one of several calls.
#[derive(Debug, Clone, Copy)]
enum Event {
    Come,
    Settle(usize, Observed),
    Leave(usize),
    Wait(u64),
    Change(usize),
}

const POLICIES: [&str; 4] = [
    "bulkhead: {maxInFlight: 3}, concurrency: {min: 1, max: 4, initial: 2}, shed: {}",
    "bulkhead: {mode: shadow, maxInFlight: 1}, breaker: {consecutiveFailures: 1, openFor: 1s, halfOpenCalls: 1}",
    "mode: shadow, bulkhead: {maxInFlight: 1}, concurrency: {max: 2, initial: 1}, throttle: {}",
    "bulkhead: {maxInFlight: 5}, rateLimits: [{rate: 2/s}]",
];

fn event() -> impl Strategy<Value = Event> {
    let observed = prop::sample::select(vec![Observed::SUCCESS, Observed::FAILURE, Observed::IGNORED]);
    prop_oneof![
        4 => Just(Event::Come),
        3 => (0usize..8, observed).prop_map(|(call, observed)| Event::Settle(call, observed)),
        1 => (0usize..8).prop_map(Event::Leave),
        1 => (0u64..3000).prop_map(Event::Wait),
        1 => (0usize..POLICIES.len()).prop_map(Event::Change),
    ]
}

proptest! {
    /// Whatever happens, and however often the policy changes under way, nothing is held when no call is left.
    #[test]
    fn nothing_is_held_when_no_call_is_left(events in prop::collection::vec(event(), 0..200)) {
        let mut bench = Bench::new(POLICIES[0]);
        let mut governors = vec![Arc::new(bench.governor.rebuilt(config(POLICIES[0]), bench.clock.now()).expect("valid"))];
        let mut calls: Vec<(Arc<Governor>, Admission, Ticket)> = Vec::new();
        for event in events {
            let now = bench.clock.now();
            match event {
                Event::Come => {
                    let governor = governors.last().expect("one").clone();
                    let mut admission = governor.begin(Call::default(), now);
                    let arrived = governor.arrive(&mut admission, now);
                    let passed = arrived.and_then(|_| governor.pass(&mut admission, |_| None, now));
                    match passed.and_then(|_| governor.attempt(&mut admission, None, now, || bench.rng.unit())) {
                        Ok(ticket) => calls.push((governor, admission, ticket)),
                        Err(_) => governor.abandon(&mut admission),
                    }
                }
                Event::Settle(call, observed) if call < calls.len() => {
                    let (governor, mut admission, ticket) = calls.swap_remove(call);
                    governor.settle(ticket, None, observed, now);
                    governor.finish(&mut admission, observed.outcome, now);
                }
                Event::Leave(call) if call < calls.len() => {
                    let (governor, mut admission, ticket) = calls.swap_remove(call);
                    governor.leave(ticket, None);
                    governor.abandon(&mut admission);
                }
                Event::Settle(..) | Event::Leave(_) => {}
                Event::Wait(millis) => bench.hand.advance(Duration::from_millis(millis)),
                Event::Change(policy) => {
                    let changed = governors.last().expect("one").rebuilt(config(POLICIES[policy]), now);
                    governors.push(Arc::new(changed.expect("a valid policy")));
                }
            }
        }
        let now = bench.clock.now();
        for (governor, mut admission, ticket) in calls {
            governor.leave(ticket, None);
            governor.abandon(&mut admission);
        }
        for governor in governors {
            prop_assert_eq!(governor.snapshot(now).in_flight(), 0);
        }
    }
}
