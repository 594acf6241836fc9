//! `nines get`.

use nines_model::{HttpRoute, Kind, Resource, gateway::Listener, policy::TargetRef};
use serde_json::Value;

use super::Context;
use crate::cli::{Format, GetArgs};
use crate::exit::Failure;
use crate::output::{Field, Rows, Style};

pub(super) async fn run(context: &Context, args: &GetArgs) -> Result<(), Failure> {
    let kind = args.kind.as_str();
    if let Some(name) = &args.name {
        let answer = context.rest.resource(kind, &context.namespace, name).await?;
        let resource = read(&answer.resource)?;
        return match context.output.format {
            Format::Yaml => context.output.print(&resource.to_yaml()),
            _ => context
                .output
                .show(&answer.resource, |style| render(args.kind, &[resource], "", style)),
        };
    }
    let namespace = (!args.all_namespaces).then_some(context.namespace.as_str());
    let answer = context.rest.resources(kind, namespace).await?;
    let resources = answer.resources.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let empty = match namespace {
        Some(namespace) => format!("no {kind} in namespace {namespace}"),
        None => format!("no {kind} in any namespace"),
    };
    match context.output.format {
        Format::Yaml => context.output.print(&documents(&resources)),
        _ => context
            .output
            .show(&answer.resources, |style| render(args.kind, &resources, &empty, style)),
    }
}

fn read(json: &Value) -> Result<Resource, Failure> {
    let newer = |problem| format!("the control plane's answer cannot be read ({problem}); is it a newer version?");
    Resource::from_json(json).map_err(|problem| Failure::Refused(newer(problem)))
}

/// Documents that `nines apply` reads back.
fn documents(resources: &[Resource]) -> String {
    let documents: Vec<String> = resources.iter().map(Resource::to_yaml).collect();
    documents.join("---\n")
}

fn render(kind: Kind, resources: &[Resource], empty: &str, style: Style) -> String {
    let mut rows = match kind {
        Kind::Gateway => Rows::new(["NAMESPACE", "NAME", "LISTENERS"]),
        Kind::HttpRoute => Rows::new(["NAMESPACE", "NAME", "GATEWAYS", "HOSTS", "RULES", "BACKENDS"]),
        Kind::Service => Rows::new(["NAMESPACE", "NAME", "INSTANCES OF", "LABELS", "ENDPOINTS"]),
        Kind::Policy => Rows::new(["NAMESPACE", "NAME", "TARGETS"]),
    };
    for resource in resources {
        rows.add(row(resource));
    }
    rows.render(style, empty)
}

fn row(resource: &Resource) -> Vec<Field> {
    let metadata = resource.metadata();
    let mut row = vec![Field::from(&metadata.namespace), Field::from(&metadata.name)];
    match resource {
        Resource::Gateway(gateway) => row.push(join(gateway.spec.listeners.iter().map(listener)).into()),
        Resource::HttpRoute(route) => row.extend(route_fields(&route.spec)),
        Resource::Service(service) => {
            let selector = service.spec.selector.clone().unwrap_or_default();
            let labels = selector.labels.iter().map(|(key, value)| format!("{key}={value}"));
            row.push(Field::from(selector.service.as_ref().unwrap_or(&metadata.name)));
            row.push(join(labels).into());
            row.push(join(service.spec.endpoints.iter().map(|endpoint| endpoint.address.clone())).into());
        }
        Resource::Policy(policy) => row.push(join(policy.spec.target_refs.iter().map(target)).into()),
    }
    row
}

fn route_fields(route: &HttpRoute) -> [Field; 4] {
    let hosts = if route.hostnames.is_empty() {
        "*".into()
    } else {
        join(route.hostnames.iter().cloned())
    };
    let backends = route.rules.iter().flat_map(|rule| &rule.backend_refs);
    [
        join(route.parent_refs.iter().map(|parent| parent.name.clone())).into(),
        hosts.into(),
        route.rules.len().into(),
        join(backends.map(|backend| format!("{}:{}", backend.name, backend.weight))).into(),
    ]
}

fn listener(listener: &Listener) -> String {
    match &listener.hostname {
        Some(host) => format!("{}:{} ({host})", listener.name, listener.port),
        None => format!("{}:{}", listener.name, listener.port),
    }
}

fn target(target: &TargetRef) -> String {
    format!("{:?}/{}", target.kind, target.name)
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: edge},
 spec: {gatewayClassName: nines, listeners: [{name: http, protocol: HTTP, port: 8080, hostname: shop.local}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: orders},
 spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: orders, weight: 95}, {name: orders-v2, weight: 5}]}]}}
---
{apiVersion: nines.dev/v1, kind: Service, metadata: {name: orders-v2},
 spec: {selector: {service: orders, labels: {version: v2}}, endpoints: [{address: '10.0.0.1:80'}]}}
";

    #[track_caller]
    fn check(kind: Kind, table: &str) {
        let resources = nines_model::document::parse(TEXT, None).expect("valid documents");
        let resources: Vec<Resource> = resources
            .into_iter()
            .filter(|resource| resource.kind() == kind)
            .collect();
        assert_eq!(render(kind, &resources, "no policy", Style::Plain), table);
    }

    #[test]
    fn each_kind_has_its_columns() {
        check(
            Kind::Gateway,
            "NAMESPACE  NAME  LISTENERS\ndefault    edge  http:8080 (shop.local)\n",
        );
        check(
            Kind::HttpRoute,
            "NAMESPACE  NAME    GATEWAYS  HOSTS  RULES  BACKENDS
default    orders  edge      *      1      orders:95 orders-v2:5\n",
        );
        check(
            Kind::Service,
            "NAMESPACE  NAME       INSTANCES OF  LABELS      ENDPOINTS
default    orders-v2  orders        version=v2  10.0.0.1:80\n",
        );
        check(Kind::Policy, "no policy\n");
    }

    #[test]
    fn yaml_reads_back() {
        let resources = nines_model::document::parse(TEXT, None).expect("valid documents");
        assert_eq!(
            nines_model::document::parse(&documents(&resources), None),
            Ok(resources)
        );
    }
}
