//! Resources: documents with `apiVersion`, `kind`, `metadata` and `spec`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Gateway, HttpRoute, Policy, Service};

/// The kinds of resource, a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    Gateway,
    #[serde(rename = "HTTPRoute")]
    HttpRoute,
    Service,
    Policy,
}

/// A resource's name in the system, written `Kind/namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResourceKey {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
}

/// What every resource says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    #[serde(default = "default_namespace")]
    pub namespace: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A resource of a known kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<S> {
    pub metadata: Metadata,
    pub spec: S,
}

/// Any resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Resource {
    Gateway(Object<Gateway>),
    HttpRoute(Object<HttpRoute>),
    Service(Object<Service>),
    Policy(Object<Policy>),
}

fn default_namespace() -> String {
    "default".into()
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Gateway, Kind::HttpRoute, Kind::Service, Kind::Policy];

    /// As written in `kind:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gateway => "Gateway",
            Kind::HttpRoute => "HTTPRoute",
            Kind::Service => "Service",
            Kind::Policy => "Policy",
        }
    }

    /// As written in `apiVersion:`.
    pub fn api_version(self) -> &'static str {
        match self {
            Kind::Gateway | Kind::HttpRoute => "gateway.networking.k8s.io/v1",
            Kind::Service | Kind::Policy => "nines.dev/v1",
        }
    }
}

impl Resource {
    pub fn kind(&self) -> Kind {
        match self {
            Resource::Gateway(_) => Kind::Gateway,
            Resource::HttpRoute(_) => Kind::HttpRoute,
            Resource::Service(_) => Kind::Service,
            Resource::Policy(_) => Kind::Policy,
        }
    }

    pub fn metadata(&self) -> &Metadata {
        match self {
            Resource::Gateway(o) => &o.metadata,
            Resource::HttpRoute(o) => &o.metadata,
            Resource::Service(o) => &o.metadata,
            Resource::Policy(o) => &o.metadata,
        }
    }

    pub fn key(&self) -> ResourceKey {
        let metadata = self.metadata();
        ResourceKey {
            kind: self.kind(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}
