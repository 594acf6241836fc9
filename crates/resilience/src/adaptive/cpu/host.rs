//! The processors' times since the system started.

/// Busy and all time, in ticks, of the processors of these numbers in `/proc/stat` (proc_stat(5)). Numbers that are not
/// there, as of a processor that is off, count nothing; `None` if none is there or a line is not what it should be.
pub(super) fn times(stat: &str, allowed: &[usize]) -> Option<(u64, u64)> {
    let mut sum = None;
    for line in stat.lines() {
        let Some((number, rest)) = line.strip_prefix("cpu").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        // The sum of all has no number.
        let Ok(number) = number.parse() else { continue };
        if allowed.contains(&number) {
            let (busy, total) = of_line(rest)?;
            let (all_busy, all) = sum.unwrap_or((0, 0));
            sum = Some((all_busy + busy, all + total));
        }
    }
    sum
}

/// user, nice, system, idle, iowait, irq, softirq, steal; what guests ran is in user and nice already.
fn of_line(line: &str) -> Option<(u64, u64)> {
    let fields: Option<Vec<u64>> = line
        .split_whitespace()
        .take(8)
        .map(|field| field.parse().ok())
        .collect();
    let fields = fields.filter(|fields| fields.len() >= 4)?;
    let total: u64 = fields.iter().sum();
    let idle = fields[3] + fields.get(4).copied().unwrap_or(0);
    Some((total - idle, total))
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    const STAT: &str =
        "cpu  40 4 8 400 4 4 4 4 9 9\ncpu0 10 1 2 100 1 1 1 1 0 0\ncpu1 30 3 6 300 3 3 3 3 9 9\nintr 5 5\n";

    #[test]
    fn those_that_are_allowed_count() {
        assert_eq!(times(STAT, &[0]), Some((16, 117)));
        assert_eq!(times(STAT, &[0, 1]), Some((16 + 48, 117 + 351)));
        assert_eq!(times(STAT, &[1, 7]), Some((48, 351)), "one that is off");
        // Linux 2.4 knew four.
        assert_eq!(times("cpu0 1 2 3 4", &[0]), Some((6, 10)));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for (stat, allowed) in [
            ("", 0),
            ("cpu0 1 2 x 4", 0),
            ("cpu0 1 2 3", 0),
            (STAT, 9),
            ("cpu0 -1 2 3 4", 0),
        ] {
            assert_eq!(times(stat, &[allowed]), None, "{stat}");
        }
    }
}
