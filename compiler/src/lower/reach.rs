//! What leaves: a zone whose members reach nothing but some, and members that may call anything.
//!
//! In: every zone with `to`. Out: an error for each member with `egress: any`, which opens its NetworkPolicy to every
//! address: the DENY at the workloads of the tree says nothing of what lies outside it.

use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::resolve::Resolved;
use crate::resolve::interval::Step;
use crate::resolve::statements::Origin;
use crate::source::Span;
use crate::spec::mandates::EgressMode;

/// Refuses members of such zones that may call anything.
pub(super) fn check(resolved: &Resolved<'_>, diagnostics: &mut Diagnostics) {
    let world = &resolved.world;
    for zone in &world.parsed.policy.zones {
        let Some(to) = &zone.spec.rules.to else { continue };
        // Resolving has found them once, so nothing is reported.
        let Ok(members) = world.members(&zone.spec, &zone.node, &mut Diagnostics::new()) else { continue };
        for governed in &resolved.units {
            let (unit, egress) = (&governed.unit, &governed.settings.egress);
            if egress.value != EgressMode::Any || !unit.services.iter().any(|index| members.contains(index)) {
                continue;
            }
            let name = zone.name();
            let open = code::UNENFORCEABLE
                .at(to.value.at_most.span, format!("`{}` may call anything, whatever zone `{name}` says", unit.name))
                .label("not enforced");
            let open = match said(&egress.steps) {
                Some(span) => open.and(span, "lets it call anything"),
                None => open,
            };
            diagnostics
                .report(open.help("write `egress: registry-only` for its workspace, or take it out of the zone"));
        }
    }
}

/// Returns the last statement that wrote a value.
fn said<V>(steps: &[Step<V, Origin>]) -> Option<Span> {
    steps.iter().rev().find_map(|step| match step {
        Step::Written(statement) => Some(statement.origin.span),
        _ => None,
    })
}
