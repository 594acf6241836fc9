//! Resources over REST.

use super::*;

const EDGE: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: nines
  listeners: [{name: http, protocol: HTTP, port: 8080}]
---
apiVersion: nines.dev/v1
kind: Service
metadata: {name: orders}
spec: {}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orders}
spec:
  parentRefs: [{name: edge}]
  rules: [{backendRefs: [{name: orders}]}]
";

async fn apply(api: &Api, text: &str) -> Reply {
    api.call("POST", "/v1/apply", text.to_owned()).await
}

fn outcomes(reply: &Value) -> Vec<&str> {
    let results = reply["results"].as_array().unwrap().iter();
    results.map(|result| result["outcome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn documents_are_applied_in_one_revision_and_only_when_they_change() {
    let api = Api::start().await;
    let before = api.revision().await;
    let first = apply(&api, EDGE).await.ok();
    assert_eq!(outcomes(&first), ["created", "created", "created"]);
    assert_eq!(api.revision().await, before + 1);
    let again = apply(&api, EDGE).await.ok();
    assert_eq!(outcomes(&again), ["unchanged", "unchanged", "unchanged"]);
    assert_eq!(api.revision().await, before + 1);
    let changed = apply(&api, &EDGE.replace("port: 8080", "port: 8081")).await.ok();
    assert_eq!(outcomes(&changed), ["updated", "unchanged", "unchanged"]);
    let gateways = api.get("/v1/resources/gateway").await.ok();
    assert_eq!(gateways["resources"][0]["spec"]["listeners"][0]["port"], 8081);
    assert_eq!(
        api.get("/v1/resources/Gateway?namespace=other").await.ok()["resources"],
        json!([])
    );
    let route = api.get("/v1/resources/HTTPRoute/default/orders").await.ok();
    assert_eq!(route["resource"]["kind"], "HTTPRoute");
}

#[tokio::test]
async fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let api = Api::start().await;
    apply(&api, EDGE).await.ok();
    for id in ["a", "b"] {
        let path = format!("/v1/namespaces/default/services/orders/instances/{id}");
        api.put(&path, registration()).await.ok();
    }
    let before = api.revision().await;
    let text = EDGE.replace("port: 8080", "port: 8081");
    let dry = api.call("POST", "/v1/apply?dryRun=true", text).await.ok();
    assert_eq!(api.revision().await, before);
    assert_eq!(
        (outcomes(&dry), &dry["dryRun"]),
        (vec!["updated", "unchanged", "unchanged"], &json!(true))
    );
    let diff = dry["results"][0]["diff"].as_str().unwrap();
    assert!(
        diff.contains("-        \"port\": 8080") && diff.contains("+        \"port\": 8081"),
        "{diff}"
    );
    assert_eq!(dry["results"][1].get("diff"), None);
    let touches = json!({"routes": ["default/orders"], "services": ["default/orders"], "instances": 2});
    assert_eq!(dry["touches"], touches);
}

#[tokio::test]
async fn what_is_used_cannot_be_deleted() {
    let api = Api::start().await;
    apply(&api, EDGE).await.ok();
    for used in ["gateway/default/edge", "service/default/orders"] {
        let reply = api.delete(&format!("/v1/resources/{used}")).await;
        reply.refused(412, "failed_precondition", "still used by HTTPRoute/default/orders");
    }
    for free in [
        "httproute/default/orders",
        "service/default/orders",
        "gateway/default/edge",
    ] {
        api.delete(&format!("/v1/resources/{free}")).await.ok();
        api.get(&format!("/v1/resources/{free}"))
            .await
            .refused(404, "not_found", "does not exist");
    }
}

#[tokio::test]
async fn one_mistake_refuses_all_documents() {
    let api = Api::start().await;
    let text = format!("{EDGE}---\nkind: Nothing\n");
    assert_eq!(apply(&api, &text).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(api.get("/v1/resources/gateway").await.ok()["resources"], json!([]));
}

#[tokio::test]
async fn a_registered_service_is_a_backend() {
    let api = Api::start().await;
    let text = EDGE.replace(
        "metadata: {name: orders}\nspec: {}",
        "metadata: {name: other}\nspec: {}",
    );
    apply(&api, &text)
        .await
        .refused(400, "invalid_argument", "no Service default/orders");
    let path = "/v1/namespaces/default/services/orders/instances/a";
    api.put(path, registration()).await.ok();
    apply(&api, &text).await.ok();
    // What went missing meanwhile does not stop other changes.
    api.delete(path).await.ok();
    let other = "apiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: third}\nspec: {}\n";
    apply(&api, other).await.ok();
}

#[tokio::test]
async fn a_thousand_documents_are_taken_and_one_more_is_refused() {
    let api = Api::start().await;
    let document = |n| format!("---\napiVersion: nines.dev/v1\nkind: Service\nmetadata: {{name: s{n}}}\nspec: {{}}\n");
    let mut text: String = (0..crate::resource::MAX_DOCUMENTS).map(document).collect();
    let applied = apply(&api, &text).await.ok();
    assert_eq!(applied["touches"]["services"].as_array().unwrap().len(), 1000);
    assert_eq!(api.revision().await, 1);
    text += &document(1000);
    apply(&api, &text)
        .await
        .refused(413, "resource_exhausted", "1001 documents");
}

#[tokio::test]
async fn changes_that_are_wrong_together_do_not_both_happen() {
    let api = Api::start().await;
    let service = "apiVersion: nines.dev/v1\nkind: Service\nmetadata: {name: orders}\nspec: {}\n";
    apply(&api, service).await.ok();
    let documents: Vec<&str> = EDGE.split("---\n").collect();
    let route = [documents[0], documents[2]].join("---\n");
    let (applied, deleted) = tokio::join!(apply(&api, &route), api.delete("/v1/resources/service/default/orders"));
    let both = [applied.status.is_success(), deleted.status.is_success()];
    assert_ne!(both[0], both[1], "a route without its backend: {both:?}");
}
