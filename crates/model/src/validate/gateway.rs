//! Gateway.

use std::net::IpAddr;

use super::{Report, text};
use crate::gateway::{Address, AddressKind, Gateway, Listener};
use crate::problem::quote;

const MAX_LISTENERS: usize = 64;

pub(super) fn validate(report: &mut Report, gateway: &Gateway) {
    let class = &gateway.gateway_class_name;
    report.ensure(class == "nines", "spec.gatewayClassName", || {
        format!(
            "{} belongs to another system, Nines serves the class `nines`",
            quote(class)
        )
    });
    for (index, address) in gateway.addresses.iter().enumerate() {
        validate_address(report, &format!("spec.addresses[{index}]"), address);
    }
    report.ensure(!gateway.listeners.is_empty(), "spec.listeners", || {
        "a gateway needs at least one listener".into()
    });
    report.ensure(gateway.listeners.len() <= MAX_LISTENERS, "spec.listeners", || {
        format!("a gateway has at most {MAX_LISTENERS} listeners")
    });
    for (index, listener) in gateway.listeners.iter().enumerate() {
        let at = format!("spec.listeners[{index}]");
        report.name(format!("{at}.name"), &listener.name);
        if let Some(hostname) = &listener.hostname {
            report.take(format!("{at}.hostname"), text::hostname(hostname, true));
        }
    }
    unique_listeners(report, &gateway.listeners);
}

fn validate_address(report: &mut Report, at: &str, address: &Address) {
    match address.kind {
        AddressKind::IPAddress => {
            let good = address.value.parse::<IpAddr>().is_ok();
            report.ensure(good, format!("{at}.value"), || {
                format!("{} is not an IP address", quote(&address.value))
            });
        }
        AddressKind::Hostname => report.add(
            format!("{at}.type"),
            "`Hostname` is not supported yet: give the IP address to listen on",
        ),
    }
}

fn unique_listeners(report: &mut Report, listeners: &[Listener]) {
    report.unique(listeners.iter().enumerate().map(|(index, listener)| {
        let path = format!("spec.listeners[{index}].name");
        (
            path,
            listener.name.clone(),
            format!("the name {}", quote(&listener.name)),
        )
    }));
    let fixed = listeners.iter().enumerate().filter(|(_, listener)| listener.port != 0);
    report.unique(fixed.map(|(index, listener)| {
        let host = listener.hostname.as_deref();
        let shown = format!("port {} for {}", listener.port, host.unwrap_or("every host"));
        (format!("spec.listeners[{index}].port"), (listener.port, host), shown)
    }));
}
