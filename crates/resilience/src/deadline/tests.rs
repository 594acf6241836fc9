use std::time::SystemTime;

use http::{HeaderMap, HeaderValue};
use nines_base::Clock;
use proptest::prelude::*;

use super::*;

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn start() -> Instant {
    Clock::manual().0.now()
}

#[test]
fn what_is_spent_is_subtracted() {
    let now = start();
    let deadline = Deadline::after(SECOND, now);
    assert_eq!(deadline.remaining(now + 300 * MILLI), Some(700 * MILLI));
    assert_eq!(deadline.remaining(now + SECOND), None);
    assert!(deadline.is_over(now + SECOND) && !deadline.is_over(now + 999 * MILLI));
    assert_eq!(deadline.less(200 * MILLI).remaining(now), Some(800 * MILLI));
    assert_eq!(deadline.less(2 * SECOND).remaining(now), None);
    assert_eq!(deadline.earlier(Deadline::at(now)), Deadline::at(now));
    let before = now.checked_sub(SECOND).expect("a machine that is up for a second");
    assert_eq!(
        deadline.remaining(before),
        Some(2 * SECOND),
        "a clock that stepped back"
    );
}

#[test]
fn extremes_stay_points_in_time() {
    let now = start();
    assert!(Deadline::after(Duration::ZERO, now).is_over(now));
    let year = 365 * 24 * 3600 * SECOND;
    assert_eq!(Deadline::after(Duration::MAX, now).remaining(now), Some(year));
    assert!(Deadline::at(now).less(Duration::MAX).is_over(now));
}

#[test]
fn a_check_tells_what_is_left_and_needed() {
    let now = start();
    let deadline = Deadline::after(SECOND, now);
    assert_eq!(deadline.check(SECOND, now), Ok(()));
    assert_eq!(deadline.check(Duration::ZERO, now + 999 * MILLI), Ok(()));
    let refused = deadline
        .check(500 * MILLI, now + 750 * MILLI)
        .expect_err("it is too late");
    assert_eq!(refused.to_string(), "deadline_exceeded: deadline=0.25 bound=0.5");
    let over = deadline.check(Duration::ZERO, now + SECOND).expect_err("it is over");
    assert_eq!(over.evidence.value, 0.0);
}

#[test]
fn extensions_keep_the_earlier_one() {
    let now = start();
    let mut extensions = Extensions::new();
    assert_eq!(Deadline::of(&extensions), None);
    let (late, early) = (Deadline::after(SECOND, now), Deadline::after(MILLI, now));
    late.put(&mut extensions);
    early.put(&mut extensions);
    late.put(&mut extensions);
    assert_eq!(Deadline::of(&extensions), Some(early));
}

#[test]
fn the_headers_values() {
    let now = start();
    let check = |left: Duration, millis: &str, grpc: &str| {
        let deadline = Deadline::after(left, now);
        assert_eq!(deadline.to_timeout_ms(now), millis, "{left:?}");
        assert_eq!(deadline.to_grpc_timeout(now), grpc, "{left:?}");
    };
    check(Duration::ZERO, "0", "0n");
    check(Duration::from_nanos(1), "0", "1n");
    check(Duration::from_nanos(99_999_999), "99", "99999999n");
    check(Duration::from_nanos(100_000_999), "100", "100000u");
    check(15 * SECOND, "15000", "15000000u");
    check(100 * SECOND, "100000", "100000m");
    check(Duration::from_secs(100_000), "100000000", "100000S");
    check(Duration::MAX, "9999999999", "31536000S");
    assert_eq!(Deadline::at(now).to_grpc_timeout(now + SECOND), "0n");
}

