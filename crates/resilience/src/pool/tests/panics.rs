//! Jobs that panic when they are dropped.

use super::*;

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("a drop that panics");
    }
}

/// Ends, or does not, and keeps what panics until it is dropped.
fn job(ends: bool) -> impl Future<Output = ()> + Send {
    let kept = PanicsWhenDropped;
    std::future::poll_fn(move |_| {
        let _kept = &kept;
        if ends { Poll::Ready(()) } else { Poll::Pending }
    })
}

/// After its end, at its deadline, and at the end of the pool.
#[tokio::test(start_paused = true)]
async fn a_drop_that_panics_is_told_and_counted() {
    for (ends, deadline) in [(true, None), (false, deadline(SECOND)), (false, None)] {
        let pool = pool(1, 10);
        let bad = pool.submit("bad", deadline, move || job(ends)).expect("there is room");
        settle().await;
        let _cut = pool.drain(Deadline::after(5 * SECOND, now())).await;
        let error = bad.await.expect_err("it panicked");
        assert!(matches!(error, Error::Panicked(_)), "{error:?}");
        let seen = snapshot(&pool);
        assert_eq!((seen.panicked, seen.done, seen.late, seen.cancelled), (1, 0, 0, 0));
        check_idle(&pool);
    }
}

/// What was submitted is dropped without having been called.
#[tokio::test(start_paused = true)]
async fn a_drop_that_panics_in_the_queue_is_counted() {
    let pool = pool(1, 10);
    let holding = pool.submit("holding", None, std::future::pending::<()>);
    let kept = PanicsWhenDropped;
    let work = move || {
        let _kept = kept;
        std::future::pending::<()>()
    };
    drop(pool.submit("bad", None, work));
    settle().await;
    assert_eq!((snapshot(&pool).panicked, snapshot(&pool).live), (1, 1));
    drop(holding);
    settle().await;
    check_idle(&pool);
}
