//! Who is behind a host or a Service to which something leads.
//!
//! In: a target, and what routes. Out: the workloads behind it, each with a port, why there are none, and why nobody can tell all
//! of them. A host of a ServiceEntry may stand for pods of the mesh: those it selects, and those behind what its endpoints name.

use std::net::IpAddr;

use ringfence_compiler::inventory::{KubernetesService, Labels, Workload};
use ringfence_compiler::spec::reference::meets;

use crate::istio::read::selects;
use crate::model::{Model, numbered};
use crate::routing::service_entry::{At, Endpoint, EntryPort, ServiceEntry};
use crate::routing::{Backend, Rewriting, Routing, Target};

/// Who is behind a target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behind {
    /// Workloads by their position in the inventory, each with a port.
    pub leads: Vec<(usize, u16)>,
    /// Why there are none.
    pub lost: Option<String>,
    /// Why nobody knows how, or to which of them, requests get there.
    pub doubt: Option<String>,
    /// Whether somebody who is not of the mesh is there.
    pub is_outside: bool,
    /// Whether any pod may be there.
    pub may_be_anybody: bool,
}

/// Finds who is behind a backend.
pub(super) fn of(model: &Model<'_>, routing: &Routing, backend: &Backend) -> Behind {
    let place = Place { model, routing, is_home: true };
    place.behind(backend)
}

/// Finds who is behind a backend in another cluster than that of the objects that route: what is not shown there is not there.
pub(super) fn elsewhere(model: &Model<'_>, routing: &Routing, backend: &Backend) -> Behind {
    let place = Place { model, routing, is_home: false };
    place.behind(backend)
}

/// Finds the workloads of the mesh behind a ServiceEntry, at one of its ports or at all.
pub(crate) fn of_entry(model: &Model<'_>, routing: &Routing, entry: &ServiceEntry, port: Option<u16>) -> Behind {
    Place { model, routing, is_home: true }.of_entry(entry, port)
}

/// Where somebody is looked for.
#[derive(Clone, Copy)]
struct Place<'p, 'm> {
    model: &'p Model<'m>,
    routing: &'p Routing,
    /// Whether it is the cluster of the objects that route.
    is_home: bool,
}

impl Place<'_, '_> {
    fn behind(self, backend: &Backend) -> Behind {
        let Self { model, routing, .. } = self;
        let target = &backend.target;
        let (mut leads, lost) = leads(model, routing, backend);
        let mut may_be_anybody = self.is_unknown(target);
        let host = match target {
            Target::Service(namespace, name) => format!("{name}.{namespace}.svc.cluster.local"),
            Target::Host(host) => host.clone(),
            Target::Other(_) => String::new(),
        };
        let mut doubt = None;
        for entry in routing.entries.iter().filter(|entry| entry.is_about(&host)) {
            let within = self.of_entry(entry, backend.port);
            doubt = doubt.or(within.doubt);
            may_be_anybody |= within.may_be_anybody;
            if !leads.is_empty() && !within.leads.is_empty() {
                doubt = doubt.or_else(|| Some(format!("{} is about the host of {target} as well", entry.object)));
            }
            leads.extend(within.leads);
        }
        leads.sort_unstable();
        leads.dedup();
        let lost = lost.filter(|_| !may_be_anybody && leads.is_empty());
        Behind { leads, lost, doubt, is_outside: false, may_be_anybody }
    }

    fn of_entry(self, entry: &ServiceEntry, port: Option<u16>) -> Behind {
        let Self { model, .. } = self;
        let mut behind = Behind::default();
        let ports = || entry.ports.iter().filter(move |own| port.is_none_or(|port| own.port == port));
        if let Some(selector) = &entry.selector {
            let here = model.cluster().inventory.workloads_in(&entry.object.namespace);
            let selected = here.filter(|(_, workload)| !selector.is_empty() && selects(selector, &workload.labels));
            behind.leads.extend(selected.flat_map(|(at, _)| ports().map(move |port| (at, port.target))));
        }
        for endpoint in &entry.endpoints {
            for port in ports() {
                behind.add(endpoint, port, self, entry);
            }
        }
        behind
    }

    /// Tells whether nobody knows who is behind a target: a Service without a selector, such as one whose endpoints somebody writes or
    /// that is another name of something, or a kind that is not followed.
    fn is_unknown(self, target: &Target) -> bool {
        let inventory = self.model.cluster().inventory;
        match target {
            Target::Service(namespace, name) => {
                let known = inventory.services_in(namespace).iter().chain(&self.routing.services);
                let mut known = known.into_iter().filter(|it| !it.is_entry);
                let found = known.find(|it| it.namespace == *namespace && it.name == *name);
                // Of a namespace of which nothing is at hand, its Services are elsewhere.
                let is_elsewhere = self.is_home && !inventory.namespaces.contains_key(namespace);
                found.map_or(is_elsewhere, |service| service.selector.is_empty())
            }
            Target::Host(_) => false,
            Target::Other(_) => true,
        }
    }
}

