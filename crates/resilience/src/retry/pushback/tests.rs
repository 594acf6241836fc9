use proptest::prelude::*;

use super::*;

/// 06 Nov 1994 08:49:37 GMT, RFC 9110's example.
fn wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
}

#[test]
fn seconds_and_the_three_forms_of_a_date() {
    let cases: [(&str, u64); 10] = [
        ("0", 0),
        ("120", 120),
        ("007", 7),
        ("18446744073709551615", u64::MAX),
        ("99999999999999999999999999", u64::MAX),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
        ("Sun Nov  6 08:50:37 1994", 60),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ];
    for (value, seconds) in cases {
        assert_eq!(
            retry_after(value.as_bytes(), wall()),
            Ok(Duration::from_secs(seconds)),
            "{value}"
        );
    }
}

#[test]
fn all_else_is_refused() {
    let cases = [
        "",
        " ",
        "-1",
        "+1",
        "1.5",
        "1s",
        " 1",
        "1 ",
        "0x10",
        "soon",
        "१२",
        "Mon, 06 Nov 1994 08:50:37 GMT",
        "Sun, 31 Feb 1994 08:50:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:50:37 UTC",
        "Sun, 06 Nov 1994 08:50:37 +0000",
        "Sun, 06 Nov 1994 08:50:37 GMT ",
        "Sun, 06 Nov 0094 08:50:37 GMT",
        "1994-11-06T08:50:37Z",
    ];
    for value in cases {
        assert!(retry_after(value.as_bytes(), wall()).is_err(), "{value:?}");
    }
    let error = retry_after(b"soon", wall()).expect_err("it is refused");
    assert_eq!(
        error.to_string(),
        "retry-after is `soon`, but must be seconds as digits or an HTTP date (RFC 9110 section 10.2.3)"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_a_wait_or_an_error(value: Vec<u8>) {
        let _read = retry_after(&value, wall());
    }

    #[test]
    fn dates_count_from_the_wall(seconds in 0u64..100_000_000) {
        let text = httpdate::fmt_http_date(wall() + Duration::from_secs(seconds));
        prop_assert_eq!(retry_after(text.as_bytes(), wall()), Ok(Duration::from_secs(seconds)));
    }
}
