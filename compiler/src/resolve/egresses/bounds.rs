//! Mandates on what is called outside: which hosts, and through which gateways.

use std::collections::BTreeSet;

use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::document::Document;
use crate::resolve::units::Unit;
use crate::resolve::world::World;
use crate::source::Span;
use crate::spec::egress::EgressSpec;
use crate::spec::mandates::EgressMandate;
use crate::spec::reference::{NodePath, Reference};

/// Holds a document against the mandates of its node, of every node above it, and of those its callers belong to.
pub(super) fn check(
    world: &World<'_>,
    document: &Document<EgressSpec>,
    callers: &BTreeSet<usize>,
    units: &[&Unit<'_>],
    diagnostics: &mut Diagnostics,
) {
    let below = callers.iter().filter_map(|at| units.get(*at)).flat_map(|unit| unit.node.lineage());
    let nodes: BTreeSet<NodePath> = document.node.lineage().into_iter().chain(below).collect();
    // A profile that two of the nodes attach is one mandate.
    let mut said = BTreeSet::new();
    for node in &nodes {
        for mandate in world.mandates(node).into_iter().filter_map(|mandates| mandates.egress.as_ref()) {
            if said.insert(mandate.span) {
                for widens in widenings(document, &mandate.value) {
                    diagnostics.report(widens.help("stay within the mandate, or have it changed where it is made"));
                }
            }
        }
    }
}

/// Holds the callers of a document against the zones that bound whom they reach; returns those that a quarantine keeps in.
pub(super) fn check_zones(
    world: &World<'_>,
    document: &Document<EgressSpec>,
    callers: &BTreeSet<usize>,
    units: &[&Unit<'_>],
    diagnostics: &mut Diagnostics,
) -> BTreeSet<usize> {
    let mut kept_in = BTreeSet::new();
    let via = document.spec.via.as_ref();
    for zone in &world.parsed.policy.zones {
        let Some(to) = &zone.spec.rules.to else { continue };
        let named = to.value.at_most.value.0.iter().any(|target| match &target.value {
            Reference::Gateway(name) => via.is_some_and(|via| via.value.0 == *name),
            _ => false,
        });
        // Where the zone itself is at fault, that is reported with it.
        let Ok(members) = world.members(&zone.spec, &zone.node, &mut Diagnostics::new()) else { continue };
        let inside = |unit: &Unit<'_>| unit.services.iter().any(|index| members.contains(index));
        let callers = || callers.iter().filter_map(|at| Some((*at, *units.get(*at)?)));
        let Some((_, unit)) = callers().find(|(_, unit)| !named && inside(unit)) else { continue };
        let (span, suspends, zone) =
            (via.map_or(document.span, |via| via.span), zone.spec.rules.suspend(), zone.name());
        if suspends {
            kept_in.extend(callers().filter(|(_, unit)| inside(unit)).map(|(at, _)| at));
            let suspended = code::SUSPENDED_GRANT
                .at(span, format!("`{}` is kept in by zone `{zone}`", unit.name))
                .label("opens less than it says");
            diagnostics.report(
                suspended.and(to.value.at_most.span, "the quarantine").help("it is back when the zone is gone"),
            );
        } else {
            let leaves = code::WIDENS_MANDATE.at(span, format!("`{}` would leave zone `{zone}`", unit.name));
            diagnostics.report(
                leaves
                    .label("outside what its members may reach")
                    .and(to.value.at_most.span, "what they may reach")
                    .help("lead through an egress gateway, and let the zone name it: `gateway:<name>`"),
            );
        }
    }
    kept_in
}

fn widenings(document: &Document<EgressSpec>, mandate: &EgressMandate) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let (spec, node) = (&document.spec, &document.node);
    if let Some(hosts) = &mandate.hosts {
        let allowed = &hosts.value.at_most.value.0;
        for host in spec.hosts.0.iter().filter(|host| !allowed.iter().any(|wide| wide.value.covers(&host.value))) {
            let widens = code::WIDENS_MANDATE.at(host.span, format!("`{node}` may not call `{}`", host.value));
            let widens = widens.label("outside the mandate");
            found.push(widens.and(hosts.value.at_most.span, "the hosts that may be called"));
        }
    }
    if let Some(via) = &mandate.via {
        let allowed = &via.value.at_most.value.0;
        let (span, message) = match &spec.via {
            Some(name) if allowed.iter().any(|allowed| allowed.value == name.value.0) => return found,
            Some(name) => (name.span, format!("`{node}` may not leave through gateway `{}`", name.value)),
            None => (document.span, format!("`{node}` may not call hosts outside directly")),
        };
        let widens = code::WIDENS_MANDATE.at(span, message).label("outside the mandate");
        found.push(widens.and(via.value.at_most.span, "the gateways that may lead out"));
    }
    found
}

/// Returns the mandate by which workloads of a node leave through gateways alone.
pub(crate) fn gateways_demanded(world: &World<'_>, node: &NodePath) -> Option<Span> {
    let lineage = node.lineage();
    let mandates = lineage.iter().flat_map(|path| world.mandates(path));
    mandates.filter_map(|mandates| mandates.egress.as_ref()?.value.via.as_ref()).map(|via| via.span).next()
}
