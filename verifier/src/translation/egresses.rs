//! Whether workloads get out to the hosts of an Egress, and by its gateway nobody else.
//!
//! In: [`Resolved`] policy, and the objects that were compiled from it. Out: the egresses of which that was shown, and a report for
//! each that differs. Of one without a gateway it is shown that its callers get out; where it names no addresses, whoever gets out
//! there gets out anywhere, and nobody is kept from its hosts by it.

use std::collections::BTreeSet;

use ipnet::IpNet;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::verify as code;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::resolve::Resolved;
use ringfence_compiler::resolve::egresses::Leaving as Meant;
use ringfence_compiler::source::Span;

use crate::entrances::Entrances;
use crate::model::Model;
use crate::outward::{Host, inside, leaving};
use crate::reach::{Gate, Reach};

/// Compares the egresses of a cluster; returns where those were written of which something differs.
pub(super) fn compare(resolved: &Resolved<'_>, model: &Model<'_>, diagnostics: &mut Diagnostics) -> BTreeSet<Span> {
    let here: Vec<&Meant<'_>> = resolved.egresses.iter().filter(|it| it.cluster == model.name()).collect();
    let mut differing = BTreeSet::new();
    if here.is_empty() {
        return differing;
    }
    let entrances = Entrances::at_hand(model);
    for meant in &here {
        if let Some(what) = difference(resolved, model, &entrances, meant, &here)
            && differing.insert(meant.document.span)
        {
            let differs = code::NOT_AS_MEANT.at(meant.document.span, what).label("this egress");
            diagnostics.report(differs.help("this is a fault of ringfence: please report it"));
        }
    }
    differing
}

fn difference(
    resolved: &Resolved<'_>,
    model: &Model<'_>,
    entrances: &Entrances,
    meant: &Meant<'_>,
    all: &[&Meant<'_>],
) -> Option<String> {
    let spec = &meant.document.spec;
    let addresses: Vec<IpNet> = spec.cidrs.iter().map(|block| block.value.0).collect();
    let inside = inside(resolved.world.clusters.values().map(|cluster| &cluster.document.spec));
    let callers = workloads(resolved, &meant.units);
    for host in spec.hosts.0.iter().map(|host| host.value.0.as_str()) {
        // Whoever else calls the host does so by the same way, which is a claim over the whole organization.
        let also: BTreeSet<usize> = all
            .iter()
            .filter(|other| other.document.spec.hosts.0.iter().any(|it| it.value.0 == host))
            .flat_map(|other| other.units.iter().copied())
            .collect();
        let also = workloads(resolved, &also);
        // Of every name below one, one stands for all.
        let name = host.replacen('*', "x", 1);
        for port in &spec.ports.0 {
            let host = Host { name: &name, port: port.value.outside(), addresses: &addresses, inside: &inside };
            let at = |workload: &Workload| format!("`{}/{}`", workload.namespace, workload.name);
            for workload in model.workloads() {
                let found = leaving(model, entrances, workload, &host);
                // Of gateways that nothing at hand shows nothing is to be shown.
                let shown = found.ways.iter().filter(|way| way.doubts.is_empty());
                let by_gateway = shown.map(crate::outward::Out::reach).max().unwrap_or(Reach::Denied);
                let is_caller = callers.iter().any(|one| std::ptr::eq(*one, workload));
                let way = if meant.via.is_some() {
                    by_gateway
                } else {
                    found.straight.as_ref().map_or(Reach::Denied, Gate::reach)
                };
                if is_caller && way == Reach::Denied {
                    return Some(format!("the manifests stop {} on its way to {}", at(workload), host.name));
                }
                let is_known = also.iter().any(|one| std::ptr::eq(*one, workload));
                if !is_known && by_gateway != Reach::Denied {
                    return Some(format!("the manifests let {} out to {} by a gateway", at(workload), host.name));
                }
            }
        }
    }
    None
}

fn workloads<'a>(resolved: &Resolved<'a>, units: &BTreeSet<usize>) -> Vec<&'a Workload> {
    let units = units.iter().filter_map(|at| resolved.units.get(*at));
    units.flat_map(|governed| governed.unit.workloads.iter().copied()).collect()
}
