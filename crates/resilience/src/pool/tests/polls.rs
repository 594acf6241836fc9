//! How often tasks are polled: nobody is woken for others' sake.

use super::*;

/// A pool and how often the tasks of its jobs were polled.
#[expect(clippy::disallowed_methods, reason = "a pool is given its spawner")]
fn counting(workers: u32, max_queue: u32) -> (Pool, Arc<AtomicU32>) {
    let polls = Arc::new(AtomicU32::new(0));
    let count = polls.clone();
    let config = Config {
        workers,
        max_queue,
        ..Config::default()
    };
    let spawn = move |_name, mut job: Pin<Box<dyn Future<Output = ()> + Send>>| {
        let count = count.clone();
        drop(tokio::spawn(std::future::poll_fn(move |cx| {
            count.fetch_add(1, Ordering::SeqCst);
            job.as_mut().poll(cx)
        })));
    };
    (Pool::new("jobs", config, spawn).expect("a valid pool"), polls)
}

#[tokio::test(start_paused = true)]
async fn a_quiet_job_is_left_alone() {
    let (pool, polls) = counting(2, 10);
    let own = Arc::new(AtomicU32::new(0));
    let count = own.clone();
    let quiet = std::future::poll_fn(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Poll::<()>::Pending
    });
    let _quiet = pool.submit("quiet", None, move || quiet).expect("there is room");
    for _ in 0..100 {
        let other = pool.submit("other", None, || async {}).expect("there is room");
        assert_eq!(other.await, Ok(()));
    }
    assert_eq!((own.load(Ordering::SeqCst), polls.load(Ordering::SeqCst)), (1, 101));
}

/// Once when it joins the queue, once when its turn comes, once when its own work is done.
#[tokio::test(start_paused = true)]
async fn each_job_costs_the_same_however_many_there_are() {
    for jobs in [10, 1000, 8000] {
        let (pool, polls) = counting(4, jobs);
        let submit = |_| pool.submit("job", None, tokio::task::yield_now).expect("there is room");
        let submitted: Vec<_> = (0..jobs).map(submit).collect();
        for job in submitted {
            assert_eq!(job.await, Ok(()));
        }
        let polls = polls.load(Ordering::SeqCst);
        assert!(polls <= 3 * jobs, "{polls} polls for {jobs} jobs");
    }
}
