//! Who may write what.
//!
//! In: every document, and delegations. Out: reports only. Each level has built-in powers; a delegation gives one to a node
//! below, and never more than the one who gives it has.

use std::collections::BTreeSet;

use super::world::World;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::document::Document;
use crate::level::Level;
use crate::source::Span;
use crate::spec::authority::{DelegationSpec, Power};
use crate::spec::mandates::{Defaults, Mandates};
use crate::spec::reference::NodePath;

/// The lowest level that has each power without a delegation.
fn lowest(power: Power) -> Level {
    match power {
        Power::Mandates | Power::Zones => Level::Tenant,
        Power::Defaults | Power::Authentication => Level::Workspace,
        Power::Access => Level::Group,
        Power::Raw => Level::Organization,
    }
}

/// Checks every document against the powers of its node.
pub(super) fn check(world: &World<'_>, diagnostics: &mut Diagnostics) {
    for delegation in &world.parsed.policy.delegations {
        check_delegation(world, delegation, diagnostics);
    }
    let mut said = Said { diagnostics, ended: BTreeSet::new() };
    for (path, node) in &world.nodes {
        if let Some(span) = first_mandate(node.mandates) {
            demand(world, Power::Mandates, path, span, "mandates", &mut said);
        }
        if let Some(span) = first_default(node.defaults) {
            demand(world, Power::Defaults, path, span, "defaults", &mut said);
        }
        for name in node.profiles {
            let declared = world
                .parsed
                .policy
                .profiles
                .iter()
                .filter(|profile| profile.name() == name.value.0 && profile.node.contains(path));
            for profile in declared {
                if first_mandate(&profile.spec.mandates).is_some() {
                    demand(world, Power::Mandates, path, name.span, "mandates of a profile", &mut said);
                }
                if first_default(&profile.spec.defaults).is_some() {
                    demand(world, Power::Defaults, path, name.span, "defaults of a profile", &mut said);
                }
            }
        }
    }
    let policy = &world.parsed.policy;
    for document in &policy.accesses {
        demand(world, Power::Access, &document.node, document.span, "access", &mut said);
    }
    for document in &policy.authentications {
        demand(world, Power::Authentication, &document.node, document.span, "authentication", &mut said);
    }
    for document in &policy.zones {
        demand(world, Power::Zones, &document.node, document.span, "zones", &mut said);
    }
    for document in &policy.raws {
        demand(world, Power::Raw, &document.node, document.span, "hand-written objects", &mut said);
    }
    for document in policy.clusters.iter().filter(|document| document.node != NodePath::root()) {
        let misplaced = code::NOT_AUTHORISED.at(document.span, "clusters are declared by the organization alone");
        said.diagnostics.report(
            misplaced.label(format!("declared by `{}`", document.node)).help("move it to the root of the policy tree"),
        );
    }
    let Said { diagnostics, ended } = said;
    for delegation in world.parsed.policy.delegations.iter().filter(|delegation| !in_force(world, delegation)) {
        // One that a statement still needs was reported with the statement.
        if let Some(until) = delegation.spec.until.as_ref().filter(|until| !ended.contains(&until.span)) {
            let over = code::NO_EFFECT
                .at(until.span, format!("delegation `{}` ended on {}", delegation.name(), until.value))
                .label("the last day");
            diagnostics.report(over.help("delete it, or have it delegated again"));
        }
    }
}

/// What was said, and the last days of the delegations that have ended and are still needed.
struct Said<'d> {
    diagnostics: &'d mut Diagnostics,
    ended: BTreeSet<Span>,
}

/// Reports a statement its node has no power to make.
fn demand(world: &World<'_>, power: Power, path: &NodePath, span: Span, what: &str, said: &mut Said<'_>) {
    let Some(node) = world.nodes.get(path) else { return };
    if node.level <= lowest(power) {
        return;
    }
    let given = delegations(world, power, path);
    if given.iter().any(|delegation| in_force(world, delegation)) {
        return;
    }
    let refused = |code: &'static crate::diagnostics::Code| -> Diagnostic {
        code.at(span, format!("a {} may not write {what}", node.level.word())).label(format!("written by `{path}`"))
    };
    let diagnostic = match given.first() {
        Some(ended) => {
            let day = ended.spec.until.as_ref();
            let ended_on = day.map_or(String::new(), |day| format!("ended on {}", day.value));
            let place = day.map_or(ended.span, |day| day.span);
            refused(&code::DELEGATION_EXPIRED)
                .and(place, ended_on)
                .help("have it delegated again, or take the statement away")
        }
        None => {
            let above = lowest(power).word();
            refused(&code::NOT_AUTHORISED)
                .help(format!("let the {above} write it, or delegate `{}` to `{path}`", power.word()))
        }
    };
    said.ended.extend(given.iter().filter_map(|delegation| Some(delegation.spec.until.as_ref()?.span)));
    said.diagnostics.report(diagnostic);
}

