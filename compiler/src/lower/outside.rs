//! Workloads without a proxy: what cannot be enforced at them, and whom they cannot prove to be.

use std::collections::BTreeMap;

use super::enforces_network_policy;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::inventory::Workload;
use crate::requests::{Clause, Part, RequestSet};
use crate::resolve::access::{Bound, GrantKind};
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
pub(super) fn check_unmeshed(
    resolved: &Resolved<'_>,
    governed: &Governed<'_>,
    cluster: &Cluster<'_>,
    diagnostics: &mut Diagnostics,
) {
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
    for grant in governed.access.grants.iter().filter(|grant| !grant.on_trial) {
        if grant.kind == GrantKind::Written && !networked {
            refuse(&grant.origin, "access", diagnostics);
        } else if !grant.set.is_l4() {
            refuse(&grant.origin, "HTTP rules", diagnostics);
        } else if grant.set.clauses().iter().any(|clause| !clause.identities.is_any() && !clause.addresses.is_any()) {
            refuse(&grant.origin, "a caller by identity and address", diagnostics);
        } else if grant.kind == GrantKind::Written && !pods_are_known(resolved, governed, &grant.set) {
            refuse(&grant.origin, "a caller whose pods no manifest shows", diagnostics);
        }
    }
    // What a zone's members may never send is denied by identity, which nothing here sees.
    for ceiling in governed.access.ceilings.iter().filter(|ceiling| !ceiling.on_trial) {
        if matches!(&ceiling.bound, Bound::Never(never) if never.meets(&governed.access.granted()).is_some()) {
            refuse(&ceiling.origin, "the reach of a zone", diagnostics);
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
    // Without a proxy everything arrives in plaintext: an exception has to say that it may.
    if let Some(ceiling) = governed.settings.mtls.ceilings.iter().find(|ceiling| !ceiling.value.rest.plaintext) {
        refuse(&ceiling.origin, "the mTLS", diagnostics);
    }
    if let Some(required) = &governed.authentication.required {
        refuse(required, "tokens", diagnostics);
    }
    for provider in governed.authentication.external.values() {
        refuse(provider, "external authorization", diagnostics);
    }
}

/// Tells whether NetworkPolicy can pick the pods of every caller a grant names, or it would admit their whole namespace.
fn pods_are_known(resolved: &Resolved<'_>, governed: &Governed<'_>, set: &RequestSet) -> bool {
    let named = set.clauses().iter().flat_map(|clause| clause.identities.patterns());
    let mut accounts = named.filter_map(|pattern| match (&pattern.namespace, &pattern.service_account) {
        (Part::Exactly(namespace), Part::Exactly(account)) => Some((namespace, account)),
        _ => None,
    });
    accounts.all(|(namespace, account)| {
        let runs = |other: &Governed<'_>| {
            other.unit.namespace == namespace
                && other.unit.workloads.iter().any(|workload| workload.service_account == *account)
        };
        let gateways =
            resolved.world.clusters.get(governed.unit.cluster).map(|cluster| &cluster.document.spec.gateways);
        let gateway = gateways.into_iter().flat_map(|gateways| gateways.values()).any(|gateway| {
            let gateway = &gateway.value;
            gateway.namespace.value.0 == *namespace
                && gateway.service_account.value.0 == *account
                && !gateway.labels.is_empty()
        });
        gateway || resolved.units.iter().any(runs)
    })
}
