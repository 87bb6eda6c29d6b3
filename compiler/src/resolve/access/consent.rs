//! Consent: where a mandate asks for it, a caller from elsewhere must declare what it uses.
//!
//! In: rules, `uses`, and the `crossWorkspace` and `crossTenant` of both lines. Out: reports. A statement of a node above
//! both sides speaks for both; a caller outside the tree (a gateway, an address) has no side to speak for.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::grants::{Rule, Rules};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::resolve as code;
use crate::resolve::lookup::Party;
use crate::resolve::units::Unit;
use crate::resolve::world::World;
use crate::source::Span;
use crate::source::Spanned;
use crate::spec::mandates::{AccessMandate, Consent};
use crate::spec::reference::NodePath;

/// A declared use: whose, of what.
struct Use {
    callers: BTreeSet<usize>,
    node: Option<NodePath>,
    services: BTreeSet<usize>,
    span: Span,
    needed: Cell<bool>,
}

pub(super) fn check(world: &World<'_>, units: &[Unit<'_>], rules: &Rules<'_>, diagnostics: &mut Diagnostics) {
    let uses = uses(world, diagnostics);
    for rule in &rules.allows {
        let mut reported = BTreeSet::new();
        for unit in rule.units.iter().filter_map(|at| units.get(*at)) {
            for party in rule.callers.iter().flat_map(|caller| &caller.who.parties) {
                if let Some(mandate) = asks(world, rule, party, unit)
                    && !agreed(&uses, party, unit)
                    && reported.insert((party.clone(), unit.services.clone()))
                {
                    report(world, rule, party, unit, mandate, diagnostics);
                }
            }
            // A use is needed when a grant answers it, whether or not a mandate asks for it.
            for declared in &uses {
                let answered =
                    rule.callers.iter().flat_map(|caller| &caller.who.parties).any(|party| speaks(declared, party));
                if answered && unit.services.iter().any(|service| declared.services.contains(service)) {
                    declared.needed.set(true);
                }
            }
        }
    }
    for declared in uses.iter().filter(|declared| !declared.needed.get()) {
        let unused = code::UNUSED_CONSENT.at(declared.span, "no grant answers this use").label("granted by nobody");
        diagnostics.report(unused.help("ask the owner of the destination to grant it, or delete it"));
    }
}

fn uses(world: &World<'_>, diagnostics: &mut Diagnostics) -> Vec<Use> {
    let mut uses = Vec::new();
    for document in &world.parsed.policy.accesses {
        let mut callers = BTreeSet::new();
        let mut node = None;
        match &document.spec.from {
            None => {
                callers = world.services_in(&document.node);
                node = Some(document.node.clone());
            }
            Some(from) => {
                for reference in &from.0 {
                    let Ok(found) = world.services_of(reference, &document.node, diagnostics) else { continue };
                    let strays = found
                        .iter()
                        .filter_map(|index| world.services.get(*index))
                        .find(|service| !document.node.contains(&service.node));
                    if let Some(stray) = strays {
                        let outside = code::OUTSIDE_NODE.at(
                            reference.span,
                            format!("`{}` is not a caller of `{}`", World::service_name(stray), document.node),
                        );
                        diagnostics.report(outside.label("not its own").help("a node speaks for its own callers"));
                        continue;
                    }
                    callers.extend(found);
                    if let crate::spec::reference::Reference::Node(path) = &reference.value {
                        node = Some(path.clone());
                    }
                }
            }
        }
        for target in &document.spec.uses {
            let Ok(services) = world.services_of(target, &document.node, diagnostics) else { continue };
            uses.push(Use {
                callers: callers.clone(),
                node: node.clone(),
                services,
                span: target.span,
                needed: Cell::new(false),
            });
        }
    }
    uses
}

/// Returns the mandate that asks for the caller's side, if one does.
fn asks(world: &World<'_>, rule: &Rule<'_>, party: &Party, unit: &Unit<'_>) -> Option<Span> {
    let caller = match party {
        Party::Outside => return None,
        Party::Everyone => None,
        Party::Service(index) => Some(&world.services.get(*index)?.node),
        Party::Node(path) => Some(path),
    };
    // A statement of a node above both sides speaks for both.
    if caller.is_some_and(|caller| rule.document.node.contains(caller)) {
        return None;
    }
    let tenant = |path: &NodePath| World::tenant(path);
    let workspace = |path: &NodePath| World::workspace(path);
    let other_tenant = caller.is_none_or(|caller| tenant(caller) != tenant(&unit.node));
    let other_workspace = other_tenant || caller.is_none_or(|caller| workspace(caller) != workspace(&unit.node));
    let mutual = |pick| mutual(world, std::iter::once(&unit.node).chain(caller), pick);
    let by_tenant = mutual(|access| access.cross_tenant.as_ref()).filter(|_| other_tenant);
    by_tenant.or_else(|| mutual(|access| access.cross_workspace.as_ref()).filter(|_| other_workspace))
}

/// Returns the first mandate on the lines of some nodes that asks for both sides.
pub(super) fn mutual<'p>(
    world: &World<'_>,
    nodes: impl Iterator<Item = &'p NodePath>,
    pick: fn(&AccessMandate) -> Option<&Spanned<Consent>>,
) -> Option<Span> {
    let mandates = nodes.flat_map(NodePath::lineage).flat_map(|path| world.mandates(&path));
    let mut consents = mandates.filter_map(|mandates| pick(&mandates.access.as_ref()?.value));
    consents.find(|consent| consent.value == Consent::Mutual).map(|consent| consent.span)
}

/// Tells whether a declared use speaks for a caller.
fn speaks(declared: &Use, party: &Party) -> bool {
    match party {
        Party::Service(index) => declared.callers.contains(index),
        Party::Node(path) => declared.node.as_ref().is_some_and(|node| node.contains(path)),
        Party::Everyone | Party::Outside => false,
    }
}

fn agreed(uses: &[Use], party: &Party, unit: &Unit<'_>) -> bool {
    uses.iter().any(|declared| {
        speaks(declared, party) && unit.services.iter().any(|service| declared.services.contains(service))
    })
}

fn report(
    world: &World<'_>,
    rule: &Rule<'_>,
    party: &Party,
    unit: &Unit<'_>,
    mandate: Span,
    diagnostics: &mut Diagnostics,
) {
    let target =
        unit.services.first().and_then(|index| world.services.get(*index)).map_or(String::new(), World::service_name);
    let (who, help) = match party {
        Party::Service(index) => {
            let service = world.services.get(*index);
            let name = service.map_or(String::new(), World::service_name);
            let node = service.map_or(String::new(), |service| service.node.0.clone());
            (
                format!("`{name}`"),
                format!("add an Access with `uses: [\"{target}\"]` to `{node}`, for its owner to approve"),
            )
        }
        Party::Node(path) => (
            format!("`{path}`"),
            format!("add an Access with `uses: [\"{target}\"]` to `{path}`, for its owner to approve"),
        ),
        Party::Everyone | Party::Outside => {
            ("a caller of no node in particular".to_owned(), "name the callers, so that they can declare it".to_owned())
        }
    };
    diagnostics.report(
        code::CONSENT_MISSING
            .at(rule.span, format!("{who} has not declared that it uses `{target}`"))
            .label("granted from this side alone")
            .and(mandate, "both sides must agree")
            .help(help),
    );
}
