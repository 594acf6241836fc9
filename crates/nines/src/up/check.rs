//! `nines up --check`: sends the stack's requests through its gateway and says what came back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Method};

use super::board::Board;
use super::plan::Plan;
use super::stack::CheckSpec;
use super::{Error, gateway};

/// What one request got.
struct Seen {
    status: u16,
    cause: Option<String>,
    body: String,
    took: Duration,
}

/// Runs every check; each prints one line.
pub(crate) async fn run(plan: &Plan, board: &Board) -> Result<(), Error> {
    let addresses = gateway::addresses(plan.admin).await?;
    let Some(gateway) = addresses.first() else {
        return Err(Error::Other(anyhow::anyhow!(
            "the gateway has no listener; give the stack a Gateway resource"
        )));
    };
    let http = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none());
    let http = http.build().map_err(anyhow::Error::from)?;
    board.say(&format!("\nchecks through the gateway at http://{gateway}"));
    let mut failed = 0;
    for check in &plan.stack.checks {
        let seen = send_all(&http, *gateway, check).await;
        let passed = seen.iter().all(|seen| seen.status == check.status);
        failed += usize::from(!passed);
        board.say(&line(check, &seen, passed));
    }
    match failed {
        0 => {
            board.say(&format!("{} checks passed", plan.stack.checks.len()));
            Ok(())
        }
        failed => Err(Error::ChecksFailed {
            failed,
            total: plan.stack.checks.len(),
        }),
    }
}

async fn send_all(http: &Client, gateway: SocketAddr, check: &CheckSpec) -> Vec<Seen> {
    let mut seen = Vec::new();
    for _ in 0..check.times {
        seen.push(send(http, gateway, check).await);
    }
    seen
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time a request took is what is printed, nothing is decided by it"
)]
async fn send(http: &Client, gateway: SocketAddr, check: &CheckSpec) -> Seen {
    let start = std::time::Instant::now();
    let method = Method::from_bytes(check.method.as_bytes()).unwrap_or(Method::GET);
    let mut request = http.request(method, format!("http://{gateway}{}", check.path));
    if let Some(host) = &check.host {
        request = request.header("host", host);
    }
    if let Some(json) = &check.json {
        request = request.json(json);
    }
    let no_answer = |error: reqwest::Error| Seen {
        status: 0,
        cause: None,
        body: error.to_string(),
        took: start.elapsed(),
    };
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return no_answer(error),
    };
    let status = response.status().as_u16();
    let cause = response
        .headers()
        .get("x-nines-cause")
        .and_then(|value| value.to_str().ok())
        .map(String::from);
    match response.text().await {
        Ok(body) => Seen {
            status,
            cause,
            body,
            took: start.elapsed(),
        },
        Err(error) => no_answer(error),
    }
}

/// `ok    POST /orders  201 × 20  p50 1.2 ms  an order can be placed`; a failure adds what was seen instead.
fn line(check: &CheckSpec, seen: &[Seen], passed: bool) -> String {
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for seen in seen {
        *statuses.entry(seen.status).or_default() += 1;
    }
    let counts = statuses.iter().map(|(status, count)| match status {
        0 => format!("no answer × {count}"),
        status => format!("{status} × {count}"),
    });
    let mut times: Vec<Duration> = seen.iter().map(|seen| seen.took).collect();
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e3;
    let verdict = if passed { "ok    " } else { "FAILED" };
    let request = format!("{} {}", check.method, check.path);
    let counts = counts.collect::<Vec<_>>().join(", ");
    let mut line = format!(
        "{verdict} {request:<28} {counts:<16} p50 {middle:>6.1} ms  {}",
        check.name
    );
    if let Some(wrong) = seen.iter().find(|seen| seen.status != check.status) {
        let body: String = wrong.body.chars().take(200).collect();
        let cause = wrong
            .cause
            .as_deref()
            .map(|cause| format!(" (x-nines-cause: {cause})"))
            .unwrap_or_default();
        line.push_str(&format!(
            "\n       expected {}, got {}{cause}: {body}",
            check.status, wrong.status
        ));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> CheckSpec {
        serde_json::from_value(serde_json::json!({"name": "it answers", "path": "/orders/1"})).expect("a check")
    }

    fn seen(status: u16, cause: Option<&str>) -> Seen {
        Seen {
            status,
            cause: cause.map(String::from),
            body: "sorry".into(),
            took: Duration::from_millis(2),
        }
    }

    #[test]
    fn a_failure_says_what_was_seen() {
        let text = line(&check(), &[seen(200, None), seen(503, Some("no_endpoint"))], false);
        for part in [
            "FAILED",
            "200 × 1, 503 × 1",
            "expected 200, got 503",
            "no_endpoint",
            "sorry",
            "it answers",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_pass_is_one_line() {
        let text = line(&check(), &[seen(200, None)], true);
        assert!(text.starts_with("ok") && text.lines().count() == 1, "{text}");
    }
}
