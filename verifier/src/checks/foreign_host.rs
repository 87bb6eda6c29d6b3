//! `mesh/foreign-host`: a namespace that takes calls for the host of another.
//!
//! A VirtualService with the gateway `mesh` is about any host whatever its namespace, and every sidecar that sees it goes by it
//! (ISTIO-SECURITY-2026-002). A DestinationRule of a third namespace nobody but that namespace goes by.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::{KubernetesService, Workload};
use ringfence_compiler::spec::cluster::DataPlane;

use super::{Context, listed};
use crate::routing::matching;
use crate::routing::virtual_service::VirtualService;
use crate::routing::{Leads, Rule, Target};
use crate::surroundings::outside::ServiceEntry;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let root = context.model.cluster().root_namespace();
    for service in &context.model.policies().routing.virtual_services {
        if service.object.namespace != root && service.gateways.iter().any(|gateway| gateway == "mesh") {
            taken(context, service, diagnostics);
        }
    }
    for entry in context.surroundings.entries.iter().filter(|it| it.object.namespace != root && it.is_seen_by_all()) {
        claimed(context, entry, diagnostics);
    }
}

/// Reports the Services of others that a ServiceEntry says it is.
fn claimed(context: &Context<'_>, entry: &ServiceEntry, diagnostics: &mut Diagnostics) {
    let (model, own) = (context.model, &entry.object.namespace);
    let exact = entry.hosts.iter().filter(|host| !host.contains('*'));
    let theirs = exact.flat_map(|host| named(context, host)).find(|it| it.namespace != *own);
    let Some(theirs) = theirs else { return };
    let is_caller = |it: &Workload| it.namespace != *own && model.plane(it) == Some(DataPlane::Sidecar);
    if !model.workloads().any(is_caller) {
        return;
    }
    diagnostics.report(
        code::FOREIGN_HOST
            .at(entry.object.span, format!("{} claims `{}`, which is not of `{own}`", entry.object, called(theirs)))
            .label("is told to every namespace, and of two that claim a host no file tells which counts")
            .and(theirs.span, "the Service of that name")
            .help("keep it to its own namespace with `exportTo: [\".\"]`, or call it something else"),
    );
}

/// Reports the Services of others whose calls a VirtualService leads elsewhere.
fn taken(context: &Context<'_>, service: &VirtualService, diagnostics: &mut Diagnostics) {
    let (model, own) = (context.model, &service.object.namespace);
    let is_meant = |rule: &&Rule| {
        let here = |gateways: &[String]| gateways.is_empty() || gateways.iter().any(|gateway| gateway == "mesh");
        rule.matches.iter().any(|it| here(&it.gateways))
    };
    let callers: BTreeSet<&str> = model
        .workloads()
        .filter(|it| it.namespace != *own && model.plane(it) == Some(DataPlane::Sidecar))
        .filter(|it| service.is_seen_in(&it.namespace))
        .map(|it| it.namespace.as_str())
        .collect();
    if callers.is_empty() {
        return;
    }
    let mut hosts = BTreeSet::new();
    let mut to = None;
    for theirs in service.hosts.iter().flat_map(|it| named(context, it)).filter(|it| it.namespace != *own) {
        let of_itself = Target::Service(theirs.namespace.clone(), theirs.name.clone());
        let rules = service.http.iter().chain(&service.tls).chain(&service.tcp).filter(is_meant);
        let elsewhere = rules.filter_map(|rule| Some((rule.span, elsewhere(rule, &of_itself)?))).next();
        if let Some(elsewhere) = elsewhere {
            to.get_or_insert(elsewhere);
            hosts.insert(format!("`{}`", called(theirs)));
        }
    }
    let Some((span, target)) = to else { return };
    diagnostics.report(
        code::FOREIGN_HOST
            .at(
                service.object.span,
                format!("{} takes calls for {}, which is not of `{own}`", service.object, listed(hosts)),
            )
            .label(format!("sidecars of {} go by it", listed(callers.iter().map(|it| format!("`{it}`")))))
            .and(span, format!("leads them to {target}"))
            .help("keep it to the calls of its own namespace with `exportTo: [\".\"]`, or leave the host to its owner"),
    );
}

/// Returns the Services that a host stands for.
fn named<'m>(context: &Context<'m>, host: &str) -> Vec<&'m KubernetesService> {
    let inventory = context.model.cluster().inventory;
    if host.contains('*') {
        let glob = matching::name(host);
        return inventory.services.iter().filter(|it| glob.matches(&called(it))).collect();
    }
    let mut parts = host.splitn(3, '.');
    let (Some(name), Some(namespace), Some("svc.cluster.local")) = (parts.next(), parts.next(), parts.next()) else {
        return Vec::new();
    };
    inventory.services_in(namespace).iter().filter(|it| it.name == name).collect()
}

/// Returns the host of a Service.
fn called(service: &KubernetesService) -> String {
    format!("{}.{}.svc.cluster.local", service.name, service.namespace)
}

/// Says where a rule leads that is not the Service called; `None` where it leads there alone.
fn elsewhere(rule: &Rule, called: &Target) -> Option<String> {
    match &rule.leads {
        Leads::To(backends, _) => backends.iter().find(|it| it.target != *called).map(|it| it.target.to_string()),
        Leads::Nowhere(why) => Some(format!("nobody: {why}")),
        Leads::Delegate(to) => Some(format!("where VirtualService {}/{} says", to.namespace, to.name)),
    }
}
