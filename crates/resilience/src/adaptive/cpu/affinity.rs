//! Which processors the process may run on.

use std::path::Path;

use super::{Error, read};

/// More than any machine has: a range must not be able to fill the memory.
const MOST: usize = 65_536;

/// Their numbers, from the `Cpus_allowed_list` of `/proc/self/status`.
pub(super) fn allowed(status: &Path) -> Result<Vec<usize>, Error> {
    let text = read(status)?;
    let list = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.and_then(|list| parse(list.trim()))
        .ok_or_else(|| Error::malformed(status))
}

/// `0-3,8` and the like (cpuset(7), "List format").
fn parse(list: &str) -> Option<Vec<usize>> {
    let mut all = Vec::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse().ok()?, last.parse::<usize>().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        assert_eq!(parse("0"), Some(vec![0]));
        assert_eq!(parse("0-3,8"), Some(vec![0, 1, 2, 3, 8]));
        for bad in ["", "a", "3-1", "1,", "-1", "0-99999999999", "0-70000"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
