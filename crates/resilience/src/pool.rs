//! A bounded pool for work beside the requests: thumbnails, exports, mails.
//!
//! So many jobs run at a time, so many wait, the earliest deadline first (as in a [`bulkhead`], whose
//! queue it is), and one more is refused at once. Each job has a name and runs in a task of its own, made by the caller's
//! spawner; nothing is spawned behind his back. A job that panics is a typed error to whoever waits for it, and costs
//! nobody else anything. A job whose deadline passes is stopped, and one whose deadline passes in the queue never begins;
//! the deadline is in force inside of it ([`deadline::current`](crate::deadline::current)).
//!
//! The work is given as what makes its future, which happens when its turn comes: a job that waits costs a few hundred
//! bytes, whatever it will need once it runs.
//!
//! Whoever drops a [`Job`] cancels it, in the queue or under way, unless it was [detached](Job::detach). Work that blocks
//! its thread ([`Pool::submit_blocking`]) cannot be stopped once it has begun: it is given up, its place is free once it
//! has ended, and [`Pool::drain`] waits for it.
//!
//! ```
//! use nines_resilience::deadline::Deadline;
//! use nines_resilience::pool::{Config, Pool};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # #[expect(clippy::disallowed_methods)]
//! # let spawn = |_name, job| drop(tokio::spawn(job));
//! // In a service `spawn` is `move |name, job| drop(tasks.spawn(name, job))`.
//! let pool = Pool::new("exports", Config { workers: 4, max_queue: 100, ..Config::default() }, spawn)?;
//! let job = pool.submit("export", None, || async { 6 * 7 })?;
//! assert_eq!(job.await?, 42);
//! # Ok(())
//! # }
//! ```

mod body;
mod caught;
mod count;
mod error;
mod job;
mod present;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use nines_model::Cause;
use tokio::sync::oneshot;

use crate::bulkhead::Bulkhead;
use crate::deadline::Deadline;
use crate::invalid::ensure;
use crate::layer::bulkhead::{Entering, Held};
use crate::layer::{Shared, now};
use crate::{Evidence, Invalid, Measure, Name, Refusal, Refused, bulkhead};

use count::{Counts, Running};
use present::{Present, Roll, Submitted};

pub use error::Error;
pub use job::Job;

/// How many jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How many run at a time, 1 to 100,000; 4 by default.
    pub workers: u32,
    /// How many wait, at most 1,000,000; 100 by default. 0 refuses in place of queueing.
    pub max_queue: u32,
    /// How long one waits, 1 ms to 1 h; 1 min by default. Its deadline counts where it is earlier.
    pub max_wait: Duration,
}

/// A bounded pool. Clones share it.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    slots: Arc<Shared<Arc<Bulkhead>>>,
    spawn: Box<Spawn>,
    roll: Roll,
    running: Running,
    counts: Counts,
}

