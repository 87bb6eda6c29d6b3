//! `mesh/runs-as-the-proxy` and `mesh/uncaptured-calls`: workloads whose calls pass no sidecar.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::spec::cluster::DataPlane;

use super::{Context, quoted};
use crate::reach::is_gateway;
use crate::surroundings::pods::Calls;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let model = context.model;
    for workload in model.workloads().filter(|it| model.plane(it) == Some(DataPlane::Sidecar) && !is_gateway(it)) {
        let key = (workload.kind.clone(), workload.namespace.clone(), workload.name.clone());
        for uncaptured in context.surroundings.uncaptured.get(&key).into_iter().flatten() {
            let found = match &uncaptured.calls {
                Calls::OfContainer(name, field) => code::RUNS_AS_THE_PROXY
                    .at(uncaptured.span, format!("container `{name}` of {} calls past its sidecar", quoted(workload)))
                    .label(format!("`{field}` is that of the sidecar, whose calls are left alone"))
                    .help("run it as any other user and group: with these it has no identity of the mesh, and passes no egress gateway"),
                Calls::Annotated(annotation, value) => code::UNCAPTURED_CALLS
                    .at(uncaptured.span, format!("some calls of {} pass no sidecar", quoted(workload)))
                    .label(format!("`{annotation}` is `{value}`"))
                    .help("such calls show no identity and pass no egress gateway; bound them with a NetworkPolicy, or take the annotation away"),
            };
            diagnostics.report(found);
        }
    }
}
