//! `nines service`.

use nines_client::RestError;
use nines_model::InstanceState;
use nines_wire::rest::{InstanceView, OverrideRequest, ServiceListView};

use super::Context;
use crate::cli::{InstanceArgs, ServiceCommand, WeightArgs};
use crate::exit::Failure;
use crate::output::{Field, Mood, Rows, Style};

pub(super) async fn run(context: &Context, command: ServiceCommand) -> Result<(), Failure> {
    match command {
        ServiceCommand::List => list(context).await,
        ServiceCommand::Show { service } => show(context, &service).await,
        ServiceCommand::Disable(target) => disable(context, &target).await,
        ServiceCommand::Enable(target) => enable(context, &target).await,
        ServiceCommand::Weight(args) => weight(context, &args).await,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let answer = context.rest.services(&context.namespace).await?;
    context
        .output
        .show(&answer, |style| render_services(&answer, &context.namespace, style))
}

fn render_services(answer: &ServiceListView, namespace: &str, style: Style) -> String {
    let mut rows = Rows::new(["SERVICE", "SERVING", "INSTANCES"]);
    for service in &answer.services {
        let mood = match service.serving {
            0 => Mood::Bad,
            serving if serving < service.instances => Mood::Warning,
            _ => Mood::Good,
        };
        rows.add([
            Field::from(&service.name),
            Field::new(service.serving.to_string(), mood),
            Field::from(service.instances),
        ]);
    }
    rows.render(style, &format!("no service is registered in namespace {namespace}"))
}

async fn show(context: &Context, service: &str) -> Result<(), Failure> {
    let answer = context.rest.instances(&context.namespace, service).await?;
    if answer.instances.is_empty() {
        let namespace = &context.namespace;
        let way = "`nines service list` shows what is registered";
        return Err(Failure::Refused(format!(
            "no instance of {namespace}/{service} is registered; {way}"
        )));
    }
    context
        .output
        .show(&answer, |style| render_instances(&answer.instances, style))
}

fn render_instances(instances: &[InstanceView], style: Style) -> String {
    let mut rows = Rows::new(["INSTANCE", "STATE", "WEIGHT", "ADDRESS", "LABELS"]);
    for instance in instances {
        rows.add([
            Field::from(&instance.id),
            state(instance),
            Field::from(instance.weight),
            Field::from(address(instance)),
            Field::from(labels(instance)),
        ]);
    }
    rows.render(style, "no instance")
}

fn state(instance: &InstanceView) -> Field {
    if instance.disabled {
        return Field::new("disabled", Mood::Warning);
    }
    let mood = match instance.state {
        InstanceState::Ready => Mood::Good,
        InstanceState::Starting | InstanceState::Draining | InstanceState::Suspect => Mood::Warning,
        InstanceState::Down => Mood::Bad,
    };
    Field::new(instance.state.as_str(), mood)
}

fn address(instance: &InstanceView) -> String {
    match instance.address.parse() {
        Ok(ip) => std::net::SocketAddr::new(ip, instance.port).to_string(),
        Err(_) => format!("{}:{}", instance.address, instance.port),
    }
}

fn labels(instance: &InstanceView) -> String {
    let labels: Vec<String> = instance
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    labels.join(" ")
}

async fn disable(context: &Context, target: &InstanceArgs) -> Result<(), Failure> {
    let current = current(context, target).await?;
    let over = OverrideRequest {
        disabled: true,
        ..current
    };
    set(
        context,
        target,
        &over,
        "disabled: no new request goes to it until `nines service enable`",
    )
    .await
}

async fn enable(context: &Context, target: &InstanceArgs) -> Result<(), Failure> {
    let over = match current(context, target).await {
        Ok(current) => OverrideRequest {
            disabled: false,
            ..current
        },
        // What an operator set outlives the instance, and must be possible to take back without it.
        Err(RestError::Refused(detail)) if detail.kind == "not_found" => OverrideRequest::default(),
        Err(error) => return Err(error.into()),
    };
    set(context, target, &over, "enabled").await
}

async fn weight(context: &Context, args: &WeightArgs) -> Result<(), Failure> {
    let current = current(context, &args.target).await?;
    let over = OverrideRequest {
        weight: args.weight,
        ..current
    };
    let what = match args.weight {
        Some(weight) => format!("has weight {weight}"),
        None => "has its own weight again".into(),
    };
    set(context, &args.target, &over, &what).await
}

async fn current(context: &Context, target: &InstanceArgs) -> Result<OverrideRequest, RestError> {
    let answer = context
        .rest
        .instance(&context.namespace, &target.service, &target.instance)
        .await?;
    Ok(answer.over.unwrap_or_default())
}

/// Sets what is left of an override; one that says nothing is cleared.
async fn set(context: &Context, target: &InstanceArgs, over: &OverrideRequest, what: &str) -> Result<(), Failure> {
    let (namespace, service, id) = (&context.namespace, &target.service, &target.instance);
    let name = format!("{namespace}/{service}/{id}");
    if *over == OverrideRequest::default() {
        let answer = context.rest.clear_override(namespace, service, id).await?;
        return context.output.show(&answer, |_| format!("{name} {what}\n"));
    }
    let answer = context.rest.set_override(namespace, service, id, over).await?;
    context.output.show(&answer, |_| format!("{name} {what}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_wire::rest::ServiceSummary;

    fn instance(id: &str, state: InstanceState, disabled: bool) -> InstanceView {
        InstanceView {
            namespace: "default".into(),
            service: "orders".into(),
            id: id.into(),
            address: "::1".into(),
            port: 8080,
            ports: Vec::new(),
            labels: [
                ("version".to_owned(), "v1".to_owned()),
                ("zone".to_owned(), "a".to_owned()),
            ]
            .into(),
            weight: 100,
            state,
            disabled,
            revision: 1,
        }
    }

    #[test]
    fn instances_as_a_table() {
        let instances = [
            instance("orders-1", InstanceState::Ready, false),
            instance("orders-2", InstanceState::Down, true),
        ];
        assert_eq!(
            render_instances(&instances, Style::Plain),
            "INSTANCE  STATE     WEIGHT  ADDRESS     LABELS
orders-1  ready     100     [::1]:8080  version=v1 zone=a
orders-2  disabled  100     [::1]:8080  version=v1 zone=a
"
        );
    }

    #[test]
    fn services_as_a_table() {
        let summary = |name: &str, instances, serving| ServiceSummary {
            name: name.into(),
            instances,
            serving,
        };
        let mut answer = ServiceListView {
            revision: 1,
            services: vec![summary("a", 3, 2), summary("orders", 1, 1)],
        };
        let table = render_services(&answer, "shop", Style::Plain);
        assert_eq!(
            table,
            "SERVICE  SERVING  INSTANCES\na        2        3\norders   1        1\n"
        );
        answer.services.clear();
        let table = render_services(&answer, "shop", Style::Plain);
        assert_eq!(table, "no service is registered in namespace shop\n");
    }
}
