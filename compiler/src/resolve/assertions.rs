//! Whether everything an assertion names exists. What it asserts is proved by the verifier.

use super::callers;
use super::units::Unit;
use super::world::World;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::resolve as code;
use crate::shape::OneOrMany;
use crate::source::Spanned;
use crate::spec::access::{Condition, Port};
use crate::spec::reference::{NodePath, Reference};

/// Looks up every reference of every assertion.
pub(super) fn check(world: &World<'_>, units: &[Unit<'_>], diagnostics: &mut Diagnostics) {
    for document in &world.parsed.policy.assertions {
        let (node, spec) = (&document.node, &document.spec);
        for reach in [&spec.never, &spec.always].into_iter().flatten().flat_map(|list| &list.0) {
            for reference in reach.from.0.iter().chain(reach.except.iter().flat_map(|except| &except.0)) {
                caller(world, reference, node, diagnostics);
            }
            for reference in &reach.to.0 {
                target(world, reference, reach.ports.as_ref(), node, units, diagnostics);
            }
            for via in reach.unless.iter().flat_map(|unless| &unless.0).filter_map(|unless| unless.via.as_ref()) {
                caller(world, via, node, diagnostics);
            }
        }
        for hops in spec.hops.iter().flat_map(|list| &list.0) {
            caller(world, &hops.from, node, diagnostics);
            target(world, &hops.to, None, node, units, diagnostics);
        }
        for outside in spec.outside.iter().flat_map(|list| &list.0) {
            for reference in &outside.only.0 {
                target(world, reference, None, node, units, diagnostics);
            }
        }
        for ways in spec.ways.iter().flat_map(|list| &list.0) {
            ways.from.0.iter().chain(&ways.via).for_each(|reference| caller(world, reference, node, diagnostics));
            ways.to.0.iter().for_each(|reference| target(world, reference, None, node, units, diagnostics));
        }
        for path in spec.isolated.iter().flat_map(|list| &list.0) {
            // Reported where it is unknown.
            let _: Result<(), _> = world.known_path(path, diagnostics);
        }
        if let Some(nodes) = &spec.isolated {
            apart(nodes, diagnostics);
        }
        for case in &spec.requests {
            caller(world, &case.from, node, diagnostics);
            let port = case.port.clone().map(|port| OneOrMany(vec![port]));
            target(world, &case.to, port.as_ref(), node, units, diagnostics);
        }
        let empty = spec.never.is_none()
            && spec.always.is_none()
            && spec.hops.is_none()
            && spec.isolated.is_none()
            && spec.outside.is_none()
            && spec.ways.is_none()
            && spec.requests.is_empty();
        if empty {
            let code = &crate::diagnostics::codes::parse::INVALID_VALUE;
            let nothing =
                code.at(document.span, "an assertion that asserts nothing can never fail").label("asserts nothing");
            diagnostics
                .report(nothing.help("write `never`, `always`, `hops`, `isolated`, `outside`, `ways` or `requests`"));
        }
    }
}

/// Reports nodes that cannot be apart from each other: one alone, and one that holds another.
fn apart(nodes: &OneOrMany<Spanned<NodePath>>, diagnostics: &mut Diagnostics) {
    let code = &crate::diagnostics::codes::parse::INVALID_VALUE;
    for (at, node) in nodes.0.iter().enumerate() {
        if let Some(other) = nodes
            .0
            .iter()
            .skip(at + 1)
            .find(|other| node.value.contains(&other.value) || other.value.contains(&node.value))
        {
            let message =
                format!("what belongs to both `{}` and `{}` cannot be apart from itself", node.value, other.value);
            let held = code.at(other.span, message).label("holds the other, or is held by it");
            diagnostics.report(held.and(node.span, "the other").help("name nodes of which none holds another"));
        }
    }
    if let [alone] = nodes.0.as_slice() {
        let alone = code.at(alone.span, "one node is apart from nothing").label("the only one");
        diagnostics.report(alone.help("name at least two nodes"));
    }
}

fn caller(world: &World<'_>, reference: &Spanned<Reference>, node: &NodePath, diagnostics: &mut Diagnostics) {
    if reference.value != Reference::Internet {
        // Reported where it finds nothing.
        let _: Result<_, _> = world.callers(reference, node, diagnostics);
    }
}

fn target(
    world: &World<'_>,
    reference: &Spanned<Reference>,
    ports: Option<&OneOrMany<Spanned<Port>>>,
    node: &NodePath,
    units: &[Unit<'_>],
    diagnostics: &mut Diagnostics,
) {
    let Ok(services) = world.services_of(reference, node, diagnostics) else { return };
    if services.is_empty() {
        let empty = code::UNKNOWN_REFERENCE.at(reference.span, format!("`{}` holds no service", reference.value));
        diagnostics.report(empty.label("asserts nothing about nobody"));
        return;
    }
    let about: Vec<&Unit<'_>> =
        units.iter().filter(|unit| unit.services.iter().any(|service| services.contains(service))).collect();
    let condition = Condition { ports: ports.cloned(), ..Condition::any() };
    // Reported where a port is unknown.
    let _: Result<(), _> = callers::check_ports(&condition, &about, diagnostics);
}
