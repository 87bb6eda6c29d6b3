//! What the statements of a policy tree say at a port, and which of them decides.
//!
//! In: what the compiler resolved for a unit of workloads. Out: the same answer as that of the compiled manifests, with the
//! statement in place of the object. That the two agree is proved for each compilation (`translation`).

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::resolve::Governed;
use ringfence_compiler::resolve::fields::Mtls;
use ringfence_compiler::resolve::interval::Step;
use ringfence_compiler::resolve::statements::Origin;
use ringfence_compiler::spec::cluster::DataPlane;

use super::proxy::{Question, Told, ask, joined};
use super::{Asked, Caller, Detail};
use crate::engine::envoy::{Reads, ZTUNNEL};
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
    let readings = match governed.unit.data_plane {
        Some(DataPlane::Ambient) => ZTUNNEL,
        _ => Reads::of(protocol),
    };
    let ways = readings.iter().map(|reads| {
        let meant = Meant::at(governed, port, *reads, &model.mesh().trust_domains);
        ask(&meant.chain, &meant.arrivals, &question)
    });
    joined(ways.collect()).map_or(Told::NoRule(None), |found| found.told)
}

/// Returns the statement that made the mode of a port; `None` where it is the built-in one.
pub(super) fn mode<'a>(governed: &'a Governed<'a>, port: u16) -> Option<&'a Origin> {
    made(&governed.settings.mtls.steps, port)
}

/// Finds what a port got its mode from: a mandate that moves other ports only has not made it.
fn made<O>(steps: &[Step<Mtls, O>], port: u16) -> Option<&O> {
    let (mut mode, mut by_whom) = (None, None);
    for step in steps {
        let value = match step {
            Step::BuiltIn(value) => value,
            Step::Written(statement) => {
                by_whom = Some(&statement.origin);
                &statement.value
            }
            Step::Clamped { to, by } => {
                if mode != Some(to.at(port)) {
                    by_whom = by.last();
                }
                to
            }
        };
        mode = Some(value.at(port));
    }
    by_whom
}

#[cfg(test)]
mod tests {
    use ringfence_compiler::resolve::fields::{Arrivals, ByPort};
    use ringfence_compiler::resolve::interval::Statement;

    use super::*;

    #[test]
    fn the_mode_of_a_port_is_made_by_what_last_changed_it() {
        let (strict, permissive) =
            (Arrivals { plaintext: false, mtls: true }, Arrivals { plaintext: true, mtls: true });
        let on = |port: u16, of_port: Arrivals, rest: Arrivals| ByPort { rest, ports: [(port, of_port)].into() };
        let steps = [
            Step::BuiltIn(Mtls::all(strict)),
            Step::Written(Statement::new(Mtls::all(permissive), "written")),
            // An exception keeps 2121 as it was.
            Step::Clamped { to: on(2121, permissive, strict), by: vec!["mandate"] },
        ];
        assert_eq!(made(&steps, 2121), Some(&"written"));
        assert_eq!(made(&steps, 8080), Some(&"mandate"));
        assert_eq!(made(&steps[..1], 8080), None);
    }
}
