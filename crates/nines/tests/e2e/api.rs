//! The control plane's REST API, as a script would use it.

use std::time::Duration;

use serde_json::{Value, json};

/// A control plane.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    base: String,
    http: reqwest::Client,
}

impl Api {
    pub(crate) fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client without TLS");
        Self {
            base: base.into(),
            http,
        }
    }

    pub(crate) async fn apply(&self, yaml: String) -> Value {
        let request = self
            .http
            .post(format!("{}/v1/apply", self.base))
            .header("content-type", "application/yaml");
        let response = request.body(yaml).send().await.expect("the control plane answers");
        let (status, body) = (response.status(), response.json().await.unwrap_or(Value::Null));
        assert!(status.is_success(), "{status}: {body}");
        body
    }

    /// Publishes JSON content; gives the answer, or nothing when there was none.
    pub(crate) async fn publish(&self, name: &str, content: &Value) -> Option<Value> {
        let url = format!("{}/v1/namespaces/default/configs/{name}", self.base);
        let body = json!({"format": "json", "content": content.to_string()});
        let response = self.http.put(url).json(&body).send().await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        response.json().await.ok()
    }

    pub(crate) async fn get(&self, path: &str) -> Result<(u16, Value), reqwest::Error> {
        let response = self.http.get(format!("{}{path}", self.base)).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.json().await.unwrap_or(Value::Null)))
    }

    pub(crate) async fn delete(&self, path: &str) -> u16 {
        let answer = self.http.delete(format!("{}{path}", self.base)).send().await;
        answer.expect("the control plane answers").status().as_u16()
    }

    /// Ids of the registered instances of a service.
    pub(crate) async fn instances(&self, service: &str) -> Vec<String> {
        let path = format!("/v1/namespaces/default/services/{service}/instances");
        let (_, body) = self.get(&path).await.expect("the control plane answers");
        let instances = body["instances"].as_array().cloned().unwrap_or_default();
        instances
            .iter()
            .filter_map(|instance| instance["id"].as_str().map(String::from))
            .collect()
    }

    /// Waits until whatever answers here says that it is ready.
    pub(crate) async fn until_ready(&self) {
        self.until("it is ready", async || {
            self.get("/readyz").await.is_ok_and(|(status, _)| status == 200)
        })
        .await;
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        let so = async {
            while !condition().await {
                tick.tick().await;
            }
        };
        let in_time = tokio::time::timeout(crate::process::PATIENCE, so).await;
        assert!(in_time.is_ok(), "{}: not so in time: {what}", self.base);
    }
}
