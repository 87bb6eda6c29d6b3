//! Workloads without a proxy: what cannot be enforced at them, and whom they cannot prove to be.

use std::collections::BTreeMap;

use super::enforces_network_policy;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::inventory::Workload;
use crate::requests::{Clause, Part, RequestSet};
use crate::resolve::access::GrantKind;
use crate::resolve::statements::Origin;
use crate::resolve::world::Cluster;
use crate::resolve::{Governed, Resolved};

/// Says which callers of a written grant have no proxy: where mTLS proves who calls, they are nobody.
pub(super) fn check_callers(resolved: &Resolved<'_>, diagnostics: &mut Diagnostics) {
    let unmeshed = resolved.units.iter().map(|governed| &governed.unit).filter(|unit| unit.data_plane.is_none());
    let mut silent: BTreeMap<(&str, &str, &str), &Workload> = BTreeMap::new();
    for unit in unmeshed {
        let Some(cluster) = resolved.world.clusters.get(unit.cluster) else { continue };
        for workload in &unit.workloads {
            silent.insert((cluster.trust_domain(), unit.namespace, &workload.service_account), workload);
        }
    }
    for governed in resolved.units.iter().filter(|governed| governed.unit.data_plane.is_some()) {
        let written = governed.access.grants.iter().filter(|grant| grant.kind == GrantKind::Written);
        for grant in written {
            for pattern in grant.set.clauses().iter().flat_map(|clause| clause.identities.patterns()) {
                let (Part::Exactly(domain), Part::Exactly(namespace), Part::Exactly(account)) =
                    (&pattern.trust_domain, &pattern.namespace, &pattern.service_account)
                else {
                    continue;
                };
                let Some(workload) = silent.get(&(domain.as_str(), namespace.as_str(), account.as_str())) else {
                    continue;
                };
                let caller = code::CALLER_NOT_IN_MESH
                    .at(grant.origin.span, format!("`{namespace}/{}` has no proxy to show who it is", workload.name));
                diagnostics.report(caller.label("does not admit it").and(workload.span, "this caller").help(
                    "bring the caller into the mesh, or grant its addresses with `cidr:` where the port admits plaintext",
                ));
            }
        }
    }
}

/// Says what cannot be enforced at a workload without a proxy.
pub(super) fn check_unmeshed(governed: &Governed<'_>, cluster: &Cluster<'_>, diagnostics: &mut Diagnostics) {
    let unit = &governed.unit;
    let Some(workload) = unit.workloads.iter().find(|workload| !cluster.is_meshed(workload)).or(unit.workloads.first())
    else {
        return;
    };
    let networked = enforces_network_policy(cluster) && !workload.host_network;
    let why = if workload.host_network {
        "its pods share the node's network"
    } else if workload.injection == Some(false) {
        "its pods refuse a sidecar"
    } else {
        "its namespace is not labelled for injection"
    };
    let unmeshed =
        code::NOT_IN_MESH.at(workload.span, format!("`{}/{}` has no proxy: {why}", unit.namespace, workload.name));
    let what = if networked {
        "only NetworkPolicy is enforced at it: neither mTLS, methods and paths, nor tokens"
    } else {
        "nothing is enforced at it"
    };
    diagnostics.report(unmeshed.label("outside the mesh").help(what));
    let refuse = |origin: &Origin, what: &str, diagnostics: &mut Diagnostics| {
        let refused =
            code::UNENFORCEABLE.at(origin.span, format!("{what} of `{}` cannot be enforced: {why}", unit.name));
        diagnostics.report(
            refused
                .label("not enforced")
                .and(workload.span, "the workload")
                .help("bring the workload into the mesh, or leave it out of the statement"),
        );
    };
    for grant in governed.access.grants.iter().filter(|grant| grant.kind == GrantKind::Written) {
        if !grant.on_trial && (!networked || !grant.set.is_l4()) {
            refuse(&grant.origin, if networked { "HTTP rules" } else { "access" }, diagnostics);
        }
    }
    // A deny on ports the workload does not declare is kept by granting none of them.
    let granted = governed.access.granted();
    let kept = |deny: &RequestSet| {
        let declared = |port: &u16| unit.ports.contains_key(port);
        let elsewhere = |clause: &Clause| !clause.ports.is_any() && !clause.ports.patterns().any(declared);
        networked && deny.clauses().iter().all(elsewhere) && deny.meets(&granted).is_none()
    };
    for deny in governed.access.denies.iter().filter(|deny| !deny.on_trial && !kept(&deny.set)) {
        refuse(&deny.origin, "a deny", diagnostics);
    }
    if let Some(required) = &governed.authentication.required {
        refuse(required, "tokens", diagnostics);
    }
}
