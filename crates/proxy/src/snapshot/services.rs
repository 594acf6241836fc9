//! Which services the data plane has to know about.

use std::collections::BTreeSet;

use nines_balance::registered;
use nines_model::{Catalog, Resource, ServiceKey};

use super::each;
use super::rules::service_of;

/// The registered services whose instances the routes of `catalog` need: the backends themselves, or what the Service
/// resource of that name selects. The control source declares its interest in them.
pub fn services(catalog: &Catalog) -> BTreeSet<ServiceKey> {
    let routes = each(catalog, |resource| match resource {
        Resource::HttpRoute(route) => Some(route),
        _ => None,
    });
    let backends = routes.flat_map(|(key, route)| {
        let refs = route.spec.rules.iter().flat_map(|rule| &rule.backend_refs);
        refs.filter_map(move |backend| service_of(key, backend).ok())
    });
    backends.map(|key| registered(catalog, &key)).collect()
}
