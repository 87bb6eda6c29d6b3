//! `mesh/foreign-gateway`: a Gateway that makes the pods of another namespace listen, for routes of any namespace.
//!
//! No grant is asked for: labels are enough, and `hosts` without a namespace take routes from anywhere.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::{Context, listed};
use crate::entrances::{Entrance, Pods};

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let mut said = BTreeSet::new();
    for gateway in &context.model.policies().routing.gateways {
        let listeners = context.entrances.listeners.iter().filter(|it| it.object == gateway.object);
        let abroad: BTreeSet<String> = listeners.flat_map(|it| namespaces(context, it)).collect();
        let open = gateway.servers.iter().find_map(|server| server.hosts.iter().find(|(from, _)| from.is_none()));
        let Some((_, host)) = open else { continue };
        let own = &gateway.object.namespace;
        if abroad.is_empty() || abroad.contains(own) || !said.insert(&gateway.object) {
            continue;
        }
        let message = format!(
            "{} makes gateways of {} listen, and takes routes of any namespace",
            gateway.object,
            listed(abroad.iter().map(|namespace| format!("`{namespace}`")))
        );
        diagnostics.report(
            code::FOREIGN_GATEWAY
                .at(gateway.object.span, message)
                .label(format!("`{host}` says of no namespace that its routes may be about it"))
                .help(format!("write `{own}/{host}`, or the namespaces whose routes may be bound to it")),
        );
    }
}

/// Returns the namespaces of the pods that listen, as far as anybody knows them.
fn namespaces(context: &Context<'_>, listener: &Entrance) -> Vec<String> {
    let workloads = &context.model.cluster().inventory.workloads;
    let namespace = |pods: &Pods| match pods {
        Pods::Workload(at) => workloads.get(*at).map(|workload| workload.namespace.clone()),
        Pods::Known(stranger) => Some(stranger.identity.namespace.clone()),
        Pods::Unknown(_) => None,
    };
    listener.pods.iter().filter_map(|it| namespace(&it.pods)).collect()
}
