//! `mesh/no-namespace`: policies that name no namespace where nothing else is in `default`.
//!
//! In: what manifests say of metadata. Out: a report for each. Whoever applies such an object chooses where it lands; without a
//! choice it is in `default`, where it guards nothing of what is at hand.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::Context;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let mut workloads = context.model.workloads().peekable();
    // Those of an overlay all get their namespace elsewhere, workloads among them.
    if workloads.peek().is_none() || workloads.any(|workload| workload.namespace == "default") {
        return;
    }
    for object in &context.surroundings.unplaced {
        diagnostics.report(
            code::NO_NAMESPACE
                .at(object.span, format!("{} `{}` names no namespace", object.kind, object.name))
                .label("read as one in `default`, where no workload at hand is")
                .help("write `metadata.namespace`: without it whoever applies the manifest chooses"),
        );
    }
}
