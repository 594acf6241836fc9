//! Two Gateways that want the same port. (Within one Gateway, validation has looked.)

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::{World, found};
use crate::problem::Problem;
use crate::{Gateway, Resource, ResourceKey};

struct Socket<'a> {
    address: IpAddr,
    hostname: Option<&'a str>,
    owner: &'a ResourceKey,
    listener: &'a str,
}

pub(super) fn check(world: &World<'_>, problems: &mut Vec<Problem>) {
    let mut sockets: BTreeMap<u16, Vec<Socket<'_>>> = BTreeMap::new();
    for (key, resource) in world.resources {
        let Resource::Gateway(gateway) = resource else { continue };
        for (index, listener) in gateway.spec.listeners.iter().enumerate().filter(|(_, l)| l.port != 0) {
            let taken = sockets.entry(listener.port).or_default();
            for address in addresses(&gateway.spec) {
                let socket = Socket {
                    address,
                    hostname: listener.hostname.as_deref(),
                    owner: key,
                    listener: &listener.name,
                };
                if let Some(other) = taken.iter().find(|other| clash(other, &socket)) {
                    let message = format!(
                        "port {} on {address} is taken by the listener `{}` of {}",
                        listener.port, other.listener, other.owner
                    );
                    problems.push(found(key, format!("spec.listeners[{index}].port"), message));
                }
                taken.push(socket);
            }
        }
    }
}

fn addresses(gateway: &Gateway) -> Vec<IpAddr> {
    if gateway.addresses.is_empty() {
        return vec![Ipv4Addr::LOCALHOST.into()];
    }
    gateway
        .addresses
        .iter()
        .filter_map(|address| address.value.parse().ok())
        .collect()
}

/// One socket may serve the hosts of several Gateways; two overlapping sockets would split the traffic.
fn clash(a: &Socket<'_>, b: &Socket<'_>) -> bool {
    if a.owner == b.owner {
        return false;
    }
    if a.address == b.address {
        return a.hostname == b.hostname;
    }
    a.address.is_ipv4() == b.address.is_ipv4() && (a.address.is_unspecified() || b.address.is_unspecified())
}
