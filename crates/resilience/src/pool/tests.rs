mod blocking;
mod draining;
mod panics;
mod polls;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use nines_base::Kind;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::*;
use crate::deadline;

const SECOND: Duration = Duration::from_secs(1);

#[expect(clippy::disallowed_methods, reason = "a pool is given its spawner")]
fn pool(workers: u32, max_queue: u32) -> Pool {
    let config = Config {
        workers,
        max_queue,
        ..Config::default()
    };
    Pool::new("jobs", config, |_name, job| drop(tokio::spawn(job))).expect("a valid pool")
}

fn deadline(after: Duration) -> Option<Deadline> {
    Some(Deadline::after(after, now()))
}

fn snapshot(pool: &Pool) -> Snapshot {
    pool.snapshot(now())
}

/// Nothing runs and nothing waits.
#[track_caller]
fn check_idle(pool: &Pool) {
    let seen = snapshot(pool);
    assert_eq!((seen.live, seen.queued, seen.longest), (0, 0, None), "{seen:?}");
    assert!(seen.names.is_empty());
}

/// Lets all tasks run that can.
async fn settle() {
    tokio::time::advance(Duration::ZERO).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Blocking work that is on its thread, and what lets it end.
async fn blocking(pool: &Pool) -> (Job<bool>, std::sync::mpsc::Sender<()>) {
    let (go, wait) = std::sync::mpsc::channel();
    let begun = Arc::new(Notify::new());
    let tell = begun.clone();
    let work = move || {
        tell.notify_one();
        wait.recv().is_ok()
    };
    let job = pool.submit_blocking("blocking", None, work).expect("there is room");
    begun.notified().await;
    (job, go)
}

/// Drops it, and waits until its task has heard of it.
async fn give_up<T>(pool: &Pool, job: Job<T>) {
    drop(job);
    while snapshot(pool).cancelled == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_run_so_many_wait_and_one_more_is_refused() {
    let pool = pool(2, 3);
    let go = Arc::new(Notify::new());
    let jobs: Vec<_> = (0..5)
        .map(|number| {
            let go = go.clone();
            let work = async move {
                go.notified().await;
                number
            };
            pool.submit(if number == 0 { "first" } else { "other" }, None, move || work)
                .expect("there is room")
        })
        .collect();
    settle().await;
    tokio::time::advance(3 * SECOND).await;
    let seen = snapshot(&pool);
    assert_eq!((seen.live, seen.queued), (2, 3));
    assert_eq!(seen.names, BTreeMap::from([("first", 1), ("other", 1)]));
    assert_eq!(seen.longest, Some(("first", 3 * SECOND)));
    let refusal = pool.submit("more", None, || async {}).expect_err("no room");
    assert_eq!(refusal.to_string(), "policy jobs refused: overloaded: queue=3 bound=3");
    for _ in 0..5 {
        go.notify_waiters();
        settle().await;
    }
    for (number, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.await, Ok(number));
    }
    assert_eq!((snapshot(&pool).done, snapshot(&pool).refused), (5, 1));
    check_idle(&pool);
}

#[tokio::test(start_paused = true)]
async fn the_earliest_deadline_comes_first() {
    let pool = pool(1, 10);
    let order = Arc::new(Mutex::new(Vec::new()));
    let job = |name: &'static str, after: Option<u32>| {
        let order = order.clone();
        let work = async move {
            tokio::time::sleep(SECOND).await;
            order.lock().push(name);
        };
        pool.submit(name, after.and_then(|after| deadline(SECOND * after)), move || work)
            .expect("there is room")
    };
    let jobs = [
        job("now", None),
        job("never", None),
        job("late", Some(50)),
        job("soon", Some(10)),
        job("soon too", Some(10)),
    ];
    for job in jobs {
        job.await.expect("done in time");
    }
    assert_eq!(*order.lock(), ["now", "soon", "soon too", "late", "never"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_and_the_worker_lives_on() {
    let pool = pool(1, 10);
    let bad = pool.submit("bad", None, || async { panic!("no such {}", "file") });
    let good = pool.submit("good", None, || async { 7 }).expect("there is room");
    let error: Result<(), Error> = bad.expect("there is room").await;
    let Err(Error::Panicked(panicked)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(&*panicked.message, "no such file");
    assert_eq!(good.await, Ok(7));
    let odd = pool.submit("odd", None, || async { std::panic::panic_any(5) });
    let error: Result<(), Error> = odd.expect("there is room").await;
    assert_eq!(error.expect_err("it panicked").kind(), Kind::Internal);
    assert_eq!((snapshot(&pool).panicked, snapshot(&pool).done), (2, 1));
    check_idle(&pool);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_stops_a_job_and_is_seen_in_it() {
    let pool = pool(1, 10);
    let seen = Arc::new(Mutex::new(None));
    let work = {
        let seen = seen.clone();
        async move {
            *seen.lock() = deadline::current();
            std::future::pending::<()>().await;
        }
    };
    let until = deadline(5 * SECOND);
    let begun = now();
    let error = pool.submit("slow", until, move || work).expect("there is room").await;
    let error = error.expect_err("the deadline passed");
    assert_eq!((error.kind(), now() - begun), (Kind::DeadlineExceeded, 5 * SECOND));
    assert_eq!(*seen.lock(), until);
    assert_eq!(snapshot(&pool).late, 1);
    check_idle(&pool);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_in_the_queue_begins_nothing() {
    let pool = pool(1, 10);
    let holding = pool.submit("holding", None, std::future::pending::<()>);
    let begun = Arc::new(AtomicBool::new(false));
    let mark = begun.clone();
    let late = pool.submit("late", deadline(2 * SECOND), move || async move {
        mark.store(true, Ordering::SeqCst);
    });
    let error = late.expect("there is room").await.expect_err("its time was up");
    let Error::Refused(refusal) = &error else {
        panic!("{error}")
    };
    assert_eq!(refusal.refused.cause, Cause::DeadlineExceeded);
    assert!(!begun.load(Ordering::SeqCst));
    let over = pool
        .submit("over", deadline(Duration::ZERO), || async {})
        .expect_err("over already");
    assert_eq!(over.refused.cause, Cause::DeadlineExceeded);
    assert_eq!((snapshot(&pool).late, snapshot(&pool).refused), (1, 1));
    drop(holding);
    settle().await;
    check_idle(&pool);
}

/// A place was free, but the runtime was busy.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_before_the_task_runs_begins_nothing() {
    let pool = pool(1, 10);
    let begun = Arc::new(AtomicBool::new(false));
    let mark = begun.clone();
    let late = pool.submit("late", deadline(SECOND), move || async move {
        mark.store(true, Ordering::SeqCst);
    });
    tokio::time::advance(SECOND).await;
    let error = late.expect("there is room").await.expect_err("its time was up");
    assert!(matches!(error, Error::Refused(_)), "{error}");
    assert_eq!((begun.load(Ordering::SeqCst), snapshot(&pool).late), (false, 1));
    check_idle(&pool);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let pool = pool(1, 10);
    let _holding = pool.submit("holding", None, std::future::pending::<()>);
    let begun = now();
    let waiting = pool.submit("waiting", None, || async {}).expect("there is room").await;
    let Err(Error::Refused(refusal)) = waiting else {
        panic!("{waiting:?}")
    };
    assert_eq!((refusal.refused.cause, now() - begun), (Cause::Overloaded, 60 * SECOND));
}

/// In the queue, under way, and before its task has run at all.
#[tokio::test(start_paused = true)]
async fn a_dropped_job_is_cancelled_wherever_it_is() {
    let pool = pool(1, 10);
    let dropped = Arc::new(AtomicU32::new(0));
    struct Told(Arc<AtomicU32>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let job = || {
        let told = Told(dropped.clone());
        let work = async move {
            let _told = told;
            std::future::pending::<()>().await;
        };
        pool.submit("job", None, move || work).expect("there is room")
    };
    drop(job());
    settle().await;
    check_idle(&pool);
    let (live, queued) = (job(), job());
    settle().await;
    assert_eq!((snapshot(&pool).live, snapshot(&pool).queued), (1, 1));
    drop(queued);
    settle().await;
    assert_eq!((snapshot(&pool).live, snapshot(&pool).queued), (1, 0));
    drop(live);
    settle().await;
    check_idle(&pool);
    assert_eq!((dropped.load(Ordering::SeqCst), snapshot(&pool).cancelled), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_detached_job_goes_on() {
    let pool = pool(1, 10);
    let done = Arc::new(Notify::new());
    let told = done.clone();
    let work = async move {
        tokio::time::sleep(SECOND).await;
        told.notify_one();
    };
    pool.submit("job", None, move || work).expect("there is room").detach();
    done.notified().await;
    settle().await;
    assert_eq!(snapshot(&pool).done, 1);
    check_idle(&pool);
}

/// A spawner that spawns nothing, as that of a runtime that is shutting down.
#[tokio::test(start_paused = true)]
async fn a_job_whose_task_is_gone_tells_so() {
    let pool = Pool::new("jobs", Config::default(), |_name, job| drop(job)).expect("a valid pool");
    let job = pool.submit("job", None, || async {}).expect("there is room");
    assert_eq!(job.await, Err(Error::Cancelled));
    check_idle(&pool);
    assert_eq!(snapshot(&pool).cancelled, 1);
    assert!(pool.drain(Deadline::after(SECOND, now())).await.is_empty());
}

/// A hundred thousand at once: what does not fit is refused, and nothing is held of it.
#[tokio::test(start_paused = true)]
async fn a_flood_is_refused_beyond_the_bound() {
    let pool = pool(10, 100);
    let mut jobs = Vec::new();
    for _ in 0..100_000 {
        jobs.extend(pool.submit("job", None, || async { tokio::task::yield_now().await }));
    }
    assert_eq!((jobs.len(), snapshot(&pool).refused), (110, 99_890));
    for job in jobs {
        assert_eq!(job.await, Ok(()));
    }
    assert_eq!(snapshot(&pool).done, 110);
    check_idle(&pool);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn never_more_than_the_workers_at_a_time_on_eight_threads() {
    let pool = pool(3, 10_000);
    let (at_a_time, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let job = |number: u32| {
        let (at_a_time, most) = (at_a_time.clone(), most.clone());
        let work = async move {
            let here = at_a_time.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(here, Ordering::SeqCst);
            tokio::task::yield_now().await;
            at_a_time.fetch_sub(1, Ordering::SeqCst);
            assert!(!number.is_multiple_of(10), "each tenth panics");
        };
        pool.submit("job", None, move || work).expect("there is room")
    };
    let jobs: Vec<_> = (0..5000).map(job).collect();
    let mut panicked = 0;
    for job in jobs {
        panicked += u32::from(job.await.is_err());
    }
    assert_eq!(panicked, 500);
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    check_idle(&pool);
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let base = Config::default();
    let zero = Duration::ZERO;
    for (field, config) in [
        ("pool.workers", Config { workers: 0, ..base }),
        (
            "pool.workers",
            Config {
                workers: 100_001,
                ..base
            },
        ),
        (
            "pool.maxQueue",
            Config {
                max_queue: 1_000_001,
                ..base
            },
        ),
        ("pool.maxWait", Config { max_wait: zero, ..base }),
    ] {
        let error = Pool::new("jobs", config, |_, _| {}).expect_err(field);
        assert_eq!(error.field, field, "{error}");
    }
}
