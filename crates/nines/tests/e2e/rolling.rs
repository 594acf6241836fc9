//! Routes are edited, an instance restarts and configuration is published, all under load, and no request fails.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::Instant;

use crate::api::Api;
use crate::load::{Connection, Load, Sample, failures};
use crate::process::send;
use crate::stack::{Stack, orders_route};

const RATE: u32 = 2000;
const CONNECTIONS: u32 = 32;
const EDITS: u32 = 20;
const SECONDS: u32 = 10;

/// A time in which one pair of weights was in force at the gateway.
struct Window {
    v1_percent: u32,
    from: Instant,
    to: Instant,
}

#[tokio::test]
async fn edits_restarts_and_publishes_under_load_fail_no_request() {
    let stack = Stack::up("always");
    let api = Api::new(&stack.api);
    let load = Load::start(stack.gateway, "/orders", RATE, CONNECTIONS);
    load.until(100).await;

    let (windows, (), ()) = tokio::join!(edit_weights(&api), restart_one(&stack), publish_twice(&stack, &api));
    load.until((RATE * SECONDS) as usize).await;
    let samples = load.stop().await;

    let failed = failures(&samples);
    assert!(
        failed.is_empty(),
        "{} of {} requests failed: {:#?}",
        failed.len(),
        samples.len(),
        &failed[..failed.len().min(5)]
    );
    for window in windows {
        check_share(&window, &samples);
    }
}

/// Twenty edits, each in force for half a second.
async fn edit_weights(api: &Api) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut next = tokio::time::interval(Duration::from_millis(u64::from(SECONDS) * 1000 / u64::from(EDITS)));
    for edit in 0..EDITS {
        let v1_percent = 50 + (edit * 17) % 45;
        next.tick().await;
        close(&mut windows);
        api.apply(orders_route(v1_percent, 100 - v1_percent)).await;
        // A request on its way while the edit spreads may still be counted under the old weights.
        let from = Instant::now() + Duration::from_millis(100);
        windows.push(Window {
            v1_percent,
            from,
            to: from,
        });
    }
    next.tick().await;
    close(&mut windows);
    windows
}

fn close(windows: &mut [Window]) {
    if let Some(window) = windows.last_mut() {
        window.to = Instant::now();
    }
}

/// The share of v1 among the answers of a window is its weight, within three points.
fn check_share(window: &Window, samples: &[Sample]) {
    let inside = samples
        .iter()
        .filter(|sample| sample.sent >= window.from && sample.sent + sample.took <= window.to);
    let versions: Vec<String> = inside.filter_map(version).collect();
    let v1 = versions.iter().filter(|version| *version == "v1").count();
    let share = 100.0 * v1 as f64 / versions.len().max(1) as f64;
    let wanted = f64::from(window.v1_percent);
    assert!(versions.len() >= 200, "only {} answers in a window", versions.len());
    assert!(
        (share - wanted).abs() <= 3.0,
        "v1 got {share:.1} % of {} answers, its weight is {wanted} %",
        versions.len()
    );
}

fn version(sample: &Sample) -> Option<String> {
    let answer = sample.outcome.as_ref().ok()?;
    answer.headers.get("x-served-by")?.split(' ').nth(1).map(String::from)
}

/// SIGTERM to one of the two v1 instances; the supervisor brings it back.
async fn restart_one(stack: &Stack) {
    let before = stack.pid("orders-1");
    send(before, Signal::SIGTERM);
    stack
        .until("orders-1 is back", |rows| {
            rows.get("orders-1")
                .is_some_and(|row| row.state == "ready" && row.pid != Some(before) && row.restarts == 1)
        })
        .await;
}

/// Two publishes, each seen by all instances within a second.
async fn publish_twice(stack: &Stack, api: &Api) {
    for percent in [25, 40] {
        api.publish("orders.discount", &json!({"percent": percent}))
            .await
            .expect("the publish is accepted");
        let published = Instant::now();
        for process in ["orders-1", "orders-2", "orders-v2-1"] {
            let rows = stack.processes();
            // The instance that restarts meanwhile starts with the newest value; `restart_one` waits for it.
            if let Some(port) = rows
                .get(process)
                .filter(|row| row.state == "ready")
                .and_then(|row| row.port)
            {
                until_discount(port, percent).await;
            }
        }
        assert!(
            published.elapsed() < Duration::from_secs(1),
            "seen after {:?}",
            published.elapsed()
        );
    }
}

async fn until_discount(port: u16, percent: u32) {
    let mut connection = Connection::new(([127, 0, 0, 1], port).into());
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    loop {
        match connection.get("/orders").await {
            Ok(answer) if answer.body.contains(&format!("\"percent\":{percent}")) => return,
            Ok(_) => {}
            // It was stopped in between.
            Err(_) => return,
        }
        tick.tick().await;
    }
}
