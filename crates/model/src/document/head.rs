//! The head of a document: which kind of resource it says it is.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;

use super::checked;
use crate::problem::{Problem, nearest, quote};
use crate::schema::Schema;
use crate::tree::{Content, Node};
use crate::{Gateway, HttpRoute, Kind, Metadata, Object, Policy, Resource, Service};

/// A whole document of a kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Envelope<S> {
    #[expect(dead_code, reason = "checked before the document is typed")]
    api_version: String,
    #[expect(dead_code, reason = "checked before the document is typed")]
    kind: String,
    metadata: Metadata,
    spec: S,
}

impl<S> From<Envelope<S>> for Object<S> {
    fn from(envelope: Envelope<S>) -> Self {
        Self {
            metadata: envelope.metadata,
            spec: envelope.spec,
        }
    }
}

static GATEWAY: LazyLock<Schema> = LazyLock::new(Schema::of::<Envelope<Gateway>>);
static HTTP_ROUTE: LazyLock<Schema> = LazyLock::new(Schema::of::<Envelope<HttpRoute>>);
static SERVICE: LazyLock<Schema> = LazyLock::new(Schema::of::<Envelope<Service>>);
static POLICY: LazyLock<Schema> = LazyLock::new(Schema::of::<Envelope<Policy>>);

/// Kinds that people's documents have and that this version does not know.
const LATER: [&str; 17] = [
    "GRPCRoute",
    "TLSRoute",
    "TCPRoute",
    "UDPRoute",
    "GatewayClass",
    "ReferenceGrant",
    "BackendTLSPolicy",
    "BackendTrafficPolicy",
    "ListenerSet",
    "XListenerSet",
    "XMesh",
    "SLO",
    "SLI",
    "Experiment",
    "Rollout",
    "Lane",
    "AlertPolicy",
];

/// The resource that the tree describes.
pub(super) fn read(tree: &Node) -> Result<Resource, Vec<Problem>> {
    if !matches!(tree.content, Content::Map(_)) {
        let message = "a resource document is a mapping with apiVersion, kind, metadata and spec";
        return Err(vec![Problem::new("", message).at(tree.position)]);
    }
    match kind(tree)? {
        Kind::Gateway => checked(tree, &GATEWAY, Resource::Gateway),
        Kind::HttpRoute => checked(tree, &HTTP_ROUTE, Resource::HttpRoute),
        Kind::Service => checked(tree, &SERVICE, Resource::Service),
        Kind::Policy => checked(tree, &POLICY, |object| Resource::Policy(Box::new(object))),
    }
}

fn kind(tree: &Node) -> Result<Kind, Vec<Problem>> {
    let (name, version) = match (text(tree, "kind"), text(tree, "apiVersion")) {
        (Ok(name), Ok(version)) => (name, version),
        (name, version) => return Err([name.err(), version.err()].into_iter().flatten().collect()),
    };
    let fail = |field: &str, message: String| vec![Problem::new(field, message).at(place(tree, field))];
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
    let kind = kind.ok_or_else(|| fail("kind", unknown_kind(name)))?;
    if kind.api_version() == version {
        return Ok(kind);
    }
    let hint = match (kind, version) {
        (Kind::Service, "v1") => "; the Service of Kubernetes is another thing",
        _ => "",
    };
    let message = format!(
        "a {kind} has apiVersion {}, not {}{hint}",
        kind.api_version(),
        quote(version)
    );
    Err(fail("apiVersion", message))
}

fn text<'a>(tree: &'a Node, field: &str) -> Result<&'a str, Problem> {
    let message = match tree.entry(field).map(|entry| &entry.node.content) {
        Some(Content::Text(text)) => return Ok(text),
        Some(_) => "must be text",
        None => "is missing",
    };
    Err(Problem::new(field, message).at(place(tree, field)))
}

fn place(tree: &Node, field: &str) -> crate::tree::Position {
    tree.entry(field).map_or(tree.position, |entry| entry.position)
}

fn unknown_kind(name: &str) -> String {
    let known = Kind::ALL.map(Kind::as_str);
    let list = known.join(", ");
    if LATER.contains(&name) {
        return format!("{name} is not supported yet; known kinds are {list}");
    }
    match nearest(name, known) {
        Some(meant) => format!(
            "unknown kind {}, did you mean `{meant}`? known kinds are {list}",
            quote(name)
        ),
        None => format!("unknown kind {}, known kinds are {list}", quote(name)),
    }
}
