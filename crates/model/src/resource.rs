//! Resources: documents with `apiVersion`, `kind`, `metadata` and `spec`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::problem::Problem;
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
    /// Boxed: it is by far the largest.
    Policy(Box<Object<Policy>>),
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

    /// The kind of that name; upper and lower case are the same, as is a plural (`httproutes`), for people who type.
    pub fn named(name: &str) -> Option<Kind> {
        let singular = match name.to_ascii_lowercase() {
            name if name == "policies" => "policy".to_owned(),
            name => name.strip_suffix('s').map_or(name.clone(), Into::into),
        };
        Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(&singular))
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

    pub fn metadata_mut(&mut self) -> &mut Metadata {
        match self {
            Resource::Gateway(o) => &mut o.metadata,
            Resource::HttpRoute(o) => &mut o.metadata,
            Resource::Service(o) => &mut o.metadata,
            Resource::Policy(o) => &mut o.metadata,
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

    /// The canonical form, for the store and the wire: what was absent stays absent.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a resource has text keys and finite numbers")
    }

    /// The canonical form as a YAML document for people, in the order of the schema.
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self).expect("a resource has text keys and finite numbers")
    }

    /// Reads the canonical form. For what comes from our own store or wire; people's documents go through
    /// [`crate::document::parse`], which tells every mistake with its place.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, Problem> {
        let kind = json.get("kind").and_then(serde_json::Value::as_str).unwrap_or_default();
        match Kind::ALL.into_iter().find(|known| known.as_str() == kind) {
            Some(Kind::Gateway) => object(json).map(Resource::Gateway),
            Some(Kind::HttpRoute) => object(json).map(Resource::HttpRoute),
            Some(Kind::Service) => object(json).map(Resource::Service),
            Some(Kind::Policy) => object(json).map(|object| Resource::Policy(Box::new(object))),
            None => Err(Problem::new(
                "kind",
                format!("unknown kind {}", crate::problem::quote(kind)),
            )),
        }
    }
}

fn object<S: DeserializeOwned>(json: &serde_json::Value) -> Result<Object<S>, Problem> {
    Ok(Object {
        metadata: field(json, "metadata")?,
        spec: field(json, "spec")?,
    })
}

fn field<T: DeserializeOwned>(json: &serde_json::Value, name: &str) -> Result<T, Problem> {
    let value = json.get(name).ok_or_else(|| Problem::new(name, "is missing"))?;
    T::deserialize(value).map_err(|error| Problem::new(name, error.to_string()))
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Resource::Gateway(object) => View::of(self.kind(), object).serialize(serializer),
            Resource::HttpRoute(object) => View::of(self.kind(), object).serialize(serializer),
            Resource::Service(object) => View::of(self.kind(), object).serialize(serializer),
            Resource::Policy(object) => View::of(self.kind(), object).serialize(serializer),
        }
    }
}

/// A resource as a document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a, S> {
    api_version: &'static str,
    kind: Kind,
    metadata: &'a Metadata,
    spec: &'a S,
}

impl<'a, S> View<'a, S> {
    fn of(kind: Kind, object: &'a Object<S>) -> Self {
        Self {
            api_version: kind.api_version(),
            kind,
            metadata: &object.metadata,
            spec: &object.spec,
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
