//! What a request carries from hop to hop: its id, its trace and its deadline, kept beside the task that serves it.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use nines_base::Rng;
use tokio::time::Instant;

pub(crate) const TIMEOUT: HeaderName = HeaderName::from_static("x-nines-timeout-ms");
pub(crate) const CAUSE: HeaderName = HeaderName::from_static("x-nines-cause");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// A longer timeout is no timeout; it also keeps the arithmetic of deadlines safe.
const MAX_TIMEOUT_MS: u64 = 24 * 3600 * 1000;

tokio::task_local! {
    static CURRENT: Call;
}

/// One request on its way through the system.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) request_id: HeaderValue,
    pub(crate) trace_id: u128,
    /// Whether the caller has the trace recorded.
    flags: u8,
    tracestate: Option<HeaderValue>,
    pub(crate) deadline: Option<Instant>,
}

impl Call {
    /// What the headers say; what they do not say is made up.
    pub(crate) fn read(headers: &HeaderMap, now: Instant) -> Self {
        let mut rng = Rng::from_entropy();
        let parent = headers
            .get(TRACEPARENT)
            .and_then(|value| parse_traceparent(value.to_str().ok()?));
        let (trace_id, flags) = parent.unwrap_or_else(|| (wide(&mut rng), 0));
        let request_id = headers
            .get(REQUEST_ID)
            .filter(|id| (1..=128).contains(&id.len()))
            .cloned();
        Self {
            request_id: request_id.unwrap_or_else(|| hex(&format!("{:032x}", wide(&mut rng)))),
            trace_id,
            flags,
            tracestate: parent.and_then(|_| headers.get(TRACESTATE).cloned()),
            deadline: timeout(headers).map(|timeout| now + timeout),
        }
    }

    /// The call that the current task serves.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs a future as part of the call.
    pub(crate) async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The headers for the next hop, whose span is a new one of the same trace (W3C Trace Context, section 3).
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let span = Rng::from_entropy().next_u64() | 1;
        let parent = format!("00-{:032x}-{span:016x}-{:02x}", self.trace_id, self.flags);
        headers.insert(TRACEPARENT, hex(&parent));
        headers.insert(REQUEST_ID, self.request_id.clone());
        if let Some(state) = &self.tracestate {
            headers.insert(TRACESTATE, state.clone());
        }
    }
}

/// The text is hexadecimal digits and dashes.
fn hex(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits and dashes are a header value")
}

/// Not zero, which is no trace id.
fn wide(rng: &mut Rng) -> u128 {
    (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()) | 1
}

fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT)?.to_str().ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let millis: u64 = if digits { text.parse().ok()? } else { return None };
    Some(Duration::from_millis(millis.min(MAX_TIMEOUT_MS)))
}

/// `00-<32 hex>-<16 hex>-<2 hex>` in lower case, ids not zero; later versions may go on after a dash.
fn parse_traceparent(text: &str) -> Option<(u128, u8)> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let shape = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    if !shape || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
    u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
    Some((trace_id, u8::from_str_radix(flags, 16).ok()? & 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_strictly() {
        assert_eq!(
            parse_traceparent(GOOD),
            Some((0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 1))
        );
        assert!(parse_traceparent(&GOOD.replacen("00-", "cc-", 1)).is_some());
        let zero_trace = format!("00-{}-b7ad6b7169203331-01", "0".repeat(32));
        let more = format!("{GOOD}-x");
        let upper = GOOD.to_uppercase();
        for bad in [
            "",
            "00",
            &GOOD[..54],
            &GOOD.replacen("00-", "ff-", 1),
            &zero_trace,
            &more,
            &upper,
        ] {
            assert_eq!(parse_traceparent(bad), None, "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_goes_on_with_its_trace() {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(GOOD));
        headers.insert(REQUEST_ID, HeaderValue::from_static("r1"));
        headers.insert(TIMEOUT, HeaderValue::from_static("250"));
        let now = Instant::now();
        let call = Call::read(&headers, now);
        assert_eq!(call.deadline, Some(now + Duration::from_millis(250)));
        let mut next = HeaderMap::new();
        call.write(&mut next);
        assert_eq!(next[REQUEST_ID], "r1");
        let parent = next[TRACEPARENT].to_str().unwrap();
        assert!(parent.starts_with(&GOOD[..36]) && parent != GOOD, "{parent}");
    }

    #[tokio::test]
    async fn what_is_no_timeout_is_none() {
        for (text, expected) in [
            ("10", Some(10)),
            ("0", Some(0)),
            ("-1", None),
            ("+1", None),
            ("1s", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT, HeaderValue::from_static(text));
            assert_eq!(timeout(&headers), expected.map(Duration::from_millis), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_traceparent_panics(text in "\\PC*") {
            parse_traceparent(&text);
        }
    }
}
