//! Jobs on a pool beside free tasks: what ten thousand of them hold while they wait, and what one costs.

use std::hint::black_box;
use std::sync::Arc;

use nines_resilience::pool::{Config, Job, Pool};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::contender::{Contender, Group};
use super::{Options, memory};

const JOBS: usize = 10_000;
/// What a job keeps while it waits for somebody else: a buffer of a page.
const BUFFER: usize = 4096;

pub(super) fn groups(options: &Options) -> Vec<Group> {
    let name = "10,000 jobs of 4 KiB, 8 workers";
    if !name.contains(&options.only) {
        return Vec::new();
    }
    let contenders = vec![
        Contender::new("nines", |calls| {
            let runtime = runtime();
            let pool = pool();
            runtime.block_on(async {
                for _ in 0..calls {
                    pool.submit("job", None, || async {})
                        .expect("there is room")
                        .await
                        .expect("it ends");
                }
            });
        })
        .holding(memory::held(pooled).1),
        Contender::new("tokio::spawn, unbounded", |calls| {
            runtime().block_on(async {
                for _ in 0..calls {
                    spawn(async {}).await.expect("it ends");
                }
            });
        })
        .holding(memory::held(free).1),
    ];
    vec![Group { name, contenders }]
}

/// All of them submitted, eight under way.
fn pooled() -> (Runtime, Pool, Vec<Job<u8>>) {
    let (runtime, pool, gate) = (runtime(), pool(), Arc::new(Notify::new()));
    let jobs = runtime.block_on(async {
        let submit = |_| {
            let gate = gate.clone();
            pool.submit("job", None, move || work(gate)).expect("there is room")
        };
        let jobs: Vec<_> = (0..JOBS).map(submit).collect();
        tokio::task::yield_now().await;
        jobs
    });
    (runtime, pool, jobs)
}

/// All of them under way.
fn free() -> (Runtime, Vec<JoinHandle<u8>>) {
    let (runtime, gate) = (runtime(), Arc::new(Notify::new()));
    let tasks = runtime.block_on(async {
        let tasks: Vec<_> = (0..JOBS).map(|_| spawn(work(gate.clone()))).collect();
        tokio::task::yield_now().await;
        tasks
    });
    (runtime, tasks)
}

async fn work(gate: Arc<Notify>) -> u8 {
    let mut buffer = [1; BUFFER];
    black_box(&mut buffer);
    gate.notified().await;
    black_box(&buffer)[7]
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime")
}

fn pool() -> Pool {
    let config = Config {
        workers: 8,
        max_queue: 100_000,
        ..Config::default()
    };
    Pool::new("bench", config, |_name, job| drop(spawn(job))).expect("it is valid")
}

#[expect(clippy::disallowed_methods, reason = "free tasks are what the pool is compared with")]
fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(work)
}
