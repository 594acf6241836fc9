//! Dates as HTTP and logs write them.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

struct Civil {
    year: u64,
    month: u64,
    day: u64,
    weekday: u64,
    hour: u64,
    minute: u64,
    second: u64,
    millis: u32,
}

/// RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http(time: SystemTime) -> String {
    let t = civil(time);
    let (day, month) = (DAYS[t.weekday as usize], MONTHS[t.month as usize - 1]);
    format!(
        "{day}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
        t.day, t.year, t.hour, t.minute, t.second
    )
}

/// RFC 3339 in UTC with milliseconds: `1994-11-06T08:49:37.000Z`.
pub(crate) fn rfc3339(time: SystemTime, out: &mut String) {
    let t = civil(time);
    let written = write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        t.year, t.month, t.day, t.hour, t.minute, t.second, t.millis
    );
    debug_assert!(written.is_ok(), "a String takes every write");
}

/// "chrono-Compatible Low-Level Date Algorithms", H. Hinnant: days since 1970-01-01 to year, month and day.
fn civil(time: SystemTime) -> Civil {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (days, rest) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    Civil {
        year: year_of_era + era * 400 + u64::from(month <= 2),
        month,
        day: day_of_year - (153 * shifted + 2) / 5 + 1,
        weekday: days % 7,
        hour: rest / 3600,
        minute: rest / 60 % 60,
        second: rest % 60,
        millis: since.subsec_millis(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (secs, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        ] {
            assert_eq!(http(SystemTime::UNIX_EPOCH + Duration::from_secs(secs)), text);
        }
        let mut text = String::new();
        rfc3339(
            SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_042),
            &mut text,
        );
        assert_eq!(text, "1994-11-06T08:49:37.042Z");
    }
}
