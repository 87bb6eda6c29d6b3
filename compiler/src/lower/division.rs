//! How requests are divided among versions of a service: by its Route, for callers in the mesh and at gateways.
//!
//! In: routes of a cluster. Out: a [`RoutePlan`] for each port. What no rule matches goes to the stable subset.

use std::collections::BTreeMap;

use super::edge::{grpc_call, object_name, unsaid};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::{lowering as code, resolve};
use crate::ir::{BackendPlan, RouteKind, RoutePlan, RouteRulePlan};
use crate::requests::TextPattern;
use crate::resolve::Resolved;
use crate::resolve::exposures::{Exposed, Path};
use crate::resolve::routes::{Matched, Routed, Ruled, flavor};
use crate::resolve::world::Cluster;
use crate::source::Span;
use crate::spec::cluster::Flavor;

/// Plans every Route of a cluster.
pub(super) fn routes(resolved: &Resolved<'_>, cluster: &Cluster<'_>, diagnostics: &mut Diagnostics) -> Vec<RoutePlan> {
    let name = cluster.document.name();
    let flavor = flavor(cluster);
    let mut plans = Vec::new();
    for routed in resolved.routes.iter().filter(|routed| routed.cluster == name) {
        if flavor == Flavor::GatewayApi && !check_gateway_api(routed, diagnostics) {
            continue;
        }
        let several = routed.service.ports.len() > 1;
        for (port, grpc) in &routed.ports {
            let kind = if *grpc { RouteKind::Grpc } else { RouteKind::Http };
            let object = object_name(&routed.origin);
            plans.push(RoutePlan {
                name: if routed.ports.len() > 1 { format!("{object}.{port}") } else { object },
                namespace: routed.namespace.to_owned(),
                flavor,
                service: routed.service.name.clone(),
                port: *port,
                names_port: several,
                kind,
                subsets: routed.subsets.clone(),
                rules: rules(routed, flavor, *port),
                origins: [routed.origin.clone()].into(),
            });
        }
    }
    plans
}

fn rules(routed: &Routed<'_>, flavor: Flavor, port: u16) -> Vec<RouteRulePlan> {
    let backend = |subset: &str, weight: u32| backend(routed, flavor, subset, port, weight);
    let mut rules: Vec<RouteRulePlan> = routed
        .rules
        .iter()
        .map(|rule| RouteRulePlan {
            matches: rule.matches.clone(),
            backends: rule.spec.to.iter().map(|(subset, share)| backend(subset, share.value.0)).collect(),
            mirror: rule.spec.mirror.as_ref().map(|mirror| {
                let percent = mirror.value.percent.as_ref().map_or(100, |percent| percent.value.0);
                (backend(&mirror.value.to.value, 100), percent)
            }),
            spec: Some(rule.spec.clone()),
        })
        .collect();
    if routed.rules.iter().all(|rule| !rule.matches.is_empty()) {
        let stable = backend(&routed.document.spec.stable.value, 100);
        rules.push(RouteRulePlan { matches: Vec::new(), backends: vec![stable], mirror: None, spec: None });
    }
    rules
}

fn backend(routed: &Routed<'_>, flavor: Flavor, subset: &str, port: u16, weight: u32) -> BackendPlan {
    match flavor {
        Flavor::Istio => {
            let service = routed.service.name.clone();
            BackendPlan { service, subset: Some(subset.to_owned()), port, weight }
        }
        Flavor::GatewayApi => {
            let front = routed.fronts.get(subset).map_or(routed.service, |front| *front);
            BackendPlan { service: front.name.clone(), subset: None, port, weight }
        }
    }
}

/// Reports what the Gateway API has no words for; returns whether all can be written.
fn check_gateway_api(routed: &Routed<'_>, diagnostics: &mut Diagnostics) -> bool {
    let mut fine = true;
    let spec = &routed.document.spec;
    for (subset, labels) in spec.subsets.iter().filter(|(subset, _)| !routed.fronts.contains_key(*subset)) {
        let message = format!(
            "no Kubernetes Service stands before subset `{subset}` of `{}` alone in `{}`",
            spec.service.value, routed.cluster
        );
        let nothing = code::INEXPRESSIBLE.at(labels.span, message).label("nothing the Gateway API can route to");
        diagnostics.report(nothing.help(
            "add a Service with the ports of the whole one that selects these pods and no others, or write `flavor: istio` in the Cluster",
        ));
        fine = false;
    }
    fine &= check_order(routed, diagnostics);
    let grpc = routed.ports.iter().any(|(_, grpc)| *grpc);
    for rule in &routed.rules {
        for (span, what) in without_words(rule, grpc) {
            diagnostics.report(unsaid(span, what));
            fine = false;
        }
    }
    fine
}

