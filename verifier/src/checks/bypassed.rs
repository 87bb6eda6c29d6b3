//! `mesh/bypassed-waypoint`: policies of a waypoint, at a workload that others than the waypoint reach as well.
//!
//! In: AuthorizationPolicies with `targetRefs`, and who reaches the pods behind their waypoint without it. Out: a finding for
//! each policy that a caller gets around. Nothing forces a caller through a waypoint but a policy at the workload itself that
//! admits the waypoint alone.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::spec::cluster::DataPlane;

use super::{Context, listed, quoted};
use crate::fleet::Destination;
use crate::istio::authorization::{Action, AuthorizationPolicy};
use crate::matrix::name;
use crate::reach::{Caller, is_gateway};
use crate::waypoints::{self, CLASS, Named};

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let model = context.model;
    let policies = &model.policies().authorization;
    let attached = policies
        .iter()
        .filter(|policy| !policy.targets.is_empty() && !policy.dry_run && policy.action != Action::Audit);
    for policy in attached {
        for workload in model.workloads() {
            if model.plane(workload) != Some(DataPlane::Ambient) || is_gateway(workload) {
                continue;
            }
            let named = waypoints::named(model.cluster(), workload);
            if !named.is_empty()
                && is_about(context, policy, workload, &named)
                && around(context, policy, workload, &named, diagnostics)
            {
                break;
            }
        }
    }
}

/// Tells whether a policy is enforced at a waypoint before a workload.
fn is_about(context: &Context<'_>, policy: &AuthorizationPolicy, workload: &Workload, named: &[Named<'_>]) -> bool {
    let model = context.model;
    policy.targets.iter().any(|target| match target.kind.as_str() {
        "Service" => {
            policy.namespace == workload.namespace
                && model.services(workload).any(|service| service.name == target.name)
        }
        "Gateway" => named.iter().any(|one| one.namespace == policy.namespace && one.name == target.name),
        "GatewayClass" => policy.namespace == model.cluster().root_namespace() && target.name == CLASS,
        _ => false,
    })
}

/// Reports a workload that others than its waypoints reach; tells whether there is such a port.
fn around(
    context: &Context<'_>,
    policy: &AuthorizationPolicy,
    workload: &Workload,
    named: &[Named<'_>],
    diagnostics: &mut Diagnostics,
) -> bool {
    let model = context.model;
    let own: Vec<_> = named.iter().filter_map(|named| waypoints::identity(model, *named)).collect();
    // Of a waypoint that is not there another check says so.
    if own.is_empty() {
        return false;
    }
    let destinations = context.fleet.destinations_in(context.cluster, &workload.namespace);
    let ports = destinations.iter().filter(|to| std::ptr::eq(to.workload, workload));
    let found = ports.map(|to| (to.port, callers(context, to, &own))).find(|(_, callers)| !callers.is_empty());
    let Some((port, callers)) = found else { return false };
    let message = format!(
        "AuthorizationPolicy `{}/{}` holds for nobody who calls the pods of {} without the waypoint",
        policy.namespace,
        policy.name,
        quoted(workload)
    );
    let account = own.first().map_or_else(|| "of the waypoint".to_owned(), |identity| format!("`{identity}`"));
    diagnostics.report(
        code::BYPASSED_WAYPOINT
            .at(policy.span, message)
            .label("enforced at the waypoint, and nowhere else")
            .and(workload.span, format!("port {port} takes {} as well", listed(callers)))
            .help(format!(
                "admit nobody but the principal {account} here, with an ALLOW policy that has a `selector` and no `targetRefs`"
            )),
    );
    true
}

/// Returns who surely reaches a port, beside its waypoints, by name.
fn callers(context: &Context<'_>, to: &Destination<'_>, own: &[crate::request::Identity]) -> Vec<String> {
    let reaching = context.fleet.straight(to);
    let mut names = Vec::new();
    for (position, calling) in (0..).zip(context.fleet.callers()) {
        let is_open = reaching.open.contains(position);
        let home = calling.cluster.and_then(|home| context.fleet.models().get(home).copied());
        let is_waypoint = home.and_then(|home| calling.caller.identity(home)).is_some_and(|id| own.contains(&id));
        if !is_open || is_waypoint {
            continue;
        }
        match calling.caller {
            // A workload that calls itself goes around nothing.
            Caller::Workload(from) if std::ptr::eq(from, to.workload) => {}
            Caller::Workload(from) | Caller::WorkloadOf(_, from) => names.push(format!("`{}`", name(from))),
            Caller::Stranger(stranger) | Caller::StrangerOf(_, stranger) => names.push(format!("`{}`", stranger.name)),
            Caller::Outside(_) => names.push("whoever is outside the mesh".to_owned()),
        }
    }
    names
}
