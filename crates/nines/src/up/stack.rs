//! The stack file: a system on one machine, as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use nines_model::{Format, name};
use schemars::JsonSchema;
use serde::Deserialize;

/// A stack: control plane, gateway and services that run together.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Stack {
    /// The stack's name.
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) control: Control,
    #[serde(default)]
    pub(crate) gateway: Gateway,
    /// Files of resources (Gateway, HTTPRoute, Service, Policy), relative to the stack file; applied at every start.
    #[serde(default)]
    pub(crate) resources: Vec<PathBuf>,
    /// Configuration items; published at the first start, later versions are left alone.
    #[serde(default)]
    pub(crate) configs: Vec<ConfigSeed>,
    pub(crate) services: Vec<ServiceSpec>,
    /// Requests that `nines up --check` sends through the gateway.
    #[serde(default)]
    pub(crate) checks: Vec<CheckSpec>,
}

/// Where the control plane listens.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Control {
    /// `IP:PORT`; port 0 picks a free one.
    #[serde(default = "control_address")]
    #[schemars(with = "String")]
    pub(crate) listen: SocketAddr,
}

/// The data plane; where it listens is said by the Gateway resources.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway {
    /// `IP:PORT` of the admin port; port 0 picks a free one.
    #[serde(default = "admin_address")]
    #[schemars(with = "String")]
    pub(crate) admin: SocketAddr,
    /// Worker threads; one for each core if absent.
    #[serde(default)]
    pub(crate) workers: Option<u16>,
}

/// A configuration item to start with.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigSeed {
    #[serde(default = "default_namespace")]
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) content: String,
}

/// A program to keep running.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ServiceSpec {
    pub(crate) name: String,
    /// A path (with a `/`, relative to the stack file), or a name looked up beside the `nines` binary and in PATH.
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) args: Vec<String>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// 1 to 100 processes; 1 if absent.
    #[serde(default = "one")]
    pub(crate) replicas: u32,
    /// Given to the program as NINES_LABELS; the SDK registers with them.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) ready: ReadyCheck,
    /// Services of this stack that must be ready, or have ended well for good, before this one starts for the first
    /// time; a restart does not wait.
    #[serde(default)]
    pub(crate) depends_on: Vec<String>,
    #[serde(default)]
    pub(crate) restart: Restart,
    /// From SIGTERM to SIGKILL; 35 s if absent.
    #[serde(default = "stop_timeout", with = "nines_base::duration")]
    #[schemars(with = "nines_model::schema::Duration")]
    pub(crate) stop_timeout: Duration,
}

/// When a program counts as ready.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadyCheck {
    /// A path that must answer 200; without it a TCP connect to the port suffices.
    #[serde(default)]
    pub(crate) http: Option<String>,
    /// How long it may take before the program is restarted; 30 s if absent.
    #[serde(default = "ready_timeout", with = "nines_base::duration")]
    #[schemars(with = "nines_model::schema::Duration")]
    pub(crate) timeout: Duration,
}

/// Whether a program that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Restart {
    #[default]
    Always,
    /// Only when it ended with another exit code than 0.
    OnFailure,
    Never,
}

/// A request through the gateway and what its answer must be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckSpec {
    /// What it shows, for people.
    pub(crate) name: String,
    #[serde(default = "get")]
    pub(crate) method: String,
    pub(crate) path: String,
    /// The Host header; the gateway's address if absent.
    #[serde(default)]
    pub(crate) host: Option<String>,
    /// A JSON body.
    #[serde(default)]
    pub(crate) json: Option<serde_json::Value>,
    /// The expected status; 200 if absent.
    #[serde(default = "ok")]
    pub(crate) status: u16,
    /// Sent so many times; 1 if absent.
    #[serde(default = "one")]
    pub(crate) times: u32,
}

impl Stack {
    /// Every mistake that the schema cannot see, each with its path.
    pub(crate) fn validate(&self) -> Vec<(String, String)> {
        let mut mistakes = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, service) in self.services.iter().enumerate() {
            let at = format!("services[{index}]");
            mistakes.extend(
                service
                    .validate()
                    .into_iter()
                    .map(|(field, message)| (format!("{at}.{field}"), message)),
            );
            if !seen.insert(&service.name) {
                mistakes.push((
                    format!("{at}.name"),
                    format!("there is a second service `{}`", service.name),
                ));
            }
            for unknown in service.depends_on.iter().filter(|name| !self.has(name)) {
                mistakes.push((
                    format!("{at}.dependsOn"),
                    format!("there is no service `{unknown}` in this stack"),
                ));
            }
        }
        mistakes.extend(
            self.cycle()
                .map(|path| ("services".into(), format!("dependsOn goes in a circle: {path}"))),
        );
        mistakes
    }

    fn has(&self, name: &str) -> bool {
        self.services.iter().any(|service| service.name == name)
    }

    /// Removes services whose dependencies are all removed, again and again; what stays waits for itself.
    fn cycle(&self) -> Option<String> {
        let mut left: BTreeMap<&str, &[String]> = self
            .services
            .iter()
            .map(|service| (service.name.as_str(), service.depends_on.as_slice()))
            .collect();
        loop {
            let names: BTreeSet<&str> = left.keys().copied().collect();
            let before = left.len();
            left.retain(|_, needs| needs.iter().any(|need| names.contains(need.as_str())));
            if left.is_empty() {
                return None;
            }
            if left.len() == before {
                return Some(left.into_keys().collect::<Vec<_>>().join(", "));
            }
        }
    }
}

impl ServiceSpec {
    fn validate(&self) -> Vec<(String, String)> {
        let mut mistakes = Vec::new();
        if let Err(error) = name::check(&self.name) {
            mistakes.push(("name".into(), error.to_string()));
        }
        if RESERVED.contains(&self.name.as_str()) {
            mistakes.push((
                "name".into(),
                format!("`{}` is the name of a part of Nines; choose another", self.name),
            ));
        }
        if self.command.is_empty() {
            mistakes.push(("command".into(), "is empty; name a program".into()));
        }
        if !(1..=100).contains(&self.replicas) {
            mistakes.push(("replicas".into(), format!("{} is not in 1 to 100", self.replicas)));
        }
        mistakes
    }
}

/// Names that the supervisor gives to Nines' own processes.
pub(crate) const RESERVED: [&str; 2] = ["control", "gateway"];

impl Default for Control {
    fn default() -> Self {
        Self {
            listen: control_address(),
        }
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            admin: admin_address(),
            workers: None,
        }
    }
}

impl Default for ReadyCheck {
    fn default() -> Self {
        Self {
            http: None,
            timeout: ready_timeout(),
        }
    }
}

fn control_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9999))
}

fn admin_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9998))
}

pub(crate) fn default_namespace() -> String {
    "default".into()
}

fn one() -> u32 {
    1
}

fn ready_timeout() -> Duration {
    Duration::from_secs(30)
}

fn stop_timeout() -> Duration {
    Duration::from_secs(35)
}

fn get() -> String {
    "GET".into()
}

fn ok() -> u16 {
    200
}