/// Reports rules that the Gateway API would ask in another order than they are written in: it asks the longest path first,
/// then a method, then the most headers, and looks at the order of what is alike alone.
fn check_order(routed: &Routed<'_>, diagnostics: &mut Diagnostics) -> bool {
    let mut fine = true;
    for (at, rule) in routed.rules.iter().enumerate() {
        let overtakes = |before: &&Ruled<'_>| {
            asked(before)
                .iter()
                .any(|first| asked(rule).iter().any(|then| weight(first) < weight(then) && meet(first, then)))
        };
        if let Some(before) = routed.rules.iter().take(at).find(overtakes) {
            let order = code::INEXPRESSIBLE
                .at(rule.span, "the Gateway API would ask this rule before one that stands above it")
                .label("matches by more: asked first");
            diagnostics.report(order.and(before.span, "asked later, and matches some of the same requests").help(
                "put what matches by the longest path, then by a method, then by the most headers first, or write `flavor: istio` in the Cluster",
            ));
            fine = false;
        }
    }
    fine
}

/// Returns what a rule asks for; one without `match` asks nothing.
fn asked(rule: &Ruled<'_>) -> Vec<Matched> {
    if rule.matches.is_empty() {
        return vec![Matched { place: None, method: None, headers: BTreeMap::new() }];
    }
    rule.matches.clone()
}

/// Returns what the Gateway API compares matches by.
fn weight(matched: &Matched) -> (bool, usize, bool, usize) {
    let exact = matched.place.as_ref().is_some_and(|place| place.exact);
    let length = matched.place.as_ref().map_or(1, |place| place.path.0.len());
    (exact, length, matched.method.is_some(), matched.headers.len())
}

/// Tells whether some request may meet both; in doubt it may.
fn meet(one: &Matched, other: &Matched) -> bool {
    let places = match (&one.place, &other.place) {
        (Some(one), Some(other)) => one.covers(other) || other.covers(one),
        _ => true,
    };
    let methods = one.method.is_none() || other.method.is_none() || one.method == other.method;
    let apart = |(name, value): (&String, &TextPattern)| match (value, other.headers.get(name)) {
        (TextPattern::Exact(one), Some(TextPattern::Exact(other))) => one != other,
        _ => false,
    };
    places && methods && !one.headers.iter().any(apart)
}

fn without_words(rule: &Ruled<'_>, grpc: bool) -> Vec<(Span, &'static str)> {
    let mut found = Vec::new();
    if let Some(retries) = &rule.spec.retries {
        found.push((retries.span, "how often to try again"));
    }
    if let Some(fault) = &rule.spec.fault {
        found.push((fault.span, "which requests are to fail"));
    }
    if grpc {
        if let Some(timeout) = &rule.spec.timeout {
            found.push((timeout.span, "how long a call of gRPC may take"));
        }
        let odd = |matched: &Matched| {
            matched.method.is_some() || matched.place.as_ref().is_some_and(|place| grpc_call(place).is_none())
        };
        if rule.matches.iter().any(odd) {
            found.push((rule.span, "a call of gRPC by anything but service and method"));
        }
    }
    found
}

/// Returns what answers a path at a gateway. A Route divides there as it does in the mesh, except for rules that match
/// some requests only: those hold for callers in the mesh, and a warning says so.
pub(super) fn shares(
    resolved: &Resolved<'_>,
    flavor: Flavor,
    exposed: &Exposed<'_>,
    path: &Path<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<BackendPlan> {
    let target = &path.target;
    let whole =
        BackendPlan { service: target.service.to_owned(), subset: None, port: target.service_port, weight: 100 };
    let divides = |routed: &&Routed<'_>| {
        routed.cluster == exposed.cluster
            && routed.namespace == target.namespace
            && routed.service.name == target.service
            && routed.ports.iter().any(|(port, _)| *port == target.service_port)
    };
    let Some(routed) = resolved.routes.iter().find(divides) else { return vec![whole] };
    if let Some(rule) = routed.rules.iter().find(|rule| !rule.matches.is_empty()) {
        let inside = resolve::NO_EFFECT
            .at(
                rule.span,
                format!("this rule holds in the mesh, and not at gateway `{}`", exposed.document.spec.gateway.value),
            )
            .label("for callers in the mesh alone");
        diagnostics.report(
            inside
                .and(path.span, "exposed here")
                .help("a gateway divides requests by the rule without `match`, or sends them to the stable subset"),
        );
    }
    let mut shares: BTreeMap<&str, u32> = BTreeMap::new();
    match routed.rules.iter().find(|rule| rule.matches.is_empty()) {
        Some(rule) => shares.extend(rule.spec.to.iter().map(|(subset, share)| (subset.as_str(), share.value.0))),
        None => {
            shares.insert(&routed.document.spec.stable.value, 100);
        }
    }
    shares.into_iter().map(|(subset, weight)| backend(routed, flavor, subset, target.service_port, weight)).collect()
}