#[test]
fn headers_are_read_strictly() {
    let now = start();
    let left =
        |read: Result<Deadline, BadDeadline>| read.ok().map(|deadline| deadline.remaining(now).unwrap_or_default());
    let millis = |value: &[u8]| left(Deadline::from_timeout_ms(value, now));
    let grpc = |value: &[u8]| left(Deadline::from_grpc_timeout(value, now));
    assert_eq!(millis(b"250"), Some(250 * MILLI));
    assert_eq!(millis(b"0"), Some(Duration::ZERO));
    assert_eq!(millis(b"0000000001"), Some(MILLI));
    assert_eq!(millis(b"9999999999"), Some(Duration::from_millis(9_999_999_999)));
    for bad in [
        &b""[..],
        b"-1",
        b"+1",
        b"1.5",
        b"1e3",
        b" 1",
        b"1 ",
        b"1ms",
        b"00000000001",
        b"1,2",
        b"\xff",
        b"1\0",
    ] {
        assert_eq!(millis(bad), None, "{bad:?}");
    }
    assert_eq!(grpc(b"1H"), Some(3600 * SECOND));
    assert_eq!(grpc(b"2M"), Some(120 * SECOND));
    assert_eq!(grpc(b"3S"), Some(3 * SECOND));
    assert_eq!(grpc(b"4m"), Some(4 * MILLI));
    assert_eq!(grpc(b"5u"), Some(Duration::from_micros(5)));
    assert_eq!(grpc(b"6n"), Some(Duration::from_nanos(6)));
    assert_eq!(grpc(b"0n"), Some(Duration::ZERO));
    assert_eq!(grpc(b"99999999H"), Some(LONGEST), "eleven thousand years are a year");
    for bad in [
        &b""[..],
        b"S",
        b"5",
        b"5s",
        b"5h",
        b"123456789S",
        b"-1S",
        b"+1S",
        b"1.5S",
        b" 1S",
        b"1S ",
        b"1 S",
        b"1SS",
        b"\xc2\xb5",
    ] {
        assert_eq!(grpc(bad), None, "{bad:?}");
    }
}

