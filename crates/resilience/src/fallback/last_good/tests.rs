use std::thread;

use nines_base::Clock;
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Small enough for one shard, and keeps every answer.
const SMALL: LastGoodConfig = LastGoodConfig {
    max_age: Duration::from_secs(60),
    max_entries: 3,
    max_bytes: 100,
    refresh: Duration::ZERO,
};

fn start() -> Instant {
    Clock::manual().0.now()
}

/// The value is its own weight.
fn cache(config: LastGoodConfig, now: Instant) -> LastGood<u32, usize> {
    LastGood::new(config, |_, weight| *weight, now).expect("a good cache")
}

fn keep(cache: &LastGood<u32, usize>, key: u32, weight: usize, now: Instant) {
    assert_eq!(cache.put(key, weight, now), Kept::Yes);
}

#[test]
fn bad_configurations_are_refused_by_name() {
    let cases = [
        (
            LastGoodConfig {
                max_age: Duration::ZERO,
                ..SMALL
            },
            "fallback.maxAge",
        ),
        (
            LastGoodConfig {
                max_age: Duration::MAX,
                ..SMALL
            },
            "fallback.maxAge",
        ),
        (
            LastGoodConfig {
                max_entries: 0,
                ..SMALL
            },
            "fallback.maxEntries",
        ),
        (
            LastGoodConfig {
                max_entries: usize::MAX,
                ..SMALL
            },
            "fallback.maxEntries",
        ),
        (LastGoodConfig { max_bytes: 0, ..SMALL }, "fallback.maxBytes"),
        (
            LastGoodConfig {
                refresh: 61 * SECOND,
                ..SMALL
            },
            "fallback.refresh",
        ),
    ];
    for (config, field) in cases {
        let error = LastGood::<u32, usize>::new(config, |_, _| 1, start()).expect_err("it is refused");
        assert_eq!(error.field, field, "{config:?}");
    }
}

#[test]
fn an_answer_is_given_up_to_its_greatest_age() {
    let now = start();
    let cache = cache(SMALL, now);
    keep(&cache, 1, 10, now);
    assert_eq!(cache.get(&1, now + 60 * SECOND), Some((10, 60 * SECOND)));
    assert_eq!(cache.get(&1, now + 61 * SECOND), None);
    assert_eq!(cache.get(&2, now), None);
    cache.remove(&1);
    assert_eq!(cache.get(&1, now), None);
    assert_eq!(cache.snapshot(), LastGoodSnapshot::default());
}

#[test]
fn the_oldest_goes_first() {
    let now = start();
    let cache = cache(SMALL, now);
    (1..=3).for_each(|key| keep(&cache, key, 10, now));
    keep(&cache, 1, 20, now + SECOND);
    keep(&cache, 4, 10, now + SECOND);
    let there: Vec<bool> = (1..=4).map(|key| cache.get(&key, now + SECOND).is_some()).collect();
    assert_eq!(there, [true, false, true, true], "1 was kept again, so 2 is the oldest");
    keep(&cache, 5, 75, now + SECOND);
    let snapshot = cache.snapshot();
    assert_eq!(
        (snapshot.entries, snapshot.bytes, snapshot.evicted),
        (2, 85, 3),
        "bytes count too"
    );
}

#[test]
fn too_heavy_an_answer_leaves_the_one_before() {
    let now = start();
    let cache = cache(SMALL, now);
    keep(&cache, 1, 10, now);
    assert_eq!(cache.put(1, 101, now), Kept::TooHeavy);
    assert_eq!(cache.get(&1, now), Some((10, Duration::ZERO)));
    assert_eq!(cache.snapshot().too_heavy, 1);
}

