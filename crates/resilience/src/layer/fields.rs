//! The RateLimit fields of HTTP (draft-ietf-httpapi-ratelimit-headers, revision 10).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Name;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Writes the quota of a policy, what remains of it, and when it is whole again. With several limits on the way of a
/// response each adds its own item.
pub(super) fn write(headers: &mut HeaderMap, policy: &Name, quota: u64, remaining: u64, reset: Option<Duration>) {
    let name = quoted(policy.as_str());
    let reset = reset.map_or(String::new(), |reset| format!(";t={}", whole_seconds(reset)));
    append(headers, RATELIMIT_POLICY, format!("{name};q={quota}"));
    append(headers, RATELIMIT, format!("{name};r={remaining}{reset}"));
}

/// Rounded up: who comes a little late is let through, and who comes early is refused again.
pub(super) fn whole_seconds(after: Duration) -> u64 {
    after.as_secs() + u64::from(after.subsec_nanos() > 0)
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: String) {
    let value = HeaderValue::try_from(value).expect("a quoted name and digits are a header value");
    headers.append(name, value);
}

/// A String of Structured Fields (RFC 9651 section 3.3.3); what it cannot hold is replaced.
fn quoted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    out.push('"');
    for c in name.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.push('?'),
        }
    }
    out.push('"');
    out
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;

    #[test]
    fn each_limit_adds_its_quota_and_its_state() {
        let mut headers = HeaderMap::new();
        write(
            &mut headers,
            &"shop/orders".into(),
            100,
            7,
            Some(Duration::from_millis(1500)),
        );
        write(&mut headers, &"a\"b\\c\r\né".into(), 5, 0, None);
        let all = |name: HeaderName| {
            let values = headers.get_all(name).iter();
            values
                .map(|value| value.to_str().expect("ASCII").to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(all(RATELIMIT_POLICY), [r#""shop/orders";q=100"#, r#""a\"b\\c???";q=5"#]);
        assert_eq!(all(RATELIMIT), [r#""shop/orders";r=7;t=2"#, r#""a\"b\\c???";r=0"#]);
    }
}
