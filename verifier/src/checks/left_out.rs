//! `mesh/left-out`: callers that a policy names, and whose own Sidecar leaves out whom they call.
//!
//! A sidecar sends what it does not know straight on, in plaintext, or nowhere. Where the callee takes no plaintext, the call that
//! a policy is about fails.

use std::collections::BTreeMap;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::spec::cluster::DataPlane;

use super::{Context, listed, quoted};
use crate::istio::authorization::{Action, AuthorizationPolicy};
use crate::istio::sidecar::Sidecar;
use crate::reach::{self, Asked, Caller, Gate, Reach, is_gateway};

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let model = context.model;
    if model.policies().sidecars.iter().all(|sidecar| sidecar.knows.is_none()) {
        return;
    }
    let root = model.cluster().root_namespace();
    // Callers by what a policy would call them.
    let mut callers: BTreeMap<String, Vec<&Workload>> = BTreeMap::new();
    for workload in model.workloads().filter(|it| model.plane(it) == Some(DataPlane::Sidecar) && !is_gateway(it)) {
        if let Some(identity) = model.identity(workload) {
            callers.entry(identity.to_string()).or_default().push(workload);
        }
    }
    for to in model.workloads().filter(|it| model.plane(it).is_some() && !is_gateway(it)) {
        for policy in model.policies().authorizing(&to.namespace, &to.labels, root) {
            if policy.action != Action::Allow || policy.dry_run || policy.doubtful {
                continue;
            }
            let mut lost: BTreeMap<(&str, &str), (&Sidecar, Vec<&Workload>)> = BTreeMap::new();
            let named = policy.rules.iter().flat_map(|rule| &rule.sources).flat_map(|source| &source.principals.values);
            for from in named.filter_map(|name| callers.get(name)).flatten() {
                let Some(sidecar) = leaves_out(context, from, to).filter(|_| fails(context, from, to)) else {
                    continue;
                };
                let key = (sidecar.namespace.as_str(), sidecar.name.as_str());
                lost.entry(key).or_insert((sidecar, Vec::new())).1.push(from);
            }
            for (sidecar, from) in lost.into_values() {
                report(policy, sidecar, &from, to, diagnostics);
            }
        }
    }
}

/// Returns the Sidecar of a caller if it surely leaves out every Service of a workload.
fn leaves_out<'m>(context: &Context<'m>, from: &Workload, to: &Workload) -> Option<&'m Sidecar> {
    let model = context.model;
    let sidecars = model.policies().receiving(&from.namespace, &from.labels, model.cluster().root_namespace());
    let [Some(sidecar)] = sidecars.as_slice() else { return None };
    let mut services = model.services(to).peekable();
    services.peek()?;
    let host = |name: &str| format!("{name}.{}.svc.cluster.local", to.namespace);
    let is_known = services.any(|it| sidecar.may_know(&from.namespace, &to.namespace, &host(&it.name)));
    (!is_known && !sidecar.doubtful).then_some(sidecar)
}

/// Tells whether a caller gets in with its certificate at some port, and nobody does without one.
fn fails(context: &Context<'_>, from: &Workload, to: &Workload) -> bool {
    let model = context.model;
    let Some(outside) = Caller::anyone_outside() else { return false };
    let says = |caller, port| reach::reach(model, caller, to, port, &Asked::anything());
    let mut ports = model.services(to).flat_map(|it| &it.ports).flat_map(|it| crate::model::numbered(to, &it.target));
    ports.any(|port| {
        says(Caller::Workload(from), port).directly() == Reach::Allowed
            && matches!(says(outside, port).proxy, Some(Gate::Shut(_)))
    })
}

fn report(
    policy: &AuthorizationPolicy,
    sidecar: &Sidecar,
    from: &[&Workload],
    to: &Workload,
    diagnostics: &mut Diagnostics,
) {
    let names = listed(from.iter().map(|it| quoted(it)));
    diagnostics.report(
        code::LEFT_OUT
            .at(
                sidecar.span,
                format!("Sidecar `{}/{}` keeps {names} from calling {}", sidecar.namespace, sidecar.name, quoted(to)),
            )
            .label(format!("leaves out the Services of {}", quoted(to)))
            .and(policy.span, "admits the call by its certificate, which what a sidecar does not know goes without")
            .help(format!("add `{}/*` or the host to `egress.hosts`", to.namespace)),
    );
}
