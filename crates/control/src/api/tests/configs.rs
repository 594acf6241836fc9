//! The configuration centre over REST.

use super::*;

const CONFIG: &str = "/v1/namespaces/shop/configs/app.yaml";

fn yaml(content: &str) -> Value {
    json!({"format": "yaml", "content": content})
}

#[tokio::test]
async fn a_version_is_published_read_and_listed() {
    let api = Api::start().await;
    let first = api
        .put(
            CONFIG,
            json!({"format": "yaml", "content": "a: 1\n", "author": "ann", "note": "first"}),
        )
        .await
        .ok();
    assert_eq!((&first["version"], &first["unchanged"]), (&json!(1), &json!(false)));
    assert_eq!(first["sha256"].as_str().unwrap().len(), 64);
    let read = api.get(CONFIG).await.ok();
    assert_eq!(
        (&read["content"], &read["author"], &read["note"]),
        (&json!("a: 1\n"), &json!("ann"), &json!("first"))
    );
    assert_eq!(read["revision"], first["revision"]);
    let listed = api.get("/v1/namespaces/shop/configs?prefix=app").await.ok();
    assert_eq!(listed["configs"][0]["name"], "app.yaml");
    assert_eq!(listed["configs"][0]["size"], 5);
    assert_eq!(
        api.get("/v1/namespaces/shop/configs?prefix=b").await.ok()["configs"],
        json!([])
    );
}

#[tokio::test]
async fn what_is_written_is_seen_at_once() {
    let api = Api::start().await;
    for n in 1..20 {
        api.put(&format!("/v1/namespaces/n{n}/configs/a"), yaml("1")).await.ok();
        let namespaces = api.get("/v1/namespaces").await.ok();
        assert_eq!(namespaces["namespaces"].as_array().unwrap().len(), n);
    }
}

#[tokio::test]
async fn a_content_of_exactly_the_bound_is_taken() {
    let api = Api::start().await;
    let content = "x".repeat(nines_model::config::MAX_CONTENT);
    let published = api
        .put(CONFIG, json!({"format": "text", "content": content}))
        .await
        .ok();
    assert_eq!(published["version"], 1);
    assert_eq!(api.get(CONFIG).await.ok()["content"], content);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let api = Api::start().await;
    for name in ["a", "b", "c"] {
        api.put(&format!("/v1/namespaces/shop/configs/{name}"), yaml("1"))
            .await
            .ok();
    }
    let page = api.get("/v1/namespaces/shop/configs?limit=2").await.ok();
    assert_eq!(
        (page["configs"].as_array().unwrap().len(), &page["next"]),
        (2, &json!("b"))
    );
    let rest = api.get("/v1/namespaces/shop/configs?limit=2&after=b").await.ok();
    assert_eq!((&rest["configs"][0]["name"], rest.get("next")), (&json!("c"), None));
}

#[tokio::test]
async fn compare_and_set_names_both_versions() {
    let api = Api::start().await;
    let cas = |content: &str, version: u64| json!({"format": "yaml", "content": content, "ifVersion": version});
    api.put(CONFIG, cas("a: 1", 1))
        .await
        .refused(409, "conflict", "is not at version 1");
    api.put(CONFIG, cas("a: 1", 0)).await.ok();
    api.put(CONFIG, cas("a: 2", 0))
        .await
        .refused(409, "conflict", "exists at version 1");
    api.put(CONFIG, cas("a: 2", 1)).await.ok();
    api.put(CONFIG, cas("a: 3", 1))
        .await
        .refused(409, "conflict", "is at version 2, not 1");
    api.delete(&format!("{CONFIG}?ifVersion=1"))
        .await
        .refused(409, "conflict", "is at version 2, not 1");
    api.delete(&format!("{CONFIG}?ifVersion=2")).await.ok();
}

