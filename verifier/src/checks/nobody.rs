//! `mesh/policy-selects-nobody`: policies that no workload at hand carries the labels of.

use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::diagnostics::{Diagnostics, nearest};
use ringfence_compiler::inventory::{Labels, Workload};
use ringfence_compiler::source::Span;

use super::Context;
use crate::kubernetes::selector::carry;

/// A policy with a selector.
struct Selecting<'m> {
    kind: &'static str,
    namespace: &'m str,
    name: &'m str,
    span: Span,
    labels: &'m Labels,
    /// Whether the root namespace speaks for the whole mesh.
    for_mesh: bool,
}

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let (model, policies) = (context.model, context.model.policies());
    let root = model.cluster().root_namespace();
    let mut selecting = Vec::new();
    for policy in policies.authorization.iter().filter(|policy| policy.targets.is_empty()) {
        selecting.push(("AuthorizationPolicy", &policy.namespace, &policy.name, policy.span, &policy.selector));
    }
    for policy in &policies.peers {
        selecting.push(("PeerAuthentication", &policy.namespace, &policy.name, policy.span, &policy.selector));
    }
    for policy in policies.tokens.iter().filter(|policy| policy.targets.is_empty()) {
        selecting.push(("RequestAuthentication", &policy.namespace, &policy.name, policy.span, &policy.selector));
    }
    for (kind, namespace, name, span, labels) in selecting {
        if labels.is_empty() {
            continue;
        }
        if kind == "PeerAuthentication" && namespace == root {
            ignored(name, namespace, span, diagnostics);
            continue;
        }
        if kind == "AuthorizationPolicy"
            && let Some(gateway) = labels.get(GATEWAY_NAME)
            && policies.waypoints.iter().any(|waypoint| waypoint.namespace == *namespace && waypoint.name == *gateway)
        {
            passed_over(name, namespace, gateway, span, diagnostics);
            continue;
        }
        let policy = Selecting { kind, namespace, name, span, labels, for_mesh: namespace == root };
        let is_here = |there: &str| there == policy.namespace || policy.for_mesh;
        let here: Vec<&Workload> = model.workloads().filter(|workload| is_here(&workload.namespace)).collect();
        let in_its_own = model.cluster().inventory.workloads_in(namespace).next().is_some();
        let by_gateway = model
            .gateways()
            .iter()
            .any(|(there, gateway)| is_here(there) && (gateway.is_empty() || carry(labels, gateway).may()));
        // Where nothing of a namespace is at hand, its pods are elsewhere.
        if in_its_own && !by_gateway && !here.iter().any(|workload| carry(labels, &workload.labels).may()) {
            report(&policy, &here, diagnostics);
        }
    }
    let network = model.network();
    for policy in &policies.network {
        let here: Vec<&Workload> =
            model.cluster().inventory.workloads_in(&policy.namespace).map(|(_, workload)| workload).collect();
        let mut gateways = model.gateways().into_iter().filter(|(there, _)| *there == policy.namespace);
        let by_gateway = gateways.any(|(namespace, labels)| {
            let known = Some(&labels).filter(|labels| !labels.is_empty());
            policy.pods.fits(network.strangers(namespace, known).labels).may()
        });
        let selected = |workload: &&Workload| policy.pods.fits(network.pods(workload).labels).may();
        if here.is_empty() || by_gateway || here.iter().any(selected) {
            continue;
        }
        let message = format!("NetworkPolicy `{}/{}` selects no workload at hand", policy.namespace, policy.name);
        diagnostics.report(
            code::SELECTS_NOBODY
                .at(policy.span, message)
                .label(format!("no pod of `{}` is such", policy.namespace))
                .help("correct `podSelector`, or remove the policy: what it was to guard is open"),
        );
    }
}

/// The label of the pods that a Gateway brings about.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// A waypoint enforces what is attached to it, and nothing that selects its pods (istio/istio
/// `pilot/pkg/model/policyattachment.go`).
fn passed_over(name: &str, namespace: &str, waypoint: &str, span: Span, diagnostics: &mut Diagnostics) {
    diagnostics.report(
        code::SELECTS_NOBODY
            .at(span, format!("AuthorizationPolicy `{namespace}/{name}` holds at no waypoint"))
            .label(format!("selects the pods of the waypoint `{waypoint}`, which passes over selectors"))
            .help(format!(
                "attach it: `targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: {waypoint}}}]`"
            )),
    );
}

/// A PeerAuthentication of the root namespace with a selector holds for nothing.
fn ignored(name: &str, namespace: &str, span: Span, diagnostics: &mut Diagnostics) {
    diagnostics.report(
        code::SELECTS_NOBODY
            .at(span, format!("PeerAuthentication `{namespace}/{name}` selects no workload"))
            .label("with a selector, in the root namespace")
            .help("Istio passes over it: move it to the namespace of its pods, or take the selector away"),
    );
}

fn report(policy: &Selecting<'_>, here: &[&Workload], diagnostics: &mut Diagnostics) {
    let wanted: Vec<String> = policy.labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    let place = if policy.for_mesh { "the mesh".to_owned() } else { format!("`{}`", policy.namespace) };
    let message = format!("{} `{}/{}` selects no workload at hand", policy.kind, policy.namespace, policy.name);
    let found =
        code::SELECTS_NOBODY.at(policy.span, message).label(format!("no pod of {place} has `{}`", wanted.join("`, `")));
    let near = here.iter().find_map(|workload| slip(policy.labels, workload).map(|slip| (*workload, slip)));
    diagnostics.report(match near {
        Some((workload, slip)) => {
            found.and(workload.span, format!("this one has `{slip}`")).help("correct the selector or the labels")
        }
        None => found.help("correct the selector, or remove the policy: what it was to guard is open"),
    });
}

/// Returns the label of a workload that is almost the one it lacks, when it lacks only that.
fn slip(wanted: &Labels, workload: &Workload) -> Option<String> {
    let mut lacking = wanted.iter().filter(|(key, value)| workload.labels.get(*key) != Some(value));
    let ((key, value), None) = (lacking.next()?, lacking.next()) else { return None };
    if let Some(has) = workload.labels.get(key) {
        // Of several labels one that differs is a slip whatever it says; of one, only a word that is near.
        let is_near = wanted.len() > 1 || nearest(value, [has.as_str()]).is_some();
        return is_near.then(|| format!("{key}: {has}"));
    }
    let other = workload.labels.iter().find(|(other, has)| *has == value && nearest(key, [other.as_str()]).is_some());
    other.map(|(other, has)| format!("{other}: {has}"))
}
