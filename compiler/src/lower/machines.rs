//! Machines outside Kubernetes: what the mesh is told of them, and who is told.
//!
//! In: the units of a namespace that are machines. Out: a [`MachinePlan`] for each document. What is enforced at them is lowered
//! as for any workload; a machine on a network of its own is refused, because no gateway to it is known.

use std::collections::BTreeSet;

use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::document::Document;
use crate::ir::MachinePlan;
use crate::requests::{Field, Part};
use crate::resolve::statements::Origin;
use crate::resolve::world::Cluster;
use crate::resolve::{Governed, Resolved};
use crate::spec::virtual_machine::VirtualMachineSpec;

/// Plans the machines of a namespace.
pub(super) fn of(
    resolved: &Resolved<'_>,
    cluster: &Cluster<'_>,
    units: &[(usize, &Governed<'_>)],
    diagnostics: &mut Diagnostics,
) -> Vec<MachinePlan> {
    let mut plans = Vec::new();
    for (_, governed) in units.iter().filter(|(_, governed)| governed.unit.is_outside()) {
        for workload in &governed.unit.workloads {
            let is_this = |document: &&Document<VirtualMachineSpec>| document.metadata.name.span == workload.span;
            let Some(document) = resolved.world.parsed.policy.virtual_machines.iter().find(is_this) else { continue };
            check(document, cluster, diagnostics);
            plans.push(plan(document, cluster, governed));
        }
    }
    plans.sort_by(|a, b| a.name.cmp(&b.name));
    plans
}

fn plan(document: &Document<VirtualMachineSpec>, cluster: &Cluster<'_>, governed: &Governed<'_>) -> MachinePlan {
    let (spec, name) = (&document.spec, document.name());
    let mut origins: crate::ir::Origins = [Origin::document(document.span, document)].into();
    origins.extend(governed.access.grants.iter().filter(|grant| !grant.on_trial).map(|grant| grant.origin.clone()));
    let network = spec.network.as_ref().or(cluster.document.spec.network.as_ref());
    MachinePlan {
        name: name.to_lowercase(),
        host: spec.host(name),
        addresses: spec.addresses.0.iter().map(|block| block.value.0).collect(),
        labels: spec.labels(name),
        service_account: spec.service_account.as_ref().map_or("default", |account| &account.value.0).to_owned(),
        network: network.map(|network| network.value.0.clone()),
        ports: spec
            .ports
            .0
            .iter()
            .map(|port| (port.value.number(), port.value.name(), port.value.protocol.value))
            .collect(),
        proxy: spec.has_proxy(),
        seen_by: callers(governed),
        origins,
    }
}

/// Returns the namespaces of those who are granted something; `None` where they cannot be listed.
fn callers(governed: &Governed<'_>) -> Option<BTreeSet<String>> {
    let mut namespaces = BTreeSet::new();
    for grant in governed.access.grants.iter().filter(|grant| !grant.on_trial) {
        for clause in grant.set.clauses() {
            let Field::Only(patterns) = &clause.identities else { return None };
            for pattern in patterns {
                let Part::Exactly(namespace) = &pattern.namespace else { return None };
                namespaces.insert(namespace.clone());
            }
        }
    }
    namespaces.remove(governed.unit.namespace);
    Some(namespaces)
}

/// Refuses what no object of the mesh would do.
fn check(document: &Document<VirtualMachineSpec>, cluster: &Cluster<'_>, diagnostics: &mut Diagnostics) {
    let (spec, name) = (&document.spec, document.name());
    let own = cluster.document.spec.network.as_ref().map(|network| network.value.0.as_str());
    if let Some(network) = spec.network.as_ref().filter(|network| own != Some(network.value.0.as_str())) {
        let apart = code::UNENFORCEABLE.at(
            network.span,
            format!(
                "`{name}` is on network `{}`, and its cluster on {}",
                network.value,
                own.map_or("one without a name".to_owned(), |own| format!("`{own}`"))
            ),
        );
        let help = "calls between networks go through a gateway that is not modelled yet: leave `network` out where callers reach its addresses";
        diagnostics
            .report(apart.label("another network").and(cluster.document.metadata.name.span, "the cluster").help(help));
    }
    if !spec.has_proxy() {
        let blocks =
            spec.addresses.0.iter().filter(|block| block.value.0.prefix_len() < block.value.0.max_prefix_len());
        for block in blocks {
            let wide = code::UNENFORCEABLE
                .at(block.span, format!("no machine registers itself for `{name}` in `{}`", block.value.0));
            let help = "a proxy registers its machine: list the machines one by one, or say `proxy: true`";
            diagnostics.report(wide.label("a block of addresses").help(help));
        }
    }
}
