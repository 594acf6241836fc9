//! The one table of routes: what is served is what is documented.

use nines_wire::rest::ErrorBody;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AppState, configs, instances, resources, services, system, versions};

/// The frame that the routes fill.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Nines control plane",
        description = "Registry, configuration centre and resources. Durations are texts such as `30s`. Every answer \
                       that reads or writes state carries the store's revision in `revision` and `x-nines-revision`.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(ErrorBody)),
    tags(
        (name = "instances", description = "Register and govern single instances"),
        (name = "services", description = "What is registered"),
        (name = "configs", description = "The configuration centre"),
        (name = "resources", description = "Gateways, routes, services, policies"),
        (name = "system", description = "The control plane itself")
    )
)]
struct Frame;

/// Every route, with its documentation.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Frame::openapi())
        .routes(routes!(system::status))
        .routes(routes!(system::list_namespaces))
        .routes(routes!(system::openapi_document))
        .routes(routes!(services::list_services))
        .routes(routes!(services::list_instances))
        .routes(routes!(
            instances::get_instance,
            instances::register,
            instances::deregister
        ))
        .routes(routes!(instances::heartbeat))
        .routes(routes!(instances::put_override, instances::delete_override))
        .routes(routes!(configs::list_configs))
        .routes(routes!(configs::get_config, configs::publish, configs::delete_config))
        .routes(routes!(versions::history))
        .routes(routes!(versions::diff))
        .routes(routes!(versions::rollback))
        .routes(routes!(versions::config_status))
        .routes(routes!(resources::apply))
        .routes(routes!(resources::list_resources))
        .routes(routes!(resources::get_resource, resources::delete_resource))
}

/// The OpenAPI 3.1 document.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = routes().into_openapi();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        operations.into_iter().flatten().for_each(document_failure);
    }
    document
}

/// All failures have one shape.
fn document_failure(operation: &mut Operation) {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .build();
    let failure = ResponseBuilder::new()
        .description("Any failure; the status goes with `error.kind`")
        .content("application/json", content)
        .build();
    operation.responses.responses.insert("default".into(), failure.into());
}
