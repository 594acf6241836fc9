//! Quotas of control groups of version 2 (the kernel's `admin-guide/cgroup-v2`, "CPU Interface Files").

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Error, read};

/// A quota, and where to read what was used of it.
#[derive(Debug)]
pub(super) struct Quota {
    /// Processors' worth of time.
    pub(super) cpus: f64,
    stat: PathBuf,
}

/// The tightest quota of the process's group and those above it; `None` if none has one, or on version 1.
pub(super) fn tightest(root: &Path) -> Result<Option<Quota>, Error> {
    let membership = root.join("proc/self/cgroup");
    let text = match fs::read_to_string(&membership) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let path = membership;
            return Err(Error::Unreadable { path, source });
        }
    };
    let Some(group) = text.lines().find_map(|line| line.strip_prefix("0::/")) else {
        return Ok(None);
    };
    let mount = root.join("sys/fs/cgroup");
    let own = mount.join(group);
    let mut tightest: Option<Quota> = None;
    for folder in own.ancestors().take_while(|folder| folder.starts_with(&mount)) {
        let Some(cpus) = quota(&folder.join("cpu.max"))? else {
            continue;
        };
        if tightest.as_ref().is_none_or(|tightest| cpus < tightest.cpus) {
            let stat = folder.join("cpu.stat");
            tightest = Some(Quota { cpus, stat });
        }
    }
    Ok(tightest)
}

/// The processor time that the group has used.
pub(super) fn used(quota: &Quota) -> Result<Duration, Error> {
    let text = read(&quota.stat)?;
    let usage = text.lines().find_map(|line| line.strip_prefix("usage_usec "));
    let micros = usage.and_then(|usage| usage.trim().parse().ok());
    let micros = micros.ok_or_else(|| Error::malformed(&quota.stat))?;
    Ok(Duration::from_micros(micros))
}

/// Of a group without a quota, or without the file: the root, or one whose cpu controller is off.
fn quota(file: &Path) -> Result<Option<f64>, Error> {
    match fs::read_to_string(file) {
        Ok(text) => parse(text.trim()).ok_or_else(|| Error::malformed(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Unreadable {
            path: file.to_owned(),
            source,
        }),
    }
}

/// `max 100000` or `50000 100000`: microseconds in each period of so many.
fn parse(text: &str) -> Option<Option<f64>> {
    let (quota, period) = text.split_once(' ')?;
    let period: u32 = period.parse().ok().filter(|period| *period > 0)?;
    if quota == "max" {
        return Some(None);
    }
    let quota: u64 = quota.parse().ok().filter(|quota| *quota > 0)?;
    Some(Some(quota as f64 / f64::from(period)))
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn quotas() {
        assert_eq!(parse("max 100000"), Some(None));
        assert_eq!(parse("50000 100000"), Some(Some(0.5)));
        assert_eq!(parse("1600000 100000"), Some(Some(16.0)));
        for bad in ["", "max", "50000", "0 100000", "50000 0", "-1 100000", "a b"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
