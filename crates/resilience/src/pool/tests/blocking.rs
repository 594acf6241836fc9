//! Work that blocks its thread.

use super::*;

#[tokio::test]
async fn blocking_work_runs_on_a_thread_of_its_own_and_keeps_its_place_until_it_ends() {
    let pool = pool(1, 10);
    let (job, go) = blocking(&pool).await;
    give_up(&pool, job).await;
    assert_eq!(snapshot(&pool).live, 1, "it cannot be stopped");
    go.send(()).expect("it waits");
    let next = pool.submit_blocking("next", None, || std::thread::current().name().map(str::to_owned));
    let thread = next.expect("there is room").await.expect("it has run");
    assert_ne!(thread.as_deref(), std::thread::current().name());
    let bad = pool
        .submit_blocking("bad", None, || panic!("broken"))
        .expect("there is room");
    let error: Result<(), Error> = bad.await;
    assert!(matches!(error, Err(Error::Panicked(_))), "{error:?}");
    check_idle(&pool);
}

#[tokio::test]
async fn a_blocking_job_sees_its_deadline() {
    let pool = pool(1, 10);
    for until in [deadline(60 * SECOND), None] {
        let job = pool.submit_blocking("job", until, deadline::current);
        assert_eq!(job.expect("there is room").await, Ok(until));
    }
}

/// A place in the pool is free before a thread is.
#[test]
fn a_blocking_job_that_is_dropped_before_it_has_a_thread_does_not_begin() {
    let mut one_thread = tokio::runtime::Builder::new_current_thread();
    let runtime = one_thread.enable_time().max_blocking_threads(1).build();
    runtime.expect("a runtime").block_on(async {
        let pool = pool(3, 10);
        let (first, go) = blocking(&pool).await;
        let begun = Arc::new(AtomicBool::new(false));
        let mark = begun.clone();
        let second = pool.submit_blocking("second", None, move || mark.store(true, Ordering::SeqCst));
        while snapshot(&pool).names.len() < 2 {
            tokio::task::yield_now().await;
        }
        give_up(&pool, second.expect("there is room")).await;
        go.send(()).expect("it waits");
        assert_eq!(first.await, Ok(true));
        let third = pool.submit_blocking("third", None, || {});
        assert_eq!(third.expect("there is room").await, Ok(()));
        assert!(!begun.load(Ordering::SeqCst));
        check_idle(&pool);
    });
}
