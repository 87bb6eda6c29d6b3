//! `mesh/service-port`: NetworkPolicies that name the port of a Service where the pods behind it have another.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::Workload;

use super::{Context, listed, quoted};
use crate::kubernetes::fits::Fits;
use crate::kubernetes::port::PortMatch;
use crate::model::numbered;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let model = context.model;
    for policy in model.policies().network.iter().filter(|policy| !policy.doubtful) {
        let selected: Vec<&Workload> = model
            .cluster()
            .inventory
            .workloads_in(&policy.namespace)
            .map(|(_, workload)| workload)
            .filter(|it| policy.pods.fits(model.network().pods(it).labels) == Fits::Yes)
            .collect();
        if selected.is_empty() {
            continue;
        }
        for rule in policy.ingress.iter().flatten() {
            for port in &rule.ports {
                let PortMatch::Range(first, last) = port else { continue };
                if first != last {
                    continue;
                }
                let Some(targets) = elsewhere(context, &selected, *first) else { continue };
                // One that names both lets calls through all the same.
                let is_named = |target: &u16| {
                    rule.ports.iter().any(|it| match it {
                        PortMatch::Range(first, last) => (*first..=*last).contains(target),
                        PortMatch::AnyTcp | PortMatch::Name(_) | PortMatch::Unknown => true,
                        PortMatch::NotTcp => false,
                    })
                };
                if targets.iter().all(is_named) {
                    continue;
                }
                let numbers = listed(targets.iter().map(u16::to_string));
                diagnostics.report(
                    code::SERVICE_PORT
                        .at(
                            rule.span,
                            format!(
                                "NetworkPolicy `{}/{}` lets calls in at port {first}, at which no pod listens",
                                policy.namespace, policy.name
                            ),
                        )
                        .label(format!(
                            "{first} is the port of a Service; the pods of {} have {numbers}",
                            listed(selected.iter().map(|it| quoted(it)))
                        ))
                        .help(format!("write the port of the pods: {numbers}")),
                );
            }
        }
    }
}

/// Returns the ports of the pods behind a port that Services have and no pod has; `None` where some pod may have it.
fn elsewhere(context: &Context<'_>, selected: &[&Workload], port: u16) -> Option<Vec<u16>> {
    let mut targets = Vec::new();
    for workload in selected {
        if context.model.ports(workload).contains_key(&port) {
            return None;
        }
        let services = context.model.services(workload).flat_map(|service| &service.ports);
        for it in services.filter(|it| it.port == port) {
            targets.extend(numbered(workload, &it.target));
        }
    }
    targets.sort_unstable();
    targets.dedup();
    (!targets.is_empty()).then_some(targets)
}
