//! From Gateways to listeners with their tables.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use nines_model::gateway::{Address, AddressKind, Listener};
use nines_model::problem::Problem;
use nines_model::route::ParentRef;
use nines_model::{Catalog, Gateway, Resource, ResourceKey};

use super::rules::{Route, Rules};
use super::{each, problem};
use crate::route::{Found, Host, RequestParts, Table};

/// The class of the Gateways that are ours.
const CLASS: &str = "nines";

/// A listener's stable name: `namespace/gateway/listener`; behind the Gateway's first address `@ADDRESS` is added.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(Arc<str>);

/// One socket to listen on, for one listener or for several with different hosts.
#[derive(Debug)]
pub struct ListenerPlan {
    /// The first listener's.
    pub id: ListenerId,
    /// Port 0 lets the system choose.
    pub address: SocketAddr,
    /// The listeners' hosts.
    pub hosts: Vec<Host>,
    pub table: Table,
}

impl ListenerId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ListenerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ListenerPlan {
    /// The rule that takes `request`.
    pub fn find(&self, request: &impl RequestParts) -> Option<Found<'_>> {
        self.table.find(request)
    }
}

/// The listeners that `catalog` asks for, without what hangs on them: enough to open their sockets.
pub fn listeners(catalog: &Catalog) -> Vec<Arc<ListenerPlan>> {
    compile(catalog, &Rules::default(), &mut Vec::new())
}

/// The listeners of all Gateways. Those on one address and port with different hosts share the socket and one table, so
/// that a request which no rule of the most specific host takes goes on to the less specific ones, of whichever listener.
/// Of several with the same host the first wins.
pub(super) fn compile(catalog: &Catalog, rules: &Rules<'_>, problems: &mut Vec<Problem>) -> Vec<Arc<ListenerPlan>> {
    let routes = rules
        .routes
        .iter()
        .map(|route| Attachable::new(route, problems))
        .collect();
    let mut compiler = Compiler {
        routes,
        plans: Vec::new(),
        problems,
    };
    let gateways = each(catalog, |resource| match resource {
        Resource::Gateway(gateway) => Some(&gateway.spec),
        _ => None,
    });
    for (key, gateway) in gateways {
        compiler.gateway(key, gateway);
    }
    compiler.finish()
}

struct Compiler<'a, 'p> {
    routes: Vec<Attachable<'a>>,
    plans: Vec<ListenerPlan>,
    problems: &'p mut Vec<Problem>,
}

/// A route, its hosts, and which of its parents a listener was found for.
struct Attachable<'a> {
    route: &'a Route<'a>,
    hosts: Vec<Host>,
    found: Vec<bool>,
}

impl Compiler<'_, '_> {
    fn gateway(&mut self, key: &ResourceKey, gateway: &Gateway) {
        if gateway.gateway_class_name != CLASS {
            let message = format!("class `{}` is not ours; write `{CLASS}`", gateway.gateway_class_name);
            self.problems.push(problem(key, "spec.gatewayClassName", message));
            return;
        }
        let addresses = self.addresses(key, gateway);
        for (place, listener) in gateway.listeners.iter().enumerate() {
            let at = format!("spec.listeners[{place}]");
            match listener_host(listener) {
                Ok(host) => self.listener(key, listener, &addresses, &host, &at),
                Err(message) => self.problems.push(problem(key, format!("{at}.hostname"), message)),
            }
        }
    }

    fn addresses(&mut self, key: &ResourceKey, gateway: &Gateway) -> Vec<IpAddr> {
        if gateway.addresses.is_empty() {
            return vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        }
        let mut addresses = Vec::new();
        for (place, address) in gateway.addresses.iter().enumerate() {
            match parse_address(address) {
                Ok(address) => addresses.push(address),
                Err(message) => self
                    .problems
                    .push(problem(key, format!("spec.addresses[{place}]"), message)),
            }
        }
        addresses
    }

    fn listener(&mut self, key: &ResourceKey, listener: &Listener, addresses: &[IpAddr], host: &Host, at: &str) {
        for (number, address) in addresses.iter().enumerate() {
            let socket = SocketAddr::new(*address, listener.port);
            let id = listener_id(key, listener, *address, number);
            match self.claim(socket, id, host) {
                Ok(place) => self.attach(place, key, listener, host),
                Err(message) => self.problems.push(problem(key, format!("{at}.port"), message)),
            }
        }
    }

