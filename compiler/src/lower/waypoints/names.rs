//! The name of a waypoint, which is also that of its account, its Service and its Deployment: nobody else may go by it.
//!
//! In: a declared waypoint. Out: errors. What runs under its account would be taken for it by every pod behind it, in every cluster that
//! trusts the same identities; and Istio leaves alone a Service or Deployment of its name that it did not make.

use super::NAMED;
use crate::diagnostics::codes::lowering as code;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::inventory::Labels;
use crate::resolve::Resolved;
use crate::resolve::world::Cluster;
use crate::source::Spanned;
use crate::spec::names::Name;

/// Names that mean something else: no waypoint, and the account of whoever names none.
const RESERVED: [&str; 2] = ["none", "default"];

/// Reports a name that cannot be a waypoint's, or that somebody else goes by.
pub(super) fn check(
    resolved: &Resolved<'_>,
    cluster: &Cluster<'_>,
    namespace: &str,
    waypoint: &Spanned<Name>,
    diagnostics: &mut Diagnostics,
) {
    let name = waypoint.value.0.as_str();
    let said = |message: String| code::UNENFORCEABLE.at(waypoint.span, message);
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let is_label =
        name.chars().all(fits) && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.len() <= 63;
    if RESERVED.contains(&name) || !is_label || name.ends_with('-') {
        let refused = said(format!("`{name}` cannot be the name of a waypoint"));
        let refused = refused.label("its account and its Service are called so");
        diagnostics.report(refused.help("write small letters, digits and hyphens, and neither `none` nor `default`"));
        return;
    }
    if let Some(taken) = namesake(resolved, cluster, namespace, waypoint) {
        diagnostics.report(taken.help("give the waypoint a name that nothing else goes by"));
    }
}

/// Finds somebody else who goes by the name.
fn namesake(
    resolved: &Resolved<'_>,
    cluster: &Cluster<'_>,
    namespace: &str,
    waypoint: &Spanned<Name>,
) -> Option<Diagnostic> {
    let name = waypoint.value.0.as_str();
    let said = |message: String, label: &str| code::UNENFORCEABLE.at(waypoint.span, message).label(label);
    // A dump of the cluster shows what Istio made for the Gateway.
    let is_own = |labels: &Labels| labels.get(NAMED).is_some_and(|of| of == name);
    for other in resolved.world.clusters.values().filter(|other| other.trust_domain() == cluster.trust_domain()) {
        let mut here = other.inventory.workloads_in(namespace).map(|(_, workload)| workload);
        let of = other.document.name();
        if let Some(twin) = here.find(|it| it.service_account == name && !is_own(&it.labels)) {
            let message =
                format!("the pods of `{of}:{namespace}/{}` run under the account of this waypoint", twin.name);
            return Some(said(message, "they would be taken for it").and(twin.span, format!("under `{name}`")));
        }
        let spec = &other.document.spec;
        let gateway = spec.gateways.iter().find(|(_, gateway)| {
            gateway.value.namespace.value.0 == namespace && gateway.value.service_account.value.0 == name
        });
        if let Some((called, gateway)) = gateway {
            let message = format!("gateway `{called}` of `{of}` runs under the account of this waypoint");
            return Some(said(message, "it would be taken for it").and(gateway.span, "the gateway"));
        }
        let identity = spec.identities.iter().filter(|identity| identity.namespace.value.0 == namespace);
        let account =
            identity.flat_map(|identity| &identity.service_accounts.0).find(|account| account.value.0 == name);
        if let Some(account) = account {
            let message = format!("`{of}` knows callers under the account of this waypoint");
            return Some(said(message, "they would be taken for it").and(account.span, "such callers"));
        }
    }
    let mut services = cluster.inventory.services_in(namespace).iter();
    if let Some(service) = services.find(|it| it.name == name && !it.is_entry && !is_own(&it.labels)) {
        let message = format!("a Service is called `{namespace}/{name}` as that of this waypoint would be");
        return Some(said(message, "it would not be made").and(service.span, "this Service"));
    }
    let mut deployments = cluster.inventory.workloads_in(namespace).map(|(_, workload)| workload);
    let twin = deployments.find(|it| it.name == name && it.kind == "Deployment" && !is_own(&it.labels))?;
    let message = format!("a Deployment is called `{namespace}/{name}` as that of this waypoint would be");
    Some(said(message, "it would not be made").and(twin.span, "this Deployment"))
}
