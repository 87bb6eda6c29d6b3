//! `mesh/missing-waypoint` and `mesh/open-waypoint`: what is to be enforced at a waypoint that is not there, and a waypoint that
//! admits anybody to pods that themselves admit hardly anybody.
//!
//! In: what is called through waypoints, and the policies at them and behind. Out: a finding for each. A label that names a waypoint
//! which is not there is passed over without a word, and so is a default deny without `targetRefs` (istio/istio
//! `pilot/pkg/serviceregistry/ambient/waypoints.go`, `pilot/pkg/model/policyattachment.go`).

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::spec::cluster::DataPlane;

use super::{Context, quoted};
use crate::istio::authorization::{Action, AuthorizationPolicy};
use crate::reach::is_gateway;
use crate::reach::waypoint::{Hop, attached, hops};
use crate::waypoints::{self, Named};

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let model = context.model;
    let mut said = BTreeSet::new();
    unused(context, diagnostics);
    for workload in model.workloads() {
        if model.plane(workload) != Some(DataPlane::Ambient) || is_gateway(workload) {
            continue;
        }
        for named in waypoints::named(model.cluster(), workload) {
            missing(context, workload, named, &mut said, diagnostics);
        }
        for to in context.fleet.destinations_in(context.cluster, &workload.namespace) {
            let here = std::ptr::eq(to.workload, workload);
            for hop in hops(model, workload, to.port).into_iter().filter(|hop| here && hop.service.is_some()) {
                open(context, (workload, to.port), &hop, &mut said, diagnostics);
            }
        }
    }
}

/// Reports policies about Services in ambient mode that nobody calls through a waypoint.
fn unused(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let (model, inventory) = (context.model, context.model.cluster().inventory);
    for policy in model.policies().authorization.iter().filter(|policy| !policy.dry_run) {
        for target in policy.targets.iter().filter(|target| target.kind == "Service") {
            let mut here = inventory.services_in(&policy.namespace).iter();
            let Some(service) = here.find(|service| service.name == target.name && !service.is_entry) else { continue };
            let mut behind = model.workloads().filter(|workload| {
                workload.namespace == policy.namespace && model.services(workload).any(|it| std::ptr::eq(it, service))
            });
            // Of a namespace without a manifest nobody knows the labels.
            let is_known = inventory.declared.contains(&policy.namespace);
            let uses =
                waypoints::used_by(&service.labels, inventory.namespaces.get(&policy.namespace), &policy.namespace);
            let Some(first) = behind.next().filter(|_| is_known && uses.is_none()) else { continue };
            if model.plane(first) != Some(DataPlane::Ambient) {
                continue;
            }
            let message = format!(
                "nothing enforces AuthorizationPolicy `{}/{}`: Service `{}` is called through no waypoint",
                policy.namespace, policy.name, service.name
            );
            diagnostics.report(
                code::MISSING_WAYPOINT
                    .at(policy.span, message)
                    .label("to be enforced at a waypoint")
                    .and(service.span, "uses none")
                    .help("label the Service or its Namespace `istio.io/use-waypoint` with the name of a waypoint, or give the policy a `selector`"),
            );
            break;
        }
    }
}

/// Reports a waypoint that is not there, or does not let a namespace use it, where some policy is to be enforced at it.
fn missing<'a>(
    context: &Context<'a>,
    workload: &'a Workload,
    named: Named<'a>,
    said: &mut BTreeSet<(&'static str, String)>,
    diagnostics: &mut Diagnostics,
) {
    let model = context.model;
    let mut all = model.policies().waypoints.iter();
    let found = all.find(|waypoint| waypoint.namespace == named.namespace && waypoint.name == named.name);
    let why = match found {
        None => format!("no Gateway `{}/{}` of the class `istio-waypoint` is at hand", named.namespace, named.name),
        Some(waypoint) if waypoint.lets(&workload.namespace, model).may() => return,
        Some(_) => format!("waypoint `{}/{}` does not take `{}`", named.namespace, named.name, workload.namespace),
    };
    let is_about = |policy: &&AuthorizationPolicy| {
        policy.targets.iter().any(|target| match target.kind.as_str() {
            "Service" => {
                policy.namespace == workload.namespace
                    && model.services(workload).any(|service| service.name == target.name)
            }
            "Gateway" => policy.namespace == named.namespace && target.name == named.name,
            _ => false,
        })
    };
    let Some(policy) = model.policies().authorization.iter().find(is_about) else { return };
    if !said.insert(("missing", format!("{}/{} {}", named.namespace, named.name, workload.namespace))) {
        return;
    }
    let message = format!("nothing enforces AuthorizationPolicy `{}/{}`: {why}", policy.namespace, policy.name);
    let absent = code::MISSING_WAYPOINT.at(policy.span, message).label("to be enforced at a waypoint");
    let absent = absent.and(workload.span, "called directly, as if no waypoint were named");
    let absent = match found {
        Some(waypoint) => absent.and(waypoint.span, "the waypoint"),
        None => absent,
    };
    diagnostics.report(absent.help("add its Gateway and let the namespace use it (`allowedRoutes`), or drop the label `istio.io/use-waypoint`: ztunnel enforces policies with a `selector` alone"));
}

/// Reports a waypoint that admits everybody to pods that admit it.
fn open<'a>(
    context: &Context<'a>,
    (workload, port): (&'a Workload, u16),
    hop: &Hop<'a>,
    said: &mut BTreeSet<(&'static str, String)>,
    diagnostics: &mut Diagnostics,
) {
    let (Some(waypoint), Some(service)) = (hop.waypoint, hop.service) else { return };
    let model = context.model;
    let decides = |policy: &&AuthorizationPolicy| !policy.dry_run && policy.action == Action::Allow;
    // What is denied there may be all there is.
    if attached(model, hop).iter().any(|policy| !policy.dry_run && policy.action != Action::Audit) {
        return;
    }
    let root = model.cluster().root_namespace();
    let at_pods = model.policies().authorizing(&workload.namespace, &workload.labels, root);
    // Where the pods admit whoever calls, the waypoint opens nothing.
    let Some(closing) = at_pods.into_iter().find(decides) else { return };
    let is_let_in =
        crate::reach::waypoint::admits(model, (workload, port), Some(waypoint)) == crate::reach::Reach::Allowed;
    let key = ("open", format!("{}/{}", waypoint.namespace, waypoint.name));
    if !is_let_in || !said.insert(key) {
        return;
    }
    let message = format!(
        "whoever has an identity reaches port {port} of {} through waypoint `{}/{}`",
        quoted(workload),
        waypoint.namespace,
        waypoint.name
    );
    diagnostics.report(
        code::OPEN_WAYPOINT
            .at(waypoint.span, message)
            .label("no ALLOW policy is attached to it")
            .and(closing.span, "without `targetRefs` it says nothing of the waypoint")
            .help(format!(
                "attach an ALLOW policy with `targetRefs` to Service `{}`, and one without rules to the GatewayClass `istio-waypoint` in `{root}`",
                service.name
            )),
    );
}
