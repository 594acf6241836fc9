use super::*;
use crate::{FAILURE_PENALTY, Outcome, Permit};
use nines_base::Clock;
use std::collections::BTreeMap;

/// Latencies are kept with 24 bits.
const NEAR: Duration = Duration::from_micros(1);

fn member(id: &str, port: u16, weight: u32) -> Member {
    Member {
        id: id.into(),
        address: ([127, 0, 0, 1], port).into(),
        weight,
        labels: Arc::new(BTreeMap::new()),
        state: InstanceState::Ready,
    }
}

fn suspect(id: &str, port: u16) -> Member {
    Member {
        state: InstanceState::Suspect,
        ..member(id, port, 1)
    }
}

fn ids(set: &EndpointSet, range: Range<usize>) -> Vec<&str> {
    set.slots()[range].iter().map(|slot| slot.endpoint.id()).collect()
}

#[test]
fn who_stays_keeps_its_statistics_over_changes_of_weight_and_state() {
    let (clock, _) = Clock::manual();
    let first = EndpointSet::empty(&clock).update(vec![member("a", 1, 5), member("b", 2, 5)], clock.now());
    let mut permit = Permit::new(first.slots()[0].endpoint.clone(), clock.now());
    permit.record(Outcome::Unavailable, clock.now());
    let reweighted = Member {
        state: InstanceState::Suspect,
        ..member("a", 1, 7)
    };
    let second = first.update(vec![member("b", 2, 5), reweighted], clock.now());
    let slot = &second.slots()[1];
    assert!(Arc::ptr_eq(&slot.endpoint, permit.endpoint()));
    assert_eq!((slot.weight, slot.state), (7, InstanceState::Suspect));
    assert_eq!((slot.endpoint.in_flight(), slot.endpoint.consecutive_errors()), (1, 1));
}

#[test]
fn another_address_is_another_endpoint() {
    let (clock, _) = Clock::manual();
    let first = EndpointSet::empty(&clock).update(vec![member("a", 1, 1)], clock.now());
    let second = first.update(vec![member("a", 2, 1)], clock.now());
    assert!(!Arc::ptr_eq(&first.slots()[0].endpoint, &second.slots()[0].endpoint));
}

#[test]
fn the_first_choice_are_the_ready_ones_and_without_them_the_suspects() {
    let (clock, _) = Clock::manual();
    let members = vec![suspect("s", 9), member("a", 1, 1), member("b", 2, 1)];
    let mixed = EndpointSet::empty(&clock).update(members, clock.now());
    assert_eq!(ids(&mixed, mixed.first_choice()), ["a", "b"]);
    let lost = mixed.update(vec![suspect("s", 9)], clock.now());
    assert_eq!(ids(&lost, lost.first_choice()), ["s"]);
}

#[test]
fn the_same_members_make_the_same_set() {
    let (clock, _) = Clock::manual();
    let members = vec![member("a", 1, 1), member("b", 2, 1)];
    let set = EndpointSet::empty(&clock).update(members.clone(), clock.now());
    assert!(set.is_made_of(&members));
    assert!(EndpointSet::empty(&clock).is_made_of(&[]));
    let relabelled = Member {
        labels: Arc::new(BTreeMap::from([("zone".into(), "a".into())])),
        ..member("b", 2, 1)
    };
    for other in [
        vec![],
        vec![member("a", 1, 1)],
        vec![member("a", 1, 2), member("b", 2, 1)],
        vec![member("a", 1, 1), member("b", 3, 1)],
        vec![member("a", 1, 1), suspect("b", 2)],
        vec![member("a", 1, 1), relabelled],
    ] {
        assert!(!set.is_made_of(&other), "{other:?}");
    }
}

#[test]
fn a_newcomer_is_taken_to_be_as_quick_as_its_peers() {
    let (clock, _) = Clock::manual();
    let first = EndpointSet::empty(&clock).update(vec![member("a", 1, 1)], clock.now());
    assert!(
        first.slots()[0]
            .endpoint
            .latency(clock.now())
            .abs_diff(Duration::from_millis(30))
            < NEAR
    );
    Permit::new(first.slots()[0].endpoint.clone(), clock.now())
        .finish(Outcome::Success(Duration::from_millis(80)), clock.now());
    let second = first.update(vec![member("a", 1, 1), member("b", 2, 1)], clock.now());
    assert!(
        second.slots()[1]
            .endpoint
            .latency(clock.now())
            .abs_diff(Duration::from_millis(80))
            < NEAR
    );
}