type Spawn = dyn Fn(&'static str, Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync;

/// A pool as people look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Under way, or about to begin; blocking work that was given up, too, until it ends.
    pub live: u32,
    pub queued: u32,
    /// How many of each name are under way.
    pub names: BTreeMap<&'static str, u32>,
    /// The one that has run for the longest time, and that time.
    pub longest: Option<(&'static str, Duration)>,
    /// Ended by themselves, since the beginning.
    pub done: u64,
    /// While they ran, or while what they kept was dropped.
    pub panicked: u64,
    /// Refused at once, because the queue was full, the deadline over, or the pool closed.
    pub refused: u64,
    /// Stopped at their deadline, or not begun in time.
    pub late: u64,
    /// Dropped by their callers or with their tasks, or cancelled by the end of the pool.
    pub cancelled: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 4,
            max_queue: 100,
            max_wait: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// Refuses what cannot work, by the field's name.
    pub fn validate(&self) -> Result<(), Invalid> {
        let workers = (1..=100_000).contains(&self.workers);
        ensure(workers, "pool.workers", self.workers, "1 to 100000")?;
        let queue = self.max_queue <= 1_000_000;
        ensure(queue, "pool.maxQueue", self.max_queue, "0 to 1000000")?;
        let wait = (Duration::from_millis(1)..=Duration::from_secs(3600)).contains(&self.max_wait);
        ensure(wait, "pool.maxWait", self.max_wait, "1ms to 1h")
    }
}

impl Pool {
    /// An idle pool, whose refusals bear `name`. `spawn` makes a task of each job, which is given its name.
    pub fn new(
        name: impl Into<Name>,
        config: Config,
        spawn: impl Fn(&'static str, Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static,
    ) -> Result<Self, Invalid> {
        config.validate()?;
        let slots = Bulkhead::new(bulkhead::Config {
            max_in_flight: config.workers,
            max_queue: config.max_queue,
            max_wait: config.max_wait,
        })?;
        Ok(Self(Arc::new(Inner {
            slots: Shared::new(name.into(), Arc::new(slots)),
            spawn: Box::new(spawn),
            roll: Roll::new(),
            running: Running::default(),
            counts: Counts::default(),
        })))
    }

    /// Begins the work, or puts it into the queue. Needs a tokio runtime with its timers on.
    pub fn submit<F>(
        &self,
        name: &'static str,
        deadline: Option<Deadline>,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Job<F::Output>, Refusal>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.start(name, deadline, |live| body::run(live, work))
    }

    /// The same for work that blocks its thread; it runs on tokio's threads for such, where its deadline is in force, too.
    pub fn submit_blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        deadline: Option<Deadline>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Job<T>, Refusal> {
        self.start(name, deadline, |live| body::run_blocking(live, work))
    }

    /// Takes no more jobs. Those that are there go on.
    pub fn close(&self) {
        self.0.roll.close();
    }

    /// Takes no more jobs, waits for those that are there, and cancels at the deadline what is left then. Tells which were
    /// under way then, by their names; blocking work that was given up is among them as long as it runs. It may be called
    /// again, and at the same time, and each tells what it found at its own deadline. Dropped before, it has closed the pool
    /// and cancelled nothing. Needs tokio's timers.
    pub async fn drain(&self, deadline: Deadline) -> BTreeMap<&'static str, u32> {
        self.close();
        let idle = self.0.roll.idle();
        if tokio::time::timeout_at(deadline.instant().into(), idle).await.is_ok() {
            return BTreeMap::new();
        }
        let cut = self.0.running.names();
        self.0.roll.cancel();
        cut
    }

    /// What it does and has done.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let slots = self.0.slots.core.snapshot();
        let counts = &self.0.counts;
        Snapshot {
            live: slots.in_flight,
            queued: slots.queued,
            names: self.0.running.names(),
            longest: self.0.running.longest(now),
            done: counts.done.get(),
            panicked: counts.panicked.get(),
            refused: counts.refused.get(),
            late: counts.late.get(),
            cancelled: counts.cancelled.get(),
        }
    }

    fn start<F, T>(
        &self,
        name: &'static str,
        deadline: Option<Deadline>,
        work: impl FnOnce(count::Live) -> F + Send + 'static,
    ) -> Result<Job<T>, Refusal>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        let present = Present::of(&self.0).ok_or_else(|| self.refuse(closed()))?;
        let place = self.0.admit(deadline).inspect_err(|_| self.0.counts.refused.add())?;
        let (answer, answered) = oneshot::channel();
        let (keep, kept) = oneshot::channel();
        let term = body::Term { name, deadline, place };
        let body = body::body(Submitted::new(present), term, work, answer, kept);
        (self.0.spawn)(name, Box::pin(body));
        Ok(Job::new(answered, keep))
    }

    fn refuse(&self, refused: Refused) -> Refusal {
        self.0.counts.refused.add();
        self.0.slots.refusal(refused)
    }
}

/// A place among the workers, or one in the queue.
enum Place {
    In(Held),
    Queued(Pin<Box<Entering>>),
}

impl Inner {
    /// Looks into the queue once, so that whoever finds no place there hears it at once.
    fn admit(&self, deadline: Option<Deadline>) -> Result<Place, Refusal> {
        self.in_time(deadline)?;
        let mut entering = Box::pin(Entering::new(self.slots.clone(), deadline.map(Deadline::instant)));
        match entering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(entered) => entered.map(Place::In),
            Poll::Pending => Ok(Place::Queued(entering)),
        }
    }

    /// Refuses what has no time left to begin.
    fn in_time(&self, deadline: Option<Deadline>) -> Result<(), Refusal> {
        let checked = deadline.map_or(Ok(()), |deadline| deadline.check(Duration::ZERO, now()));
        checked.map_err(|refused| self.slots.refusal(refused))
    }
}

fn closed() -> Refused {
    Refused {
        cause: Cause::Draining,
        evidence: Evidence {
            measure: Measure::Queue,
            value: 0.0,
            bound: 0.0,
            calls: 0,
        },
        retry_after: None,
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.0.slots.name)
            .field("slots", &self.0.slots.core.snapshot())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
