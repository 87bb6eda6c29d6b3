//! `mesh/idle-route`: routes that no gateway goes by, though the gateway they name is at hand.
//!
//! In: VirtualServices and routes of the Gateway API, and the Gateways they name. Out: those of which nothing is asked: of no host
//! in common, not taken, not seen, or without the grant that leading to another namespace takes.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::Context;
use crate::entrances::{Entrance, Pods, common};
use crate::routing::gateway::IstioGateway;
use crate::routing::virtual_service::VirtualService;
use crate::routing::{Leads, Target};

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let routing = &context.model.policies().routing;
    for service in routing.virtual_services.iter().filter(|it| !it.hosts.is_empty()) {
        for name in service.gateways.iter().filter(|name| *name != "mesh") {
            let named = name.split_once('/');
            let is_it = |it: &&IstioGateway| named == Some((&it.object.namespace, &it.object.name));
            let gateway = routing.gateways.iter().find(is_it);
            let Some((why, help)) = idle(context, service, name, gateway) else { continue };
            let mut found = code::IDLE_ROUTE
                .at(service.object.span, format!("nothing comes to {} by the gateway `{name}`", service.object))
                .label(why);
            if let Some(gateway) = gateway {
                found = found.and(gateway.object.span, "the gateway it names");
            }
            diagnostics.report(found.help(help));
        }
    }
    ungranted(context, diagnostics);
}

/// Says why a gateway does not go by a VirtualService, and what to do; `None` where it may.
fn idle(
    context: &Context<'_>,
    service: &VirtualService,
    name: &str,
    gateway: Option<&IstioGateway>,
) -> Option<(String, &'static str)> {
    let Some(gateway) = gateway else {
        // One that is not at hand may be anywhere; one of that name in another namespace is what was meant.
        let (namespace, bare) = name.split_once('/')?;
        let gateways = &context.model.policies().routing.gateways;
        let other = gateways.iter().find(|it| it.object.name == bare && it.object.namespace != namespace)?;
        let knows_there = gateways.iter().any(|it| it.object.namespace == namespace)
            || context.model.policies().routing.virtual_services.iter().any(|it| it.object.namespace == namespace);
        let why = format!("there is none in `{namespace}`; there is {}", other.object);
        return knows_there.then_some((why, "write the namespace of the gateway before its name"));
    };
    let (own, namespace) = (&gateway.object.namespace, &service.object.namespace);
    let hosts = || gateway.servers.iter().flat_map(|server| &server.hosts);
    let shares = |dns: &str| service.hosts.iter().any(|host| common(host, dns).is_some());
    let is_taken = |from: &Option<String>| match from.as_deref() {
        None => true,
        Some(".") => own == namespace,
        Some(from) => from == namespace,
    };
    if !hosts().any(|(_, dns)| shares(dns)) {
        return Some(("none of its hosts is one of the gateway's".to_owned(), "add the host to the gateway's `hosts`"));
    }
    if !hosts().any(|(from, dns)| shares(dns) && is_taken(from)) {
        let why = format!("the gateway takes routes for these hosts from other namespaces than `{namespace}`");
        return Some((why, "write the namespace of the route before the host at the gateway, or move the route"));
    }
    let pods = context.entrances.listeners.iter().filter(|it| it.object == gateway.object).flat_map(of_pods);
    let namespaces: Option<Vec<String>> = pods.map(|pods| namespace_of(context, pods)).collect();
    let namespaces = namespaces.filter(|it| !it.is_empty() && !it.iter().any(|it| service.is_seen_in(it)))?;
    let why = format!("it is not exported to `{}`, where the gateway runs", namespaces.first()?);
    Some((why, "add the namespace of the gateway's pods to `exportTo`"))
}

fn of_pods(listener: &Entrance) -> impl Iterator<Item = &Pods> {
    listener.pods.iter().map(|it| &it.pods)
}

fn namespace_of(context: &Context<'_>, pods: &Pods) -> Option<String> {
    match pods {
        Pods::Workload(at) => {
            context.model.cluster().inventory.workloads.get(*at).map(|workload| workload.namespace.clone())
        }
        Pods::Known(stranger) => Some(stranger.identity.namespace.clone()),
        Pods::Unknown(_) => None,
    }
}

/// Reports backends of another namespace whose owner grants nothing.
fn ungranted(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let routing = &context.model.policies().routing;
    let declared = &context.model.cluster().inventory.declared;
    for route in &routing.routes {
        let own = (route.object.kind, route.object.namespace.as_str());
        let backends = route.rules.iter().filter_map(|rule| match &rule.leads {
            Leads::To(backends, _) => Some(backends),
            _ => None,
        });
        for backend in backends.flatten() {
            let Target::Service(namespace, name) = &backend.target else { continue };
            let lent = routing.lends(context.model.cluster().inventory, own, namespace, ("Service", name));
            if namespace == own.1 || !declared.contains(namespace) || lent.may() {
                continue;
            }
            diagnostics.report(
                code::IDLE_ROUTE
                    .at(backend.span, format!("nothing comes to Service {namespace}/{name} by {}", route.object))
                    .label(format!("no ReferenceGrant of `{namespace}` lets it lead there"))
                    .help(format!(
                        "add a ReferenceGrant to `{namespace}`, from {} of `{}` to that Service",
                        own.0, own.1
                    )),
            );
        }
    }
}
