//! How busy the processors are that this process may use.
//!
//! Two things can be short, and the shorter one counts: the quota of the process's cgroups (version 2: `cpu.max` of its own
//! and of every one above, against `cpu.stat` of the one with the tightest quota), and the processors that it may run on
//! (`/proc/stat`, those of its affinity). So the load is right in a container with half a processor on an idle machine of
//! 64, and on a busy machine beside neighbours (go-kratos/aegis#18 and #50: a limiter that never fired under version 2).
//! Quotas of cgroups of version 1 are not read. What a hypervisor took away counts as busy.
//!
//! Samples are smoothed with a time constant of one second. (go-zero smooths over five seconds and aegis over ten, by when
//! a queue has long been built.)

mod affinity;
mod cgroup;
mod error;
mod feeder;
mod host;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use error::Error;
pub use feeder::Feeder;

use cgroup::Quota;

/// How often to call [`Meter::sample`], as go-zero does.
pub const INTERVAL: Duration = Duration::from_millis(250);
const SMOOTHED_OVER: Duration = Duration::from_secs(1);
/// Counters of the system move in ticks of 10 ms: a shorter time says too little.
const SHORTEST: Duration = Duration::from_millis(50);

/// Measures the load of the processors.
#[derive(Debug)]
pub struct Meter {
    stat: PathBuf,
    allowed: Vec<usize>,
    quota: Option<Quota>,
    last: Counters,
    load: Option<f64>,
}

/// What was counted until a time.
#[derive(Debug, Clone, Copy)]
struct Counters {
    at: Instant,
    busy: u64,
    total: u64,
    /// Processor time of the cgroup with the quota.
    used: Duration,
}

impl Meter {
    /// A meter of this process. Its quota and affinity are read once.
    pub fn new(now: Instant) -> Result<Self, Error> {
        Self::under(Path::new("/"), now)
    }

    /// The same for the system's files under another root.
    pub fn under(root: &Path, now: Instant) -> Result<Self, Error> {
        let stat = root.join("proc/stat");
        let allowed = affinity::allowed(&root.join("proc/self/status"))?;
        let quota = cgroup::tightest(root)?;
        let last = count(&stat, &allowed, quota.as_ref(), now)?;
        Ok(Self {
            stat,
            allowed,
            quota,
            last,
            load: None,
        })
    }

    /// The load since some time ago, in `[0, 1]`: 1 is all that the process may use. Call it every [`INTERVAL`]. `None`
    /// until enough time has passed once.
    pub fn sample(&mut self, now: Instant) -> Result<Option<f64>, Error> {
        let elapsed = now.saturating_duration_since(self.last.at);
        if elapsed < SHORTEST {
            return Ok(self.load);
        }
        let counters = count(&self.stat, &self.allowed, self.quota.as_ref(), now)?;
        let cpus = self.quota.as_ref().map(|quota| quota.cpus);
        let fresh = load(&self.last, &counters, cpus);
        self.last = counters;
        if let Some(fresh) = fresh {
            let kept = (-elapsed.as_secs_f64() / SMOOTHED_OVER.as_secs_f64()).exp();
            let smoothed = self.load.map_or(fresh, |load| load * kept + fresh * (1.0 - kept));
            self.load = Some(smoothed);
        }
        Ok(self.load)
    }

    /// How many processors' time the process may use by its quota; `None` without one.
    pub fn quota(&self) -> Option<f64> {
        self.quota.as_ref().map(|quota| quota.cpus)
    }
}

fn count(stat: &Path, allowed: &[usize], quota: Option<&Quota>, now: Instant) -> Result<Counters, Error> {
    let (busy, total) = host::times(&read(stat)?, allowed).ok_or_else(|| Error::malformed(stat))?;
    let used = quota.map(cgroup::used).transpose()?.unwrap_or_default();
    Ok(Counters {
        at: now,
        busy,
        total,
        used,
    })
}

/// The larger one of both; `None` if a counter stepped back, as when a processor was taken away.
fn load(before: &Counters, after: &Counters, cpus: Option<f64>) -> Option<f64> {
    let (busy, total) = (
        after.busy.checked_sub(before.busy)?,
        after.total.checked_sub(before.total)?,
    );
    let host = (total > 0).then(|| busy as f64 / total as f64);
    let used = after.used.checked_sub(before.used)?;
    let elapsed = after.at.saturating_duration_since(before.at);
    let quota = cpus.map(|cpus| used.as_secs_f64() / (elapsed.as_secs_f64() * cpus));
    let larger = [host, quota].into_iter().flatten().reduce(f64::max);
    larger.map(|load| load.clamp(0.0, 1.0))
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        source,
    })
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