/// Returns the delegations of a power that reach a node, whether they have ended or not.
fn delegations<'a>(world: &World<'a>, power: Power, path: &NodePath) -> Vec<&'a Document<DelegationSpec>> {
    let gives = |delegation: &&Document<DelegationSpec>| {
        delegation.spec.to.value.contains(path)
            && delegation.node.contains(&delegation.spec.to.value)
            && delegation.spec.may.0.iter().any(|given| given.value == power)
    };
    world.parsed.policy.delegations.iter().filter(gives).collect()
}

fn in_force(world: &World<'_>, delegation: &Document<DelegationSpec>) -> bool {
    delegation.spec.until.as_ref().is_none_or(|until| until.value >= world.as_of)
}

/// Returns the kinds of hand-written objects a node's delegations limit it to; `None` where nothing limits it.
pub(super) fn raw_kinds<'a>(world: &World<'a>, path: &NodePath) -> Option<Vec<&'a str>> {
    let level = world.nodes.get(path)?.level;
    if level <= lowest(Power::Raw) {
        return None;
    }
    let given = delegations(world, Power::Raw, path);
    let mut kinds = Vec::new();
    for delegation in given.into_iter().filter(|delegation| in_force(world, delegation)) {
        match &delegation.spec.kinds {
            None => return None,
            Some(list) => kinds.extend(list.0.iter().map(|kind| kind.value.as_str())),
        }
    }
    Some(kinds)
}

fn check_delegation(world: &World<'_>, delegation: &Document<DelegationSpec>, diagnostics: &mut Diagnostics) {
    let to = &delegation.spec.to;
    if world.known_path(to, diagnostics).is_err() {
        return;
    }
    if !delegation.node.contains(&to.value) {
        let outside =
            code::DELEGATION_INVALID.at(to.span, format!("`{}` does not lie below `{}`", to.value, delegation.node));
        diagnostics.report(outside.label("not its own").help("a node delegates to nodes below it"));
        return;
    }
    let Some(giver) = world.nodes.get(&delegation.node) else { return };
    for power in &delegation.spec.may.0 {
        let built_in = giver.level <= lowest(power.value);
        // What a node gives it must have from above: its own delegation does not count.
        let given = delegations(world, power.value, &delegation.node);
        let from_above = given.iter().any(|above| above.node != delegation.node && in_force(world, above));
        if !built_in && !from_above {
            let beyond = code::DELEGATION_INVALID
                .at(power.span, format!("`{}` may not write `{}` itself", delegation.node, power.value.word()));
            diagnostics.report(beyond.label("not its own to give").help("a delegation gives what its node has"));
        }
    }
    if delegation.spec.kinds.is_some() && !delegation.spec.may.0.iter().any(|power| power.value == Power::Raw) {
        let kinds = code::DELEGATION_INVALID.at(delegation.span, "`kinds` limits `raw`, which is not delegated");
        diagnostics.report(kinds.label("limits nothing").help("add `raw` to `may`, or drop `kinds`"));
    }
}

fn first_mandate(mandates: &Mandates) -> Option<Span> {
    let Mandates { mtls, access, trust_domains, jwt, egress, exposure, obligations, raw, exceptions } = mandates;
    let spans = [
        mtls.as_ref().map(|m| m.span),
        access.as_ref().map(|m| m.span),
        trust_domains.as_ref().map(|m| m.span),
        jwt.as_ref().map(|m| m.span),
        egress.as_ref().map(|m| m.span),
        exposure.as_ref().map(|m| m.span),
        obligations.as_ref().map(|m| m.span),
        raw.as_ref().map(|m| m.span),
        exceptions.as_ref().map(|m| m.span),
    ];
    spans.into_iter().flatten().min()
}

fn first_default(defaults: &Defaults) -> Option<Span> {
    let Defaults { mtls, access, egress } = defaults;
    let spans = [mtls.as_ref().map(|d| d.span), access.as_ref().map(|d| d.span), egress.as_ref().map(|d| d.span)];
    spans.into_iter().flatten().min()
}