#[tokio::test]
async fn history_diff_and_rollback() {
    let api = Api::start().await;
    for content in ["a: 1\n", "a: 2\n", "a: 3\n"] {
        api.put(CONFIG, yaml(content)).await.ok();
    }
    let page = api.get(&format!("{CONFIG}/history?limit=2")).await.ok();
    let numbers = |page: &Value| -> Vec<u64> {
        let versions = page["versions"].as_array().unwrap().iter();
        versions.map(|version| version["version"].as_u64().unwrap()).collect()
    };
    assert_eq!((numbers(&page), &page["next"]), (vec![3, 2], &json!(2)));
    let rest = api.get(&format!("{CONFIG}/history?limit=2&before=2")).await.ok();
    assert_eq!((numbers(&rest), rest.get("next")), (vec![1], None));
    let diff = api.get(&format!("{CONFIG}/diff?from=1&to=2")).await.ok();
    assert_eq!(
        diff["diff"],
        "--- version 1\n+++ version 2\n@@ -1 +1 @@\n-a: 1\n+a: 2\n"
    );
    assert_eq!(api.get(&format!("{CONFIG}/diff?from=1")).await.ok()["to"], 3);
    let back = api
        .post(&format!("{CONFIG}/rollback"), json!({"version": 1}))
        .await
        .ok();
    assert_eq!(
        (&back["version"], &back["content"], &back["note"]),
        (&json!(4), &json!("a: 1\n"), &json!("rollback to 1"))
    );
    assert_eq!(api.get(&format!("{CONFIG}?version=2")).await.ok()["content"], "a: 2\n");
    api.get(&format!("{CONFIG}?version=9"))
        .await
        .refused(404, "not_found", "versions 1 to 4 are kept");
}

#[tokio::test]
async fn a_rollback_keeps_the_newer_schema() {
    let api = Api::start().await;
    api.put(CONFIG, yaml("name: x\ndiscount: ten\n")).await.ok();
    let schema = json!({"properties": {"discount": {"type": "integer"}}});
    api.put(
        CONFIG,
        json!({"format": "yaml", "content": "discount: 10\n", "schema": schema}),
    )
    .await
    .ok();
    let before = api.revision().await;
    let reply = api.post(&format!("{CONFIG}/rollback"), json!({"version": 1})).await;
    let error = reply.refused(400, "invalid_argument", "line 2");
    assert_eq!(
        (&error["path"], &error["problems"][0]["line"]),
        (&json!("discount"), &json!(2)),
        "{error}"
    );
    assert_eq!(api.revision().await, before);
    let kept = api.put(CONFIG, yaml("discount: 11\n")).await.ok();
    assert_eq!(kept["schema"], schema);
    api.put(
        CONFIG,
        json!({"format": "yaml", "content": "discount: 11\n", "schema": null}),
    )
    .await
    .ok();
    api.post(&format!("{CONFIG}/rollback"), json!({"version": 1}))
        .await
        .ok();
}

#[tokio::test]
async fn the_same_again_makes_no_version() {
    let api = Api::start().await;
    api.put(CONFIG, yaml("a: 1")).await.ok();
    let before = api.revision().await;
    let again = api.put(CONFIG, yaml("a: 1")).await.ok();
    assert_eq!((&again["version"], &again["unchanged"]), (&json!(1), &json!(true)));
    assert_eq!(api.revision().await, before);
}

#[tokio::test]
async fn a_poll_sees_publish_and_deletion() {
    let api = Api::start().await;
    let seen = api.put(CONFIG, yaml("a: 1")).await.ok()["revision"].clone();
    let path = format!("{CONFIG}?revision={seen}&wait=5m");
    let (polled, published) = tokio::join!(api.get(&path), api.put(CONFIG, yaml("a: 2")));
    published.ok();
    let polled = polled.ok();
    assert_eq!(polled["version"], 2);
    let path = format!("{CONFIG}?revision={}&wait=5m", polled["revision"]);
    let (polled, deleted) = tokio::join!(api.get(&path), api.delete(CONFIG));
    deleted.ok();
    polled.refused(404, "not_found", "does not exist");
}

#[tokio::test]
async fn a_poll_of_a_quiet_item_ends_with_its_wait() {
    let api = Api::start().await;
    let seen = api.put(CONFIG, yaml("a: 1")).await.ok()["revision"].clone();
    api.put("/v1/namespaces/shop/configs/other", yaml("a: 1")).await.ok();
    let polled = api.get(&format!("{CONFIG}?revision={seen}&wait=20ms")).await.ok();
    assert_eq!(polled["version"], 1);
}

#[tokio::test]
async fn the_status_of_an_item_without_subscribers_is_empty() {
    let api = Api::start().await;
    api.put(CONFIG, yaml("a: 1")).await.ok();
    let status = api.get(&format!("{CONFIG}/status")).await.ok();
    assert_eq!((&status["version"], &status["subscribers"]), (&json!(1), &json!([])));
}
