//! Routes at Services: what is called there by way of a waypoint goes where they lead.
//!
//! In: routes with a Service as their parent, and VirtualServices of the mesh for the host of one. Out: by workload and port the
//! [`Detour`]s that lead there. A sidecar sends its own calls so, as its own workload, which may call there anyway; a waypoint sends
//! those of others, as itself. So only Services with a waypoint count.

use std::collections::BTreeMap;

use ringfence_compiler::inventory::KubernetesService;
use ringfence_compiler::source::Span;

use super::behind;
use crate::engine::Test;
use crate::model::Model;
use crate::routing::virtual_service::VirtualService;
use crate::routing::{Backend, Leads, Named, Routing, Rule, Target};
use crate::waypoints::used_by;

/// A rule of a route at a Service.
#[derive(Debug, Clone)]
pub(crate) struct Detour {
    /// The route.
    pub route: Named,
    /// The rule: its position, and where it was written.
    pub rule: (usize, Span),
    /// The Service that is called: its namespace and name.
    pub service: (String, String),
    /// The port of it, if it is one alone.
    pub port: Option<u16>,
    /// What its matches ask of requests, each with all that must hold; empty where it is not about requests.
    pub matches: Vec<Vec<Test>>,
}

/// Detours by the workload and the port where they lead.
pub(super) type Detours = BTreeMap<(usize, u16), Vec<Detour>>;

/// Finds them.
pub(super) fn of(model: &Model<'_>, routing: &Routing) -> Detours {
    let mut found = Detours::new();
    for route in &routing.routes {
        for parent in route.parents.iter().filter(|parent| parent.kind == "Service") {
            for rule in &route.rules {
                let at = (&route.object, (parent.namespace.as_str(), parent.name.as_str()), parent.port);
                add(&mut found, model, routing, at, rule, route.is_of_requests());
            }
        }
    }
    let of_mesh = routing.virtual_services.iter().filter(|it| it.gateways.iter().any(|name| name == "mesh"));
    for service in of_mesh {
        for host in &service.hosts {
            let Target::Service(namespace, name) = Target::of_host(host, &service.object.namespace) else { continue };
            let at = (&service.object, (namespace.as_str(), name.as_str()), None);
            for (rules, is_of_requests) in [(&service.http, true), (&service.tls, false), (&service.tcp, false)] {
                for rule in rules {
                    add(&mut found, model, routing, at, rule, is_of_requests);
                }
            }
        }
    }
    found
}

fn add(
    found: &mut Detours,
    model: &Model<'_>,
    routing: &Routing,
    (route, (namespace, name), port): (&Named, (&str, &str), Option<u16>),
    rule: &Rule,
    is_of_requests: bool,
) {
    let inventory = model.cluster().inventory;
    let is_it = |it: &&KubernetesService| it.name == name && !it.is_entry;
    let Some(service) = inventory.services_in(namespace).iter().find(is_it) else { return };
    if used_by(&service.labels, inventory.namespaces.get(namespace), namespace).is_none() {
        return;
    }
    let detour = Detour {
        route: route.clone(),
        rule: (rule.position, rule.span),
        service: (namespace.to_owned(), name.to_owned()),
        port,
        matches: rule.matches.iter().filter(|_| is_of_requests).map(|it| it.tests.clone()).collect(),
    };
    for backend in backends(routing, &rule.leads) {
        // Its own pods are called through it anyway.
        if matches!(&backend.target, Target::Service(own, it) if own == namespace && it == name) {
            continue;
        }
        for to in behind::of(model, routing, backend).leads {
            found.entry(to).or_default().push(detour.clone());
        }
    }
}

/// Returns where a rule leads, through a delegate where there is one.
fn backends<'r>(routing: &'r Routing, leads: &'r Leads) -> Vec<&'r Backend> {
    match leads {
        Leads::To(backends, _) => backends.iter().collect(),
        Leads::Nowhere(_) => Vec::new(),
        Leads::Delegate(to) => {
            let is_it = |it: &&VirtualService| it.object.namespace == to.namespace && it.object.name == to.name;
            let rules = routing.virtual_services.iter().filter(is_it).flat_map(|it| &it.http);
            let of_rule =
                |rule: &'r Rule| if let Leads::To(backends, _) = &rule.leads { backends.as_slice() } else { &[] };
            rules.flat_map(of_rule).chain(&to.mirrors).collect()
        }
    }
}
