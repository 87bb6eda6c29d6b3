//! `mesh/rival-service-entries`, `mesh/shared-service-entry` and `mesh/forgeable-outside-host`: what ServiceEntries tell everybody.
//!
//! In: ServiceEntries, and the namespaces whose sidecars see them. Out: hosts of two namespaces, of which the older counts for
//! everybody else; entries that reach further than their own namespace; names that stand for any address.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::spec::cluster::DataPlane;

use super::{Context, listed};
use crate::surroundings::outside::ServiceEntry;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let entries = &context.surroundings.entries;
    for (at, entry) in entries.iter().enumerate() {
        for other in entries.iter().skip(at + 1) {
            contend(context, entry, other, diagnostics);
        }
        if entry.export_to.is_empty() && entry.object.namespace != context.model.cluster().root_namespace() {
            told_to_all(context, entry, diagnostics);
        }
        let wild = entry.hosts.iter().find(|host| host.starts_with('*'));
        if let Some(host) = wild.filter(|_| entry.is_outside && entry.is_unresolved && !entry.has_addresses) {
            diagnostics.report(
                code::FORGEABLE_OUTSIDE_HOST
                    .at(entry.object.span, format!("{} takes the word of callers for `{host}`", entry.object))
                    .label("calls go to whatever address was called, by whatever name they give")
                    .help("name hosts in full with `resolution: DNS`, or bound the addresses with a NetworkPolicy for egress"),
            );
        }
    }
}

/// Returns the namespaces with sidecars, beside some.
fn namespaces<'m>(context: &Context<'m>, but: &[&str]) -> Vec<&'m str> {
    let model = context.model;
    let with_sidecar = model.workloads().filter(|it| model.plane(it) == Some(DataPlane::Sidecar));
    let mut all: Vec<&str> = with_sidecar.map(|it| it.namespace.as_str()).filter(|it| !but.contains(it)).collect();
    all.dedup();
    all
}

fn contend(context: &Context<'_>, one: &ServiceEntry, other: &ServiceEntry, diagnostics: &mut Diagnostics) {
    let (here, there) = (&one.object.namespace, &other.object.namespace);
    let shared = one.hosts.iter().find(|host| other.hosts.contains(host));
    let (Some(host), true) = (shared, one.ports.iter().any(|port| other.ports.contains(port))) else { return };
    if here == there || one.leads == other.leads || !one.is_seen_by_all() || !other.is_seen_by_all() {
        return;
    }
    let elsewhere = namespaces(context, &[here, there]);
    if elsewhere.is_empty() {
        return;
    }
    let names = listed(elsewhere.iter().map(|it| format!("`{it}`")));
    diagnostics.report(
        code::RIVAL_SERVICE_ENTRIES
            .at(one.object.span, format!("sidecars of {names} go by {} or by {} for `{host}`", one.object, other.object))
            .label("leads calls elsewhere than the other")
            .and(other.object.span, "is told to everybody as well")
            .help("the older one counts, and no file tells which that is: keep each to its own namespace with `exportTo: [\".\"]`, or keep one"),
    );
}

fn told_to_all(context: &Context<'_>, entry: &ServiceEntry, diagnostics: &mut Diagnostics) {
    let others = namespaces(context, &[&entry.object.namespace]);
    if others.is_empty() || entry.hosts.is_empty() {
        return;
    }
    let hosts = listed(entry.hosts.iter().map(|host| format!("`{host}`")));
    diagnostics.report(
        code::SHARED_SERVICE_ENTRY
            .at(entry.object.span, format!("{} tells every namespace of {hosts}", entry.object))
            .label(format!("sidecars of {} go by it too", listed(others.iter().map(|it| format!("`{it}`")))))
            .help(
                "without `exportTo` everybody goes by it: write `exportTo: [\".\"]`, or the namespaces that are meant",
            ),
    );
}
