//! What the statements of a policy tree say at a port, and which of them decides.
//!
//! In: what the compiler resolved for a unit of workloads. Out: the same answer as that of the compiled manifests, with the
//! statement in place of the object. That the two agree is proved for each compilation (`translation`).

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::resolve::Governed;
use ringfence_compiler::resolve::interval::Step;
use ringfence_compiler::resolve::statements::Origin;

use super::proxy::{Question, Told, ask, joined};
use super::{Asked, Caller, Detail};
use crate::engine::envoy::Reads;
use crate::meant::Meant;
use crate::model::Model;

/// Says what is meant for a caller at a port.
pub(super) fn told<'a>(
    governed: &'a Governed<'a>,
    model: &Model<'a>,
    caller: Caller<'a>,
    (to, port): (&Workload, u16),
    asked: &Asked,
    detail: Detail<'_, '_>,
) -> Told<&'a Origin> {
    let question = Question::of(model, caller, asked, detail).through(model, caller, to, port);
    let protocol = governed.unit.ports.get(&port).and_then(|facts| facts.protocol);
    let ways = Reads::of(protocol).iter().map(|reads| {
        let meant = Meant::at(governed, port, *reads, &model.mesh().trust_domains);
        ask(&meant.chain, &meant.arrivals, &question)
    });
    joined(ways.collect()).map_or(Told::NoRule(None), |found| found.told)
}

/// Returns the statement that made the mode of a unit's ports; `None` where it is the built-in one.
pub(super) fn mode<'a>(governed: &'a Governed<'a>) -> Option<&'a Origin> {
    governed.settings.mtls.steps.iter().rev().find_map(|step| match step {
        Step::Written(statement) => Some(&statement.origin),
        Step::Clamped { by, .. } => by.last(),
        Step::BuiltIn(_) => None,
    })
}
