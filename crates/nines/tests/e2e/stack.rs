//! The shop as a test runs it: `nines up` on free ports in a folder of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;

use crate::process::{Process, nines};

/// A running stack.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) up: Process,
    pub(crate) folder: TempDir,
    pub(crate) gateway: SocketAddr,
    pub(crate) api: String,
}

/// One row of `run/processes.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Row {
    pub(crate) group: String,
    pub(crate) state: String,
    pub(crate) pid: Option<u32>,
    pub(crate) port: Option<u16>,
    pub(crate) restarts: u32,
}

/// The shop's services: two instances of orders v1, one of v2, and what they call.
pub(crate) fn shop_stack(restart: &str) -> String {
    let service = |name: &str, command: &str, replicas: u32, version: &str, needs: &str| {
        format!(
            "- {{name: {name}, command: shop-{command}, replicas: {replicas}, labels: {{version: {version}}}, \
             ready: {{http: /readyz}}, restart: {restart}, dependsOn: [{needs}]}}\n"
        )
    };
    let services: String = [
        service("catalog", "catalog", 1, "v1", ""),
        service("inventory", "inventory", 1, "v1", ""),
        service("orders", "orders", 2, "v1", "catalog, inventory"),
        service("orders-v2", "orders", 1, "v2", "catalog, inventory"),
    ]
    .concat();
    format!(
        "name: shop\ncontrol: {{listen: 127.0.0.1:0}}\ngateway: {{admin: 127.0.0.1:0, workers: 2}}\n\
         resources: [resources.yaml]\nconfigs:\n- {{name: orders.discount, format: json, content: '{{\"percent\": 10}}'}}\n\
         services:\n{services}"
    )
}

/// Gateway, route and the two Services of orders, with weights in percent.
pub(crate) fn shop_resources(v1: u32, v2: u32) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  gatewayClassName: nines
  listeners: [{{name: http, protocol: HTTP, port: 0}}]
---
{}
---
apiVersion: nines.dev/v1
kind: Service
metadata: {{name: orders-v1}}
spec: {{selector: {{service: orders, labels: {{version: v1}}}}}}
---
apiVersion: nines.dev/v1
kind: Service
metadata: {{name: orders-v2}}
spec: {{selector: {{service: orders, labels: {{version: v2}}}}}}
",
        orders_route(v1, v2)
    )
}

/// The route alone, for edits.
pub(crate) fn orders_route(v1: u32, v2: u32) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: orders}}
spec:
  parentRefs: [{{name: edge}}]
  rules:
  - matches: [{{path: {{type: PathPrefix, value: /orders}}}}]
    backendRefs: [{{name: orders-v1, weight: {v1}}}, {{name: orders-v2, weight: {v2}}}]
"
    )
}

impl Stack {
    /// Starts the shop and waits until it says that it is up.
    pub(crate) fn up(restart: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("stack.yaml"), shop_stack(restart)).expect("the stack is written");
        std::fs::write(folder.path().join("resources.yaml"), shop_resources(90, 10))
            .expect("the resources are written");
        let mut up = Process::start(&mut up_command(folder.path()));
        let line = up.wait_for("is up");
        let url = |after: &str| {
            let rest = line
                .split(after)
                .nth(1)
                .unwrap_or_else(|| panic!("no `{after}` in `{line}`"));
            rest.split([' ', ',', ';']).next().unwrap_or_default().to_string()
        };
        let gateway = url("gateway http://").parse().expect("the gateway's address");
        let api = format!("http://{}", url("API http://"));
        Self {
            up,
            folder,
            gateway,
            api,
        }
    }

    /// The processes as `nines up` writes them down.
    pub(crate) fn processes(&self) -> BTreeMap<String, Row> {
        processes(self.folder.path())
    }

    pub(crate) fn pid(&self, process: &str) -> u32 {
        let pid = self.processes().remove(process).and_then(|row| row.pid);
        pid.unwrap_or_else(|| panic!("{process} is not running"))
    }

    /// Waits until the processes are as wanted.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&BTreeMap<String, Row>) -> bool) {
        let check = async {
            let mut tick = tokio::time::interval(std::time::Duration::from_millis(20));
            while !condition(&self.processes()) {
                tick.tick().await;
            }
        };
        let in_time = tokio::time::timeout(crate::process::PATIENCE, check).await;
        in_time.unwrap_or_else(|_| panic!("not so in time: {what}; {:#?}", self.processes()));
    }
}

/// Starts a stack without resources, of these services.
pub(crate) fn up_with(services: &str) -> (Process, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = format!(
        "name: s\ncontrol: {{listen: '127.0.0.1:0'}}\ngateway: {{admin: '127.0.0.1:0'}}\nservices: [{services}]\n"
    );
    std::fs::write(folder.path().join("stack.yaml"), text).expect("the stack is written");
    (Process::start(&mut up_command(folder.path())), folder)
}

pub(crate) fn up_command(folder: &Path) -> Command {
    let mut command = Command::new(nines());
    command.args(["up", "stack.yaml"]).current_dir(folder);
    command
}

/// The rows of a stack that runs in `folder`.
pub(crate) fn processes(folder: &Path) -> BTreeMap<String, Row> {
    let bytes = std::fs::read(folder.join(".nines/run/processes.json")).expect("the list of processes");
    serde_json::from_slice(&bytes).expect("the list of processes is JSON")
}
