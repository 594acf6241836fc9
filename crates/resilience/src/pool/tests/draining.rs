//! The end of a pool.

use super::*;

#[tokio::test(start_paused = true)]
async fn draining_waits_then_cuts_off_and_tells_what() {
    let pool = pool(3, 10);
    let quick = pool
        .submit("quick", None, || tokio::time::sleep(SECOND))
        .expect("there is room");
    let slow = pool
        .submit("slow", None, std::future::pending::<()>)
        .expect("there is room");
    settle().await;
    let cut = pool.drain(Deadline::after(5 * SECOND, now())).await;
    assert_eq!(cut, BTreeMap::from([("slow", 1)]));
    assert_eq!((quick.await, slow.await), (Ok(()), Err(Error::Cancelled)));
    let refusal = pool.submit("more", None, || async {}).expect_err("it is closed");
    assert_eq!(refusal.refused.cause, Cause::Draining);
    settle().await;
    check_idle(&pool);
}

#[tokio::test(start_paused = true)]
async fn draining_an_idle_pool_takes_no_time() {
    let pool = pool(1, 1);
    let begun = now();
    assert!(pool.drain(Deadline::after(SECOND, begun)).await.is_empty());
    assert_eq!(now(), begun);
}

/// The earlier deadline cuts off; the other finds nothing left.
#[tokio::test(start_paused = true)]
async fn two_may_drain_at_the_same_time() {
    let pool = pool(1, 10);
    let _slow = pool.submit("slow", None, std::future::pending::<()>);
    let _queued = pool.submit("queued", None, std::future::pending::<()>);
    settle().await;
    let begun = now();
    let drain = |seconds: u32| pool.drain(Deadline::after(SECOND * seconds, begun));
    let (late, early) = tokio::join!(drain(10), drain(5));
    assert_eq!((early, late), (BTreeMap::from([("slow", 1)]), BTreeMap::new()));
    assert_eq!((now() - begun, snapshot(&pool).cancelled), (5 * SECOND, 2));
    assert!(drain(20).await.is_empty());
    check_idle(&pool);
}

#[tokio::test(start_paused = true)]
async fn draining_after_its_deadline_cancels_a_hundred_thousand() {
    let pool = pool(10, 100_000);
    let submit = |_| pool.submit("job", None, std::future::pending::<()>);
    let jobs: Vec<_> = (0..100_010).map(submit).collect();
    settle().await;
    let cut = pool.drain(Deadline::at(now() - SECOND)).await;
    assert_eq!(cut, BTreeMap::from([("job", 10)]));
    for job in jobs {
        assert_eq!(job.expect("there is room").await, Err(Error::Cancelled));
    }
    assert_eq!(snapshot(&pool).cancelled, 100_010);
    check_idle(&pool);
}

#[tokio::test(start_paused = true)]
async fn draining_that_is_dropped_has_closed_the_pool_and_cancelled_nothing() {
    let pool = pool(1, 10);
    let go = Arc::new(Notify::new());
    let told = go.clone();
    let job = pool.submit("job", None, move || async move { told.notified().await });
    let drain = pool.drain(Deadline::after(10 * SECOND, now()));
    tokio::time::timeout(SECOND, drain)
        .await
        .expect_err("a job is under way");
    pool.submit("more", None, || async {}).expect_err("it is closed");
    go.notify_one();
    assert_eq!(job.expect("there was room").await, Ok(()));
    assert!(pool.drain(Deadline::after(SECOND, now())).await.is_empty());
    assert_eq!((snapshot(&pool).done, snapshot(&pool).cancelled), (1, 0));
}

#[tokio::test]
async fn draining_waits_for_blocking_work_that_was_given_up() {
    let pool = pool(1, 10);
    let (job, go) = blocking(&pool).await;
    give_up(&pool, job).await;
    let cut = pool.drain(Deadline::after(Duration::from_millis(1), now())).await;
    assert_eq!(cut, BTreeMap::from([("blocking", 1)]), "it still runs");
    assert_eq!(snapshot(&pool).live, 1);
    go.send(()).expect("it waits");
    assert!(pool.drain(Deadline::after(60 * SECOND, now())).await.is_empty());
    check_idle(&pool);
}