#[test]
fn only_who_joins_others_starts_slowly() {
    let (clock, hand) = Clock::manual();
    let window = Duration::from_secs(10);
    let first = EndpointSet::empty(&clock).update(vec![member("a", 1, 1)], clock.now());
    assert!(!first.warms_up(window, clock.now()));
    let second = first.update(vec![member("a", 1, 1), member("b", 2, 1)], clock.now());
    let newcomer = &second.slots()[1].endpoint;
    for (after, share) in [(0, 0.1), (500, 0.1), (4_500, 0.5), (4_000, 0.9), (1_000, 1.0)] {
        hand.advance(Duration::from_millis(after));
        assert_eq!(
            newcomer.slow_start_share(window, clock.now()),
            share,
            "{after} ms later"
        );
    }
    assert_eq!(second.slots()[0].endpoint.slow_start_share(window, clock.now()), 1.0);
    assert!(!second.warms_up(window, clock.now()));
    assert_eq!(newcomer.slow_start_share(Duration::ZERO, newcomer.added()), 1.0);
}

#[test]
fn failures_count_as_their_penalty_and_any_other_answer_ends_a_row_of_gateway_errors() {
    let (clock, _) = Clock::manual();
    let set = EndpointSet::empty(&clock).update(vec![member("a", 1, 1)], clock.now());
    let endpoint = &set.slots()[0].endpoint;
    for other in [Outcome::Success(Duration::from_millis(1)), Outcome::Failure] {
        for errors in 1..=3 {
            Permit::new(endpoint.clone(), clock.now()).finish(Outcome::Unavailable, clock.now());
            assert_eq!(endpoint.consecutive_errors(), errors);
        }
        assert_eq!(endpoint.latency(clock.now()), FAILURE_PENALTY);
        Permit::new(endpoint.clone(), clock.now()).finish(other, clock.now());
        assert_eq!(endpoint.consecutive_errors(), 0);
    }
}

#[test]
fn an_answer_counts_by_its_status() {
    let latency = Duration::from_millis(7);
    for (statuses, outcome) in [
        (vec![200, 204, 302, 404, 429, 499], Outcome::Success(latency)),
        (vec![500, 501, 505, 599], Outcome::Failure),
        (vec![502, 503, 504], Outcome::Unavailable),
    ] {
        for status in statuses {
            assert_eq!(Outcome::of_status(status, latency), outcome, "{status}");
        }
    }
}

/// What the endpoint's latency is once a request has run for so long and `end` has ended it.
fn latency_after(millis: u64, end: impl FnOnce(Permit, Instant)) -> Duration {
    let (clock, hand) = Clock::manual();
    let set = EndpointSet::empty(&clock).update(vec![member("a", 1, 1)], clock.now());
    let endpoint = &set.slots()[0].endpoint;
    Permit::new(endpoint.clone(), clock.now()).finish(Outcome::Unavailable, clock.now());
    Permit::new(endpoint.clone(), clock.now()).finish(Outcome::Unavailable, clock.now());
    let permit = Permit::new(endpoint.clone(), clock.now());
    assert_eq!(endpoint.in_flight(), 1);
    hand.advance(Duration::from_millis(millis));
    end(permit, clock.now());
    assert_eq!(
        (endpoint.in_flight(), endpoint.consecutive_errors()),
        (0, 2),
        "neither a success nor a failure"
    );
    endpoint.latency(clock.now())
}

#[test]
fn a_request_that_is_given_up_counts_as_long_as_it_ran_if_that_is_above_the_average() {
    let faded = FAILURE_PENALTY.mul_f64((-0.4f64).exp());
    assert!(latency_after(4_000, |permit, _| drop(permit)).abs_diff(Duration::from_secs(4)) < NEAR);
    assert_eq!(latency_after(0, |permit, _| drop(permit)), FAILURE_PENALTY);
    let recent = |mut permit: Permit, now: Instant| {
        permit.waits_since(now - Duration::from_millis(10));
        drop(permit);
    };
    for other in [
        latency_after(4_000, recent),
        latency_after(4_000, |permit, _| permit.discard()),
    ] {
        assert!(other.abs_diff(faded) < Duration::from_millis(1), "{other:?}");
    }
}

#[test]
fn a_request_that_is_cut_off_speaks_against_the_endpoint_if_it_had_half_a_limit_of_the_callers_own() {
    let millis = |n| Some(Duration::from_millis(n));
    for (ran, own, speaks) in [
        (5, [millis(15_000), None], false),
        (14_999, [millis(15_000), None], true),
        (100, [millis(15_000), millis(200)], true),
        (99, [millis(15_000), millis(200)], false),
        (100, [None, millis(200)], true),
        (60_000, [None, None], false),
    ] {
        let outcome = Outcome::of_cut_off(Duration::from_millis(ran), own);
        assert_eq!(outcome, speaks.then_some(Outcome::Unavailable), "{ran} {own:?}");
    }
}