#[test]
fn of_both_headers_the_earlier_counts_and_none_may_come_twice() {
    let now = start();
    let read = |pairs: &[(&'static str, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Deadline::from_headers(&headers, now)
    };
    let deadline = |left| Ok(Some(Deadline::after(left, now)));
    assert_eq!(read(&[]), Ok(None));
    assert_eq!(read(&[("x-nines-timeout-ms", "20")]), deadline(20 * MILLI));
    assert_eq!(
        read(&[("grpc-timeout", "10m"), ("x-nines-timeout-ms", "20")]),
        deadline(10 * MILLI)
    );
    assert_eq!(
        read(&[("grpc-timeout", "30m"), ("x-nines-timeout-ms", "20")]),
        deadline(20 * MILLI)
    );
    let twice = read(&[("grpc-timeout", "1S"), ("grpc-timeout", "1S")]).expect_err("it is refused");
    assert_eq!(twice.to_string(), "grpc-timeout is there more than once");
    let bad = read(&[("grpc-timeout", "1S"), ("x-nines-timeout-ms", "soon")]).expect_err("it is refused");
    assert_eq!(
        bad.to_string(),
        "x-nines-timeout-ms is `soon`, but must be milliseconds as 1 to 10 digits"
    );
}

#[test]
fn databases_are_never_told_of_no_limit() {
    let now = start();
    let check =
        |left: Duration, millis| assert_eq!(Deadline::after(left, now).statement_timeout_ms(now), millis, "{left:?}");
    check(Duration::ZERO, None);
    check(Duration::from_nanos(1), Some(1));
    check(Duration::from_micros(2999), Some(2));
    check(Duration::MAX, Some(i32::MAX as u32));
}

#[test]
fn a_message_expires_in_wall_time() {
    let (now, wall) = (start(), SystemTime::UNIX_EPOCH + 1000 * SECOND);
    let expiry = Deadline::after(5 * SECOND, now).message_expiry(now + SECOND, wall);
    assert_eq!(expiry, wall + 4 * SECOND);
    let read = Deadline::from_message_expiry(expiry, now, wall + 3 * SECOND);
    assert_eq!(read.remaining(now), Some(SECOND));
    assert!(Deadline::from_message_expiry(expiry, now, wall + 10 * SECOND).is_over(now));
    assert_eq!(Deadline::at(now).message_expiry(now, wall), wall);
}

#[tokio::test(start_paused = true)]
async fn the_earliest_of_nested_scopes_is_in_force() {
    let now = tokio::time::Instant::now().into_std();
    let (early, late) = (Deadline::after(SECOND, now), Deadline::after(5 * SECOND, now));
    assert_eq!(current(), None);
    scope(early, async {
        assert_eq!(current(), Some(early));
        scope(late, async { assert_eq!(current(), Some(early)) }).await;
    })
    .await;
    scope(late, async {
        scope(early, async { assert_eq!(current(), Some(early)) }).await;
        assert_eq!(current(), Some(late));
    })
    .await;
    assert_eq!(current(), None);
}

#[tokio::test(start_paused = true)]
async fn work_within_a_deadline_is_dropped_when_it_passes() {
    let start = tokio::time::Instant::now();
    let deadline = Deadline::after(SECOND, start.into_std());
    assert_eq!(within(deadline, async { current() }).await, Ok(Some(deadline)));
    assert_eq!(within(deadline, std::future::pending::<()>()).await, Err(Over));
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(
        within(deadline, async { 7 }).await,
        Ok(7),
        "what is ready at once is taken"
    );
    let inner = scope(
        deadline,
        within(
            Deadline::after(60 * SECOND, start.into_std()),
            std::future::pending::<()>(),
        ),
    );
    assert_eq!(inner.await, Err(Over), "the outer deadline holds within");
    assert_eq!(start.elapsed(), SECOND);
}

proptest! {
    #[test]
    fn what_travels_is_never_more_than_is_left(nanos in 0u64..=u64::MAX) {
        let now = start();
        let left = Duration::from_nanos(nanos).min(LONGEST);
        let deadline = Deadline::after(left, now);
        let millis = Deadline::from_timeout_ms(deadline.to_timeout_ms(now).as_bytes(), now);
        let millis = millis.expect("our own value is read").remaining(now).unwrap_or_default();
        let told = left.min(Duration::from_millis(9_999_999_999));
        prop_assert!(millis <= told && told - millis < MILLI);
        let grpc = Deadline::from_grpc_timeout(deadline.to_grpc_timeout(now).as_bytes(), now);
        let grpc = grpc.expect("our own value is read").remaining(now).unwrap_or_default();
        prop_assert!(grpc <= left && (left - grpc).as_nanos() * 99_999 <= left.as_nanos());
    }

    #[test]
    fn hostile_values_are_errors(value: Vec<u8>) {
        let now = start();
        let digits = |value: &[u8], most: usize| {
            (1..=most).contains(&value.len()) && value.iter().all(u8::is_ascii_digit)
        };
        prop_assert_eq!(Deadline::from_timeout_ms(&value, now).is_ok(), digits(&value, 10));
        let grpc = value.split_last().is_some_and(|(unit, rest)| b"HMSmun".contains(unit) && digits(rest, 8));
        prop_assert_eq!(Deadline::from_grpc_timeout(&value, now).is_ok(), grpc);
    }

    #[test]
    fn digits_and_a_letter_are_read_by_the_rule(value in "[0-9]{0,12}[HMSmunhsx]?") {
        let now = start();
        let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len();
        let ms = (1..=10).contains(&digits) && digits == value.len();
        prop_assert_eq!(Deadline::from_timeout_ms(value.as_bytes(), now).is_ok(), ms);
        let grpc = (1..=8).contains(&digits) && value.ends_with(['H', 'M', 'S', 'm', 'u', 'n']);
        prop_assert_eq!(Deadline::from_grpc_timeout(value.as_bytes(), now).is_ok(), grpc);
    }
}