#[test]
fn a_clock_that_steps_back_makes_answers_young_not_wrong() {
    let now = start();
    let cache = cache(SMALL, now);
    keep(&cache, 1, 10, now + 50 * SECOND);
    assert_eq!(cache.get(&1, now), Some((10, Duration::ZERO)));
    keep(&cache, 2, 10, now);
    keep(&cache, 3, 10, now + 200 * SECOND);
    assert_eq!(cache.snapshot().entries, 1, "both are too old now");
}

#[test]
fn one_key_a_hundred_thousand_times_holds_one_entry() {
    let now = start();
    let cache = cache(SMALL, now);
    keep(&cache, 0, 10, now);
    (0..100_000).for_each(|_| keep(&cache, 1, 10, now));
    let shard = cache.shards[0].lock();
    assert!(shard.queued() <= 20, "{} keys queue behind the first", shard.queued());
    assert_eq!((shard.len(), shard.bytes(), shard.evicted), (2, 20, 0));
}

#[test]
fn eight_threads_and_a_hundred_thousand_keys_stay_within_the_bounds() {
    let now = start();
    let config = LastGoodConfig {
        max_entries: 4096,
        max_bytes: 100_000,
        ..SMALL
    };
    let cache = cache(config, now);
    thread::scope(|scope| {
        for thread in 0..8 {
            let cache = &cache;
            scope.spawn(move || {
                for key in 0..12_500u32 {
                    keep(cache, key * 8 + thread, 10 + key as usize % 50, now);
                    assert!(cache.snapshot().bytes <= 100_000 || key % 100 > 0);
                }
            });
        }
    });
    let snapshot = cache.snapshot();
    assert!(snapshot.entries <= 4096 && snapshot.bytes <= 100_000, "{snapshot:?}");
    assert!(snapshot.bytes > 90_000, "it uses what it may: {snapshot:?}");
    assert_eq!(snapshot.evicted as usize + snapshot.entries, 100_000);
}

/// The same by searching a list.
#[derive(Default)]
struct Naive {
    entries: Vec<(u32, usize, Duration)>,
}

impl Naive {
    fn put(&mut self, key: u32, weight: usize, now: Duration) {
        if weight > SMALL.max_bytes {
            return;
        }
        self.entries.retain(|entry| entry.0 != key);
        self.entries.push((key, weight, now));
        let bytes = |entries: &[(u32, usize, Duration)]| entries.iter().map(|entry| entry.1).sum::<usize>();
        while self.entries.len() > SMALL.max_entries
            || bytes(&self.entries) > SMALL.max_bytes
            || self.entries[0].2 + SMALL.max_age < now
        {
            self.entries.remove(0);
        }
    }

    fn get(&self, key: u32, now: Duration) -> Option<(usize, Duration)> {
        let (_, weight, kept) = self.entries.iter().find(|entry| entry.0 == key)?;
        let age = now - *kept;
        (age <= SMALL.max_age).then_some((*weight, age))
    }
}

proptest! {
    #[test]
    fn it_holds_what_the_naive_cache_holds(
        steps in prop::collection::vec((0u32..6, 0usize..120, 0u64..30, any::<bool>()), 1..200),
    ) {
        let start = start();
        let (cache, mut naive, mut now) = (cache(SMALL, start), Naive::default(), Duration::ZERO);
        for (key, weight, wait, forget) in steps {
            now += Duration::from_secs(wait);
            if forget && weight < 20 {
                cache.remove(&key);
                naive.entries.retain(|entry| entry.0 != key);
            } else {
                let kept = cache.put(key, weight, start + now);
                prop_assert_eq!(kept == Kept::Yes, weight <= SMALL.max_bytes);
                naive.put(key, weight, now);
            }
            for key in 0..6 {
                prop_assert_eq!(cache.get(&key, start + now), naive.get(key, now));
            }
            let snapshot = cache.snapshot();
            prop_assert_eq!(snapshot.entries, naive.entries.len());
            prop_assert!(snapshot.bytes <= SMALL.max_bytes && snapshot.entries <= SMALL.max_entries);
        }
    }
}
