//! `mesh/ports-left-out`: a policy that lists some ports of a workload, and none to which a Service leads.
//!
//! In: the ALLOW policies at a workload and the Services before it. Out: a finding where everything that callers call by a Service
//! is refused, because what admits callers speaks of other ports: metrics, mostly. Any ALLOW refuses what none admits.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::Workload;

use super::{Context, quoted};
use crate::engine::chain;
use crate::engine::envoy::{Mesh, Reads};
use crate::istio::authorization::{Action, AuthorizationPolicy};
use crate::model::numbered;
use crate::reach::is_gateway;
use crate::residual::residual;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let model = context.model;
    let mut said = BTreeSet::new();
    for workload in model.workloads() {
        if model.plane(workload).is_none() || is_gateway(workload) {
            continue;
        }
        let Some((policy, listed, led)) = left_out(context, workload) else { continue };
        if !said.insert(policy.span) {
            continue;
        }
        let (ports, left) = (written(&listed), written(&led));
        let message = format!(
            "AuthorizationPolicy `{}/{}` admits callers of {} to port {ports} alone, and Services lead to {left}",
            policy.namespace,
            policy.name,
            quoted(workload)
        );
        diagnostics.report(
            code::PORTS_LEFT_OUT
                .at(policy.span, message)
                .label(format!("nobody is admitted to {left}"))
                .and(workload.span, "refuses what no ALLOW admits")
                .help("say who may call the other ports as well, by ports of the pod and not of the Service"),
        );
    }
}

/// Returns the policy that admits somebody to some ports of a workload, those ports, and those to which Services lead, where nobody
/// is admitted to any of the latter.
fn left_out<'a>(
    context: &Context<'a>,
    workload: &'a Workload,
) -> Option<(&'a AuthorizationPolicy, BTreeSet<u16>, BTreeSet<u16>)> {
    let model = context.model;
    let root = model.cluster().root_namespace();
    let selected = model.policies().authorizing(&workload.namespace, &workload.labels, root);
    let allows = |policy: &&&AuthorizationPolicy| !policy.dry_run && policy.action == Action::Allow && !policy.doubtful;
    let policy = *selected.iter().filter(allows).find(|policy| !policy.ports().is_empty())?;
    let named: BTreeSet<u16> = selected.iter().filter(allows).flat_map(|policy| policy.ports()).collect();
    let led: BTreeSet<u16> = model
        .services(workload)
        .flat_map(|service| &service.ports)
        .flat_map(|port| numbered(workload, &port.target))
        .collect();
    let chain = chain(&selected, Reads::Http, &Mesh { trust_domains: model.mesh().trust_domains.clone() });
    let at = |port: u16| residual(&chain, port, &|_| true);
    let admits =
        |port: &u16| at(*port).allow.is_none_or(|rules| !rules.is_empty()) || !model.is_guarded(workload, *port);
    // Whoever denies a port as well means it shut.
    let meant = |port: &u16| !at(*port).deny.is_empty();
    let nobody = !led.is_empty() && !led.iter().any(|port| admits(port) || meant(port));
    let listed: BTreeSet<u16> = named.into_iter().filter(|port| !led.contains(port)).filter(admits).collect();
    (nobody && !listed.is_empty()).then_some((policy, listed, led))
}

fn written(ports: &BTreeSet<u16>) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
