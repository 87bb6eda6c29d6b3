//! Whether each VirtualMachine is where it says: in a cluster there is, in a namespace of its own workspace.
//!
//! In: [`World`]. Out: reports. What it is beside that is read as a workload of the inventory.

use super::world::World;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::{parse, resolve as code};

/// Checks every VirtualMachine.
pub(super) fn check(world: &World<'_>, diagnostics: &mut Diagnostics) {
    for document in &world.parsed.policy.virtual_machines {
        let (spec, name) = (&document.spec, document.name());
        let (cluster, namespace) = (spec.cluster.value.0.as_str(), spec.namespace.value.0.as_str());
        if !world.clusters.contains_key(cluster) {
            let unknown = code::UNKNOWN_REFERENCE.at(spec.cluster.span, format!("there is no cluster `{cluster}`"));
            let known = world.clusters.keys().copied();
            diagnostics.report(unknown.label("finds nothing").did_you_mean(cluster, known));
            continue;
        }
        let mut numbers = std::collections::BTreeMap::new();
        for port in &spec.ports.0 {
            if let Some(first) = numbers.insert(port.value.number(), port.span) {
                let twice = parse::INVALID_VALUE.at(port.span, format!("port {} is there twice", port.value.number()));
                diagnostics.report(twice.label("again here").and(first, "first here"));
            }
        }
        let workspace = World::workspace(&document.node);
        let owner = world.claims.get(&(cluster, namespace));
        if owner != workspace.as_ref() {
            let said = match owner {
                Some(owner) => format!("`{cluster}/{namespace}`, the namespace of `{name}`, belongs to `{owner}`"),
                None => format!("`{cluster}/{namespace}`, the namespace of `{name}`, belongs to no workspace"),
            };
            let own = workspace.map_or_else(String::new, |workspace| workspace.0);
            let outside = code::OUTSIDE_NODE.at(spec.namespace.span, said).label(format!("not a namespace of `{own}`"));
            diagnostics.report(
                outside.help(format!("claim `{cluster}/{namespace}` in `namespaces` of `{own}`, or move the document")),
            );
        }
    }
}
