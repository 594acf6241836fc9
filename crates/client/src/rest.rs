//! The control plane's REST API as typed calls, for verbs: one request, one answer. It never repeats a call.

use std::time::Duration;

use nines_base::Kind;
use nines_wire::rest::{
    ApplyView, ConfigListView, ConfigStatusView, ConfigView, DiffView, ErrorBody, ErrorDetail, HistoryView,
    InstanceDetail, InstanceListView, OverrideRequest, OverrideView, PublishRequest, PublishView, ResourceDetail,
    ResourceListView, RevisionView, RollbackRequest, ServiceListView, StatusView,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Long enough for the longest poll the server allows, so that the server's own limit is the one that counts.
const TIMEOUT: Duration = Duration::from_secs(330);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A control plane's REST API.
#[derive(Debug, Clone)]
pub struct Rest {
    base: String,
    http: reqwest::Client,
}

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// Nobody answers there.
    #[error(
        "cannot reach a control plane at {url} ({reason}); start one with `nines server`, or name another with --server"
    )]
    Unreachable { url: String, reason: String },
    /// The address is none.
    #[error("`{url}` is not the address of a control plane ({reason}); write for example http://127.0.0.1:9999")]
    BadUrl { url: String, reason: String },
    /// The control plane says no, and why.
    #[error("{}", .0.message)]
    Refused(ErrorDetail),
    /// Something answers there that does not speak this API.
    #[error("{url} does not answer like a control plane: {reason}")]
    Foreign { url: String, reason: String },
}

/// Result of a call.
pub type RestResult<T> = Result<T, RestError>;

impl RestError {
    /// The stable name of what happened.
    pub fn kind(&self) -> &str {
        match self {
            RestError::Unreachable { .. } => Kind::Unavailable.as_str(),
            RestError::BadUrl { .. } => Kind::InvalidArgument.as_str(),
            RestError::Refused(detail) => &detail.kind,
            RestError::Foreign { .. } => Kind::Internal.as_str(),
        }
    }
}