    /// The place of the plan for that socket. Port 0 is another port each time.
    fn claim(&mut self, socket: SocketAddr, id: ListenerId, host: &Host) -> Result<usize, String> {
        let known = |plan: &ListenerPlan| socket.port() != 0 && plan.address == socket;
        let Some(place) = self.plans.iter().position(known) else {
            self.plans.push(ListenerPlan {
                id,
                address: socket,
                hosts: vec![host.clone()],
                table: Table::default(),
            });
            return Ok(self.plans.len() - 1);
        };
        let plan = &mut self.plans[place];
        if plan.hosts.contains(host) {
            let first = &plan.id;
            return Err(format!(
                "{socket} is taken by listener {first} for the same hosts; choose another port or `hostname`"
            ));
        }
        plan.hosts.push(host.clone());
        Ok(place)
    }

    fn attach(&mut self, place: usize, gateway: &ResourceKey, listener: &Listener, host: &Host) {
        let table = &mut self.plans[place].table;
        for route in &mut self.routes {
            if route.refers_to(gateway, listener) {
                route.attach(table, host);
            }
        }
        table.sort();
    }

    fn finish(self) -> Vec<Arc<ListenerPlan>> {
        let lost = self.routes.iter().flat_map(Attachable::lost_parents);
        self.problems.extend(lost);
        self.plans.into_iter().map(Arc::new).collect()
    }
}

impl<'a> Attachable<'a> {
    fn new(route: &'a Route<'a>, problems: &mut Vec<Problem>) -> Self {
        let mut hosts = Vec::new();
        for (place, text) in route.spec.hostnames.iter().enumerate() {
            match Host::parse(text) {
                Some(host) => hosts.push(host),
                None => problems.push(problem(route.key, format!("spec.hostnames[{place}]"), bad_host(text))),
            }
        }
        if route.spec.hostnames.is_empty() {
            hosts.push(Host::Any);
        }
        let found = route
            .spec
            .parent_refs
            .iter()
            .map(|parent| !is_gateway(parent))
            .collect();
        Self { route, hosts, found }
    }

    fn refers_to(&mut self, gateway: &ResourceKey, listener: &Listener) -> bool {
        let mut any = false;
        for (parent, found) in self.route.spec.parent_refs.iter().zip(&mut self.found) {
            if is_gateway(parent) && names(parent, self.route.key, gateway, listener) {
                *found = true;
                any = true;
            }
        }
        any
    }

    /// Only hosts that both the listener and the route have. Two hosts of a route may come down to the same one.
    fn attach(&self, table: &mut Table, listener: &Host) {
        let hosts: BTreeSet<Host> = self.hosts.iter().filter_map(|host| host.intersect(listener)).collect();
        for host in &hosts {
            for candidate in &self.route.candidates {
                table.insert(host, candidate.clone());
            }
        }
    }

    fn lost_parents(&self) -> impl Iterator<Item = Problem> + '_ {
        let parents = self.route.spec.parent_refs.iter().zip(&self.found).enumerate();
        parents.filter(|(_, (_, found))| !**found).map(|(place, (parent, _))| {
            let message = format!(
                "no listener fits: Gateway `{}` or that listener of it does not exist or cannot be used",
                parent.name
            );
            problem(self.route.key, format!("spec.parentRefs[{place}]"), message)
        })
    }
}

fn is_gateway(parent: &ParentRef) -> bool {
    let group = parent
        .group
        .as_deref()
        .is_none_or(|group| group == "gateway.networking.k8s.io");
    group && parent.kind.as_deref().is_none_or(|kind| kind == "Gateway")
}

fn names(parent: &ParentRef, route: &ResourceKey, gateway: &ResourceKey, listener: &Listener) -> bool {
    parent.name == gateway.name
        && *parent.namespace.as_ref().unwrap_or(&route.namespace) == gateway.namespace
        && parent.section_name.as_ref().is_none_or(|name| *name == listener.name)
        && parent.port.is_none_or(|port| port == listener.port)
}

fn listener_id(gateway: &ResourceKey, listener: &Listener, address: IpAddr, number: usize) -> ListenerId {
    let name = format!("{}/{}/{}", gateway.namespace, gateway.name, listener.name);
    match number {
        0 => ListenerId(name.into()),
        _ => ListenerId(format!("{name}@{address}").into()),
    }
}

fn parse_address(address: &Address) -> Result<IpAddr, String> {
    let parsed = match address.kind {
        AddressKind::IPAddress => address.value.parse().ok(),
        AddressKind::Hostname => None,
    };
    parsed.ok_or_else(|| format!("`{}` is no IP address to listen on", address.value))
}

fn listener_host(listener: &Listener) -> Result<Host, String> {
    match &listener.hostname {
        None => Ok(Host::Any),
        Some(text) => Host::parse(text).ok_or_else(|| bad_host(text)),
    }
}

fn bad_host(text: &str) -> String {
    format!("`{text}` is neither a host name nor `*.` before one")
}
