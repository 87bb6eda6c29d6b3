//! `mesh/unenforced-policy`: AuthorizationPolicies about pods without a proxy, or about ports that their proxy does not see.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::Workload;

use super::{Context, listed, quoted};
use crate::istio::authorization::{Action, AuthorizationPolicy};
use crate::istio::read::selects;
use crate::reach::is_gateway;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let root = context.model.cluster().root_namespace();
    for policy in &context.model.policies().authorization {
        // Whoever attaches a policy to a gateway or to the whole mesh does not speak of single pods.
        if !policy.targets.is_empty() || (policy.namespace == root && policy.selector.is_empty()) {
            continue;
        }
        let is_here = |workload: &&Workload| policy.namespace == root || policy.namespace == workload.namespace;
        let selected = context.model.workloads().filter(is_here);
        let selected: Vec<_> = selected.filter(|workload| selects(&policy.selector, &workload.labels)).collect();
        let without = |workload: &&&Workload| context.model.plane(workload).is_none() && !is_gateway(workload);
        let bare: Vec<&Workload> = selected.iter().filter(without).copied().collect();
        // One of a whole namespace is about those of its pods that have a proxy.
        if bare.is_empty() || (policy.selector.is_empty() && bare.len() < selected.len()) {
            past_the_proxy(context, policy, &selected, diagnostics);
            continue;
        }
        let names = listed(bare.iter().map(|workload| quoted(workload)));
        let nobody = if bare.iter().all(|workload| workload.machine.is_some()) {
            "perhaps nothing enforces"
        } else if bare.len() == selected.len() {
            "nothing enforces"
        } else {
            "not every pod enforces"
        };
        let mut found = code::UNENFORCED_POLICY
            .at(policy.span, format!("{nobody} AuthorizationPolicy `{}/{}`", policy.namespace, policy.name))
            .label(format!("no proxy {}at {names}", if nobody.starts_with("perhaps") { "is known " } else { "" }));
        if let Some(first) = bare.first() {
            let why = match first.machine {
                Some(_) => "a machine; its entry does not tell whether a proxy runs there",
                None if first.host_network => "in the network of its node",
                None => "no sidecar is injected here",
            };
            found = found.and(first.span, why);
        }
        let help = match bare.iter().any(|workload| workload.machine.is_some()) {
            true => {
                "have the machine register itself, which its proxy does by a WorkloadGroup: an entry without one admits whoever reaches its address"
            }
            false => "have a sidecar injected, or guard the pods with a NetworkPolicy",
        };
        diagnostics.report(found.help(help));
    }
}

/// Reports ports that a policy names and that annotations take from the proxy.
fn past_the_proxy(
    context: &Context<'_>,
    policy: &AuthorizationPolicy,
    selected: &[&Workload],
    diagnostics: &mut Diagnostics,
) {
    if !matches!(policy.action, Action::Allow | Action::Deny) {
        return;
    }
    let operations = policy.rules.iter().flat_map(|rule| &rule.operations);
    let named: BTreeSet<u16> =
        operations.flat_map(|operation| &operation.ports.values).filter_map(|port| port.parse().ok()).collect();
    for workload in selected {
        let Some(plane) = context.model.plane(workload) else { continue };
        for bypass in workload.bypasses.iter().filter(|bypass| bypass.plane == plane) {
            let taken: Vec<_> = named.iter().filter(|port| bypass.ports.contains(**port)).collect();
            if taken.is_empty() {
                continue;
            }
            let ports = listed(taken.iter().map(|port| format!("port {port}")));
            let message = format!(
                "nothing enforces AuthorizationPolicy `{}/{}` at {ports} of {}",
                policy.namespace,
                policy.name,
                quoted(workload)
            );
            diagnostics.report(
                code::UNENFORCED_POLICY
                    .at(policy.span, message)
                    .label("named by its rules")
                    .and(bypass.span, format!("`{}` takes it from the proxy", bypass.annotation))
                    .help("leave the port to the proxy, or guard it with a NetworkPolicy"),
            );
        }
    }
}