impl Behind {
    /// Adds who is at an endpoint.
    fn add(&mut self, endpoint: &Endpoint, port: &EntryPort, place: Place<'_, '_>, entry: &ServiceEntry) {
        let Place { model, routing, .. } = place;
        let at = endpoint.port(port);
        match &endpoint.at {
            At::Address(address) => {
                let machines = model.workloads().enumerate().filter(|(_, workload)| {
                    let own = workload.machine.as_ref();
                    own.is_some_and(|machine| machine.addresses.iter().any(|block| block.contains(address)))
                });
                let before = self.leads.len();
                self.leads.extend(machines.map(|(found, _)| (found, at)));
                let is_known = self.leads.len() > before;
                self.may_be_anybody |= !is_known && may_be_a_pod(model, *address);
                self.is_outside |= !is_known;
            }
            At::Named(target) => {
                let named = Backend {
                    target: target.clone(),
                    subset: None,
                    port: Some(at),
                    mirrors: false,
                    rewriting: Rewriting::default(),
                    span: entry.object.span,
                };
                let (leads, _) = leads(model, routing, &named);
                self.is_outside |= leads.is_empty();
                if !leads.is_empty() {
                    // Who calls a Service by its address comes without the certificate that goes with its name.
                    self.doubt = Some(format!("{} leads to {target} by its address", entry.object));
                }
                self.leads.extend(leads);
                self.may_be_anybody |= matches!(target, Target::Service(..)) && place.is_unknown(target);
            }
        }
    }
}

/// Tells whether a pod may have an address: where no facts say which pods have, it is one that is not of the internet.
fn may_be_a_pod(model: &Model<'_>, address: IpAddr) -> bool {
    let pods = &model.cluster().document.spec.pod_cidrs;
    if !pods.is_empty() {
        return pods.iter().any(|block| meets(&block.value.0, &address.into()));
    }
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || (first, second & 0xc0) == (100, 64)
        }
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// Returns the workloads behind a target, or why there are none.
fn leads(
    model: &Model<'_>,
    routing: &Routing,
    Backend { target, subset, port, .. }: &Backend,
) -> (Vec<(usize, u16)>, Option<String>) {
    // A host may be that of a Service, and to lead there by it takes no grant.
    let of_host = if let Target::Host(host) = target { Target::of_host(host, "") } else { target.clone() };
    let (namespace, name) = match &of_host {
        Target::Service(namespace, name) => (namespace, name),
        Target::Host(_) => return (Vec::new(), None),
        Target::Other(what) => return (Vec::new(), Some(format!("{what} is not followed"))),
    };
    let inventory = model.cluster().inventory;
    let known = inventory.services_in(namespace).iter().chain(&routing.services);
    let mut known = known.into_iter().filter(|it| !it.is_entry);
    let Some(service) = known.find(|it| it.namespace == *namespace && it.name == *name) else {
        return (Vec::new(), Some(format!("there is no Service {namespace}/{name}")));
    };
    let ports: Vec<_> = match port {
        Some(port) => service.ports.iter().filter(|it| it.port == *port).collect(),
        None => service.ports.iter().collect(),
    };
    if ports.is_empty() {
        let port = port.map_or_else(String::new, |port| format!(" {port}"));
        return (Vec::new(), Some(format!("Service {namespace}/{name} has no port{port}")));
    }
    let subset = match subset.as_ref().map(|subset| (subset, labels_of(routing, target, subset))) {
        None => Labels::new(),
        Some((_, Some(labels))) => labels,
        Some((subset, None)) => {
            return (
                Vec::new(),
                Some(format!("no DestinationRule of Service {namespace}/{name} has a subset {subset}")),
            );
        }
    };
    let pods = || fronted(model, service).filter(|(_, pods)| selects(&subset, &pods.labels));
    let all = pods().flat_map(|(at, pods)| {
        ports.iter().flat_map(move |port| numbered(pods, &port.target)).map(move |port| (at, port))
    });
    let leads: Vec<_> = all.collect();
    let lost = leads.is_empty().then(|| format!("no workload at hand is behind Service {namespace}/{name}"));
    (leads, lost)
}

/// Returns the labels of a subset; none where no rule at hand is about the host, and nobody knows the subset.
fn labels_of(routing: &Routing, target: &Target, subset: &str) -> Option<Labels> {
    let mut rules = routing.subsets.iter().filter(|rule| rule.target == *target).peekable();
    if rules.peek().is_none() {
        return Some(Labels::new());
    }
    rules.find_map(|rule| rule.subsets.get(subset)).cloned()
}

/// Returns the workloads behind a Service, with their positions in the inventory.
pub(super) fn fronted<'m>(
    model: &Model<'m>,
    service: &KubernetesService,
) -> impl Iterator<Item = (usize, &'m Workload)> {
    let (selector, namespace) = (service.selector.clone(), service.namespace.clone());
    let here = model.cluster().inventory.workloads_in(&namespace);
    here.filter(move |(_, pods)| !selector.is_empty() && selects(&selector, &pods.labels))
}