impl Rest {
    /// The API at `server`, such as `http://127.0.0.1:9999`. Opens no connection yet.
    pub fn new(server: &str) -> RestResult<Self> {
        let bad = |reason: String| RestError::BadUrl {
            url: server.into(),
            reason,
        };
        let url = reqwest::Url::parse(server).map_err(|error| bad(error.to_string()))?;
        if url.scheme() != "http" || url.host().is_none() {
            return Err(bad("it must start with http:// and name a host".into()));
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        let http = http.map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            base: server.trim_end_matches('/').into(),
            http,
        })
    }

    /// Applies documents, all or none; a dry run only tells what would happen.
    pub async fn apply(&self, documents: String, dry_run: bool) -> RestResult<ApplyView> {
        let request = self.request(Method::POST, "/v1/apply").query(&[("dryRun", dry_run)]);
        self.send(request.header("content-type", "application/yaml").body(documents))
            .await
    }

    /// The resources of a kind, of one namespace or of all.
    pub async fn resources(&self, kind: &str, namespace: Option<&str>) -> RestResult<ResourceListView> {
        let request = self.request(Method::GET, &format!("/v1/resources/{}", part(kind)));
        self.send(request.query(&namespace.map(|namespace| [("namespace", namespace)])))
            .await
    }

    pub async fn resource(&self, kind: &str, namespace: &str, name: &str) -> RestResult<ResourceDetail> {
        self.send(self.request(Method::GET, &resource_path(kind, namespace, name)))
            .await
    }

    pub async fn delete_resource(&self, kind: &str, namespace: &str, name: &str) -> RestResult<RevisionView> {
        self.send(self.request(Method::DELETE, &resource_path(kind, namespace, name)))
            .await
    }

    pub async fn services(&self, namespace: &str) -> RestResult<ServiceListView> {
        self.send(self.request(Method::GET, &format!("/v1/namespaces/{}/services", part(namespace))))
            .await
    }

    pub async fn instances(&self, namespace: &str, service: &str) -> RestResult<InstanceListView> {
        let path = format!(
            "/v1/namespaces/{}/services/{}/instances",
            part(namespace),
            part(service)
        );
        self.send(self.request(Method::GET, &path)).await
    }

    pub async fn instance(&self, namespace: &str, service: &str, id: &str) -> RestResult<InstanceDetail> {
        self.send(self.request(Method::GET, &instance_path(namespace, service, id)))
            .await
    }

    /// Replaces what an operator set on an instance.
    pub async fn set_override(
        &self,
        namespace: &str,
        service: &str,
        id: &str,
        over: &OverrideRequest,
    ) -> RestResult<OverrideView> {
        let path = format!("{}/override", instance_path(namespace, service, id));
        self.send_json(Method::PUT, &path, over).await
    }

    /// Clears what an operator set on an instance.
    pub async fn clear_override(&self, namespace: &str, service: &str, id: &str) -> RestResult<RevisionView> {
        let path = format!("{}/override", instance_path(namespace, service, id));
        self.send(self.request(Method::DELETE, &path)).await
    }

    pub async fn configs(&self, namespace: &str) -> RestResult<ConfigListView> {
        self.send(self.request(Method::GET, &format!("/v1/namespaces/{}/configs", part(namespace))))
            .await
    }

    /// Publishes a version.
    pub async fn publish(&self, namespace: &str, name: &str, publish: &PublishRequest) -> RestResult<PublishView> {
        self.send_json(Method::PUT, &config_path(namespace, name), publish)
            .await
    }

    /// A version of an item, the current one if none is named.
    pub async fn config(&self, namespace: &str, name: &str, version: Option<u64>) -> RestResult<ConfigView> {
        let request = self.request(Method::GET, &config_path(namespace, name));
        self.send(request.query(&version.map(|version| [("version", version)])))
            .await
    }

    /// Waits until the item changes after `revision`, or until `wait` is over; answers the current version.
    pub async fn config_after(
        &self,
        namespace: &str,
        name: &str,
        revision: u64,
        wait: Duration,
    ) -> RestResult<ConfigView> {
        let query = [
            ("revision", revision.to_string()),
            ("wait", nines_base::duration::format(wait)),
        ];
        self.send(self.request(Method::GET, &config_path(namespace, name)).query(&query))
            .await
    }

    pub async fn delete_config(&self, namespace: &str, name: &str) -> RestResult<RevisionView> {
        self.send(self.request(Method::DELETE, &config_path(namespace, name)))
            .await
    }

    /// The versions of an item, newest first.
    pub async fn history(&self, namespace: &str, name: &str) -> RestResult<HistoryView> {
        self.send(self.request(Method::GET, &format!("{}/history", config_path(namespace, name))))
            .await
    }

    /// What changed between two versions.
    pub async fn diff(&self, namespace: &str, name: &str, from: u64, to: u64) -> RestResult<DiffView> {
        let request = self.request(Method::GET, &format!("{}/diff", config_path(namespace, name)));
        self.send(request.query(&[("from", from), ("to", to)])).await
    }

    /// Publishes an old version again.
    pub async fn rollback(&self, namespace: &str, name: &str, rollback: &RollbackRequest) -> RestResult<PublishView> {
        self.send_json(
            Method::POST,
            &format!("{}/rollback", config_path(namespace, name)),
            rollback,
        )
        .await
    }

    /// Who runs which version of an item.
    pub async fn config_status(&self, namespace: &str, name: &str) -> RestResult<ConfigStatusView> {
        self.send(self.request(Method::GET, &format!("{}/status", config_path(namespace, name))))
            .await
    }

    /// The control plane in numbers.
    pub async fn status(&self) -> RestResult<StatusView> {
        self.send(self.request(Method::GET, "/v1/status")).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    async fn send_json<T: DeserializeOwned>(&self, method: Method, path: &str, body: &impl Serialize) -> RestResult<T> {
        self.send(self.request(method, path).json(body)).await
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> RestResult<T> {
        let unreachable = |error: reqwest::Error| RestError::Unreachable {
            url: self.base.clone(),
            reason: root(&error),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| self.foreign(status, &error));
        }
        match serde_json::from_slice::<ErrorBody>(&bytes) {
            Ok(body) => Err(RestError::Refused(body.error)),
            Err(error) => Err(self.foreign(status, &error)),
        }
    }

    fn foreign(&self, status: StatusCode, error: &serde_json::Error) -> RestError {
        RestError::Foreign {
            url: self.base.clone(),
            reason: format!("status {status}, {error}"),
        }
    }
}

/// The innermost reason, which is the one that helps: `Connection refused` and not `error sending request`.
fn root(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn resource_path(kind: &str, namespace: &str, name: &str) -> String {
    format!("/v1/resources/{}/{}/{}", part(kind), part(namespace), part(name))
}

fn instance_path(namespace: &str, service: &str, id: &str) -> String {
    format!(
        "/v1/namespaces/{}/services/{}/instances/{}",
        part(namespace),
        part(service),
        part(id)
    )
}

fn config_path(namespace: &str, name: &str) -> String {
    format!("/v1/namespaces/{}/configs/{}", part(namespace), part(name))
}

/// One segment of a path, percent-encoded (RFC 3986 section 2.1), so that whatever a user typed reaches the server as
/// the name it is and is refused there.
fn part(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_holds_any_name() {
        assert_eq!(config_path("a/b", "ä"), "/v1/namespaces/a%2Fb/configs/%C3%A4");
    }

    #[test]
    fn a_bad_address_is_named() {
        for url in ["127.0.0.1:9999", "ftp://x", "", "http://"] {
            let error = Rest::new(url).expect_err(url);
            assert!(error.to_string().contains(url), "{error}");
        }
    }

    #[tokio::test]
    async fn nobody_there_says_how_to_start_one() {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let error = Rest::new(&format!("http://127.0.0.1:{port}"))
            .unwrap()
            .status()
            .await
            .expect_err("nobody");
        let text = error.to_string();
        assert!(text.contains("nines server") && text.contains("refused"), "{text}");
    }
}
