use std::collections::BTreeMap;

use nines_base::Clock;
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
enum Step {
    Grant(i64, u64),
    KeepAlive(i64),
    Remove(i64),
    Expire(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..8i64, 1..20u64).prop_map(|(id, ttl)| Step::Grant(id, ttl)),
        (1..8i64).prop_map(Step::KeepAlive),
        (1..8i64).prop_map(Step::Remove),
        (1..4usize).prop_map(Step::Expire),
        (0..6u64).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Against a plain map from id to deadline: nothing ends early, what is over ends when asked, nothing comes back.
    #[test]
    fn leases_end_when_their_time_is_over_and_not_before(steps in prop::collection::vec(step(), 0..80)) {
        let mut now = Clock::manual().0.now();
        let mut leases = Leases::default();
        let mut model: BTreeMap<i64, (u64, Instant)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Wait(seconds) => now += SECOND * seconds as u32,
                Step::Grant(id, ttl) => {
                    leases.grant(LeaseId(id), Duration::from_secs(ttl), now);
                    model.insert(id, (ttl, now + Duration::from_secs(ttl)));
                }
                Step::KeepAlive(id) => {
                    let expected = model.get(&id).filter(|(_, deadline)| *deadline > now).copied();
                    let ttl = leases.keep_alive(LeaseId(id), now);
                    prop_assert_eq!(ttl, expected.map(|(ttl, _)| Duration::from_secs(ttl)));
                    if let Some((ttl, _)) = expected {
                        model.insert(id, (ttl, now + Duration::from_secs(ttl)));
                    }
                }
                Step::Remove(id) => {
                    leases.remove(LeaseId(id));
                    model.remove(&id);
                }
                Step::Expire(max) => {
                    let mut due: Vec<_> = model.iter().map(|(id, (_, at))| (*at, *id)).filter(|(at, _)| *at <= now).collect();
                    due.sort();
                    due.truncate(max);
                    let expired = leases.expire(now, max);
                    prop_assert_eq!(&expired, &due.iter().map(|(_, id)| LeaseId(*id)).collect::<Vec<_>>());
                    for id in expired {
                        prop_assert!(leases.contains(id) && !leases.lives(id));
                        prop_assert_eq!(leases.keep_alive(id, now), None);
                        leases.remove(id);
                        model.remove(&id.0);
                    }
                }
            }
            prop_assert_eq!(leases.len(), model.len());
            prop_assert_eq!(leases.next(), model.values().map(|(_, at)| *at).min());
        }
    }
}

#[test]
fn an_end_that_failed_is_tried_again_and_cannot_be_kept_alive() {
    let now = Clock::manual().0.now();
    let (id, mut leases) = (LeaseId(1), Leases::default());
    leases.grant(id, SECOND, now);
    assert_eq!(leases.expire(now + SECOND, 10), [id]);
    leases.retry(id, now + 2 * SECOND);
    assert_eq!(leases.keep_alive(id, now + SECOND), None);
    assert!(leases.expire(now + SECOND, 10).is_empty());
    assert_eq!(leases.expire(now + 2 * SECOND, 10), [id]);
}
