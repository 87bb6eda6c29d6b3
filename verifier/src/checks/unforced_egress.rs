//! `mesh/unforced-egress`: calls that are to pass an egress gateway, and workloads that nothing keeps from calling straight.
//!
//! A VirtualService tells sidecars the way; whoever leaves its sidecar out goes where the network lets it. Only policies of the
//! network force calls through a gateway.

use std::collections::BTreeSet;

use ipnet::IpNet;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::source::Span;

use super::{Context, listed, quoted};
use crate::istio::read::selects;
use crate::kubernetes::passage::Passage;
use crate::reach::is_gateway;
use crate::routing::virtual_service::VirtualService;
use crate::routing::{Leads, Target};

/// Addresses that stand for whatever is outside (RFC 5737).
const OUTSIDE: &str = "198.51.100.0/24";

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let Ok(outside) = OUTSIDE.parse::<IpNet>() else { return };
    let model = context.model;
    let root = model.cluster().root_namespace();
    for service in &model.policies().routing.virtual_services {
        let entries = context.surroundings.entries.iter().filter(|entry| entry.is_outside);
        let Some(entry) = entries.into_iter().find(|it| it.hosts.iter().any(|host| service.hosts.contains(host)))
        else {
            continue;
        };
        let Some((span, gateway)) = to_gateway(context, service) else { continue };
        let past: Vec<&Workload> = model
            .workloads()
            .filter(|it| !is_gateway(it) && it.namespace != root)
            .filter(|it| service.is_seen_in(&it.namespace) && model.identity(it).is_some())
            .filter(|it| {
                let leaves = |port: &u16| model.network().leaves_for(it, outside, *port, &[]);
                entry.ports.iter().any(|port| matches!(leaves(port), Passage::Open(_)))
            })
            .collect();
        if past.is_empty() {
            continue;
        }
        let host = entry.hosts.iter().find(|host| service.hosts.contains(host)).map_or("", String::as_str);
        diagnostics.report(
            code::UNFORCED_EGRESS
                .at(service.object.span, format!("calls for `{host}` need not pass the egress gateway {}", quoted(gateway)))
                .label(format!("the network lets {} call straight", listed(past.iter().map(|it| quoted(it)))))
                .and(span, "sidecars are told to go by the gateway; who evades its sidecar is told nothing")
                .help("refuse egress to addresses outside the cluster by NetworkPolicy to all pods but those of the gateway"),
        );
    }
}

/// Finds the rule by which sidecars go through a gateway of the cluster, and that gateway.
fn to_gateway<'m>(context: &Context<'m>, service: &VirtualService) -> Option<(Span, &'m Workload)> {
    if !service.gateways.iter().any(|gateway| gateway == "mesh") {
        return None;
    }
    let inventory = context.model.cluster().inventory;
    let mut seen = BTreeSet::new();
    let rules = service.http.iter().chain(&service.tls).chain(&service.tcp);
    rules
        .filter(|rule| {
            rule.matches.iter().any(|it| it.gateways.is_empty() || it.gateways.iter().any(|gateway| gateway == "mesh"))
        })
        .filter_map(|rule| match &rule.leads {
            Leads::To(backends, _) => Some((rule.span, backends)),
            _ => None,
        })
        .flat_map(|(span, backends)| backends.iter().map(move |backend| (span, &backend.target)))
        .find_map(|(span, target)| {
            let Target::Service(namespace, name) = target else { return None };
            if !seen.insert((namespace.clone(), name.clone())) {
                return None;
            }
            let called = inventory.services_in(namespace).iter().find(|it| it.name == *name)?;
            let mut pods = inventory.workloads_in(namespace).map(|(_, workload)| workload);
            let gateway =
                pods.find(|it| is_gateway(it) && !called.selector.is_empty() && selects(&called.selector, &it.labels));
            Some((span, gateway?))
        })
}
