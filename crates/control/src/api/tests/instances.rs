//! Instances over REST.

use super::*;

const INSTANCES: &str = "/v1/namespaces/shop/services/orders/instances";

fn one(id: &str) -> String {
    format!("{INSTANCES}/{id}")
}

#[tokio::test]
async fn an_instance_comes_stays_and_goes() {
    let api = Api::start().await;
    let registered = api.put(&one("a"), registration()).await.ok();
    assert_eq!(registered["ttl"], "30s");
    let seen = api.get(&one("a")).await.ok();
    assert_eq!(seen["instance"]["address"], "10.0.0.7");
    assert_eq!(seen["instance"]["port"], 8080);
    assert_eq!(seen["instance"]["weight"], 100);
    assert_eq!(seen["instance"]["state"], "ready");
    api.put(&format!("{}/heartbeat", one("a")), json!(null)).await.ok();
    let listed = api.get(INSTANCES).await.ok();
    assert_eq!(listed["instances"].as_array().unwrap().len(), 1);
    let services = api.get("/v1/namespaces/shop/services").await.ok();
    assert_eq!(
        services["services"],
        json!([{"name": "orders", "instances": 1, "serving": 1}])
    );
    assert_eq!(api.get("/v1/namespaces").await.ok()["namespaces"], json!(["shop"]));
    api.delete(&one("a")).await.ok();
    assert_eq!(api.get(INSTANCES).await.ok()["instances"], json!([]));
    assert_eq!(
        api.get("/v1/namespaces/shop/services").await.ok()["services"],
        json!([])
    );
}

#[tokio::test]
async fn an_override_outlives_the_instance() {
    let api = Api::start().await;
    let over = format!("{}/override", one("a"));
    api.put(&over, json!({"disabled": true, "weight": 7})).await.ok();
    for _ in 0..2 {
        api.put(&one("a"), registration()).await.ok();
        let seen = api.get(&one("a")).await.ok();
        assert_eq!(seen["override"], json!({"disabled": true, "weight": 7}));
        assert_eq!(seen["instance"]["weight"], 7);
        assert_eq!(seen["instance"]["state"], "down");
        assert_eq!(seen["instance"]["disabled"], true);
        api.delete(&one("a")).await.ok();
    }
    api.put(&one("a"), registration()).await.ok();
    api.delete(&over).await.ok();
    let seen = api.get(&one("a")).await.ok();
    assert_eq!(seen["instance"]["state"], "ready");
    assert_eq!(seen.get("override"), None);
}

#[tokio::test]
async fn an_override_of_nobody_is_not_cleared() {
    let api = Api::start().await;
    let over = format!("{}/override", one("a"));
    assert_eq!(api.delete(&over).await.status, 404);
    api.put(&over, json!({"disabled": true})).await.ok();
    api.delete(&over).await.ok();
    assert_eq!(api.delete(&over).await.status, 404);
    api.put(&one("a"), registration()).await.ok();
    api.delete(&over).await.ok();
}

#[tokio::test]
async fn a_long_poll_answers_at_the_change() {
    let api = Api::start().await;
    let seen = api.put(&one("a"), registration()).await.ok()["revision"]
        .as_u64()
        .unwrap();
    let path = format!("{INSTANCES}?revision={seen}&wait=5m");
    let second = one("b");
    let (polled, registered) = tokio::join!(api.get(&path), api.put(&second, registration()));
    registered.ok();
    let polled = polled.ok();
    assert_eq!(polled["instances"].as_array().unwrap().len(), 2, "{polled}");
    assert!(polled["revision"].as_u64().unwrap() > seen);
}

#[tokio::test]
async fn a_long_poll_ends_with_its_wait() {
    let api = Api::start().await;
    let seen = api.put(&one("a"), registration()).await.ok()["revision"].clone();
    let polled = api.get(&format!("{INSTANCES}?revision={seen}&wait=1ms")).await.ok();
    assert_eq!(polled["instances"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stop_releases_long_polls() {
    let api = Api::start().await;
    let seen = api.put(&one("a"), registration()).await.ok()["revision"].clone();
    let path = format!("{INSTANCES}?revision={seen}&wait=5m");
    let (polled, ()) = tokio::join!(api.get(&path), async { api.tasks.stop() });
    assert_eq!(polled.ok()["instances"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_status_counts() {
    let api = Api::start().await;
    api.put(&one("a"), registration()).await.ok();
    let status = api.get("/v1/status").await.ok();
    assert_eq!((&status["instances"], &status["services"]), (&json!(1), &json!(1)));
    assert_eq!(status["store"]["leases"], 1);
    assert!(
        status["uptime"].is_string() && status["version"].is_string(),
        "{status}"
    );
}
