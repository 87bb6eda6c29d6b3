//! Floors: requests that a mandate demands be always admitted.
//!
//! In: `access.atLeast` of every node. Out: the grants they are at each unit; and reports, where a ceiling or a deny cuts into
//! one. A floor on trial admits nothing: what it would admit, and what would be in its way, is reported.

use std::collections::BTreeSet;

use super::consent::Admission;
use super::grants::{Grant, GrantKind};
use super::{Access, Ceiling, scope, shown};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::resolve as code;
use crate::requests::{Request, RequestSet};
use crate::resolve::callers::{self, Caller};
use crate::resolve::statements::{Force, Origin, force};
use crate::resolve::units::Unit;
use crate::resolve::world::World;
use crate::spec::access::{Condition, Port};
use crate::spec::mandates::Floor as FloorSpec;
use crate::spec::reference::NodePath;

/// Every floor of the tree, looked up.
pub(super) struct Floors<'a> {
    list: Vec<Floor<'a>>,
}

/// A floor: who, which requests, and the units it is about.
struct Floor<'a> {
    spec: &'a FloorSpec,
    node: NodePath,
    origin: Origin,
    force: Force,
    callers: Vec<Caller>,
    units: BTreeSet<usize>,
}

impl<'a> Floors<'a> {
    /// Reads the floors of every node.
    pub fn read(world: &World<'a>, units: &[Unit<'_>], diagnostics: &mut Diagnostics) -> Self {
        let mut list = Vec::new();
        for path in world.nodes.keys() {
            for mandate in world.mandates(path).into_iter().filter_map(|mandates| mandates.access.as_ref()) {
                let force = force(mandate.value.mode, mandate.value.until.as_ref(), world.as_of);
                for spec in mandate.value.at_least.iter().flat_map(|least| &least.value.0) {
                    let about = match &spec.to {
                        None => Some(scope::in_node(units, path)),
                        Some(to) => scope::units_of(world, to, path, units, diagnostics),
                    };
                    let callers = callers::callers(world, Some(&spec.from), path, diagnostics);
                    let (Some(about), Ok(callers)) = (about, callers) else { continue };
                    let span = callers.first().map_or(mandate.span, |caller| caller.span);
                    if callers::check_names(&spec.condition, span, diagnostics).is_err() {
                        continue;
                    }
                    check_ports(&spec.condition, &about, units, diagnostics);
                    let origin = Origin::mandate(span, path, "access");
                    list.push(Floor { spec, node: path.clone(), origin, force, callers, units: about });
                }
            }
        }
        Self { list }
    }

    /// Returns what is let in, for whom consent is asked.
    pub fn admissions(&self) -> impl Iterator<Item = Admission<'_>> {
        self.list.iter().map(|floor| Admission {
            node: &floor.node,
            span: floor.origin.span,
            callers: &floor.callers,
            units: &floor.units,
            condition: &floor.spec.condition,
            force: floor.force,
        })
    }

    /// Returns what must be admitted at a unit.
    pub fn at(&self, at: usize, unit: &Unit<'_>) -> Vec<Grant> {
        let here = self.list.iter().filter(|floor| floor.force == Force::Enforced && floor.units.contains(&at));
        here.filter_map(|floor| Some(floor.grant(floor.set(unit)?))).collect()
    }

    /// Reports what the floors on trial would admit, and what would be in their way; `resolved` goes with `units`.
    pub fn try_out(&self, units: &[Unit<'_>], resolved: &[Access], diagnostics: &mut Diagnostics) {
        for floor in self.list.iter().filter(|floor| floor.force == Force::OnTrial) {
            let (mut against, mut admitted): (BTreeSet<&Origin>, Vec<(&str, Request)>) = Default::default();
            for (unit, access) in floor.units.iter().filter_map(|at| Some((units.get(*at)?, resolved.get(*at)?))) {
                let Some(set) = floor.set(unit) else { continue };
                for (origin, words, witness) in in_the_way(&set, access) {
                    if against.insert(origin) {
                        let trial = code::DRY_RUN_MANDATE
                            .at(origin.span, format!("`{}`, on trial, demands some of this", floor.origin.id))
                            .label(words);
                        diagnostics.report(trial.and(floor.origin.span, "will be demanded").help(shown(&witness)));
                    }
                }
                if let Some(witness) = set.difference_witness(&access.granted()) {
                    admitted.push((&unit.name, witness));
                }
            }
            if let [(name, witness), others @ ..] = admitted.as_slice() {
                let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
                let trial = code::DRY_RUN_MANDATE
                    .at(
                        floor.origin.span,
                        format!("`{}` admits to `{name}`{more} what nothing grants", floor.origin.id),
                    )
                    .label("on trial: will be admitted");
                diagnostics.report(trial.help(shown(witness)));
            }
        }
    }
}

impl Floor<'_> {
    /// Returns the requests it demands at a unit; `None` where there are none.
    fn set(&self, unit: &Unit<'_>) -> Option<RequestSet> {
        callers::requests(&self.callers, &self.spec.condition, unit).filter(|set| !set.is_empty())
    }

    fn grant(&self, set: RequestSet) -> Grant {
        Grant {
            origin: self.origin.clone(),
            kind: GrantKind::Floor,
            set,
            on_trial: false,
            clip: false,
            clipped_by: Vec::new(),
            exceptions: BTreeSet::new(),
            issuers: self.callers.iter().filter_map(|caller| caller.issuer.clone()).collect(),
            reason: self.spec.reason.clone(),
        }
    }
}

/// Warns of ports that no workload a floor is about has yet: nothing is demanded there.
fn check_ports(condition: &Condition, about: &BTreeSet<usize>, units: &[Unit<'_>], diagnostics: &mut Diagnostics) {
    let about: Vec<&Unit<'_>> = about.iter().filter_map(|at| units.get(*at)).collect();
    let had = |port: &Port| about.is_empty() || about.iter().any(|unit| !unit.port_numbers(port).is_empty());
    for port in condition.ports.iter().flat_map(|ports| &ports.0).filter(|port| !had(&port.value)) {
        let idle = code::NO_EFFECT
            .at(port.span, format!("no workload this floor is about listens on port `{}`", port.value))
            .label("demands nothing");
        diagnostics.report(
            idle.help(
                "correct it, list the port in `ports` of a Service document, or delete it until a workload has it",
            ),
        );
    }
}

/// Returns what cuts into a floor on trial once it is in force, each with a request it cuts off: ceilings, those on trial
/// as well, which come into force by themselves too, and denies in force.
fn in_the_way<'r>(set: &RequestSet, access: &'r Access) -> Vec<(&'r Origin, String, Request)> {
    let words = |ceiling: &Ceiling| {
        if ceiling.on_trial { format!("{}, on trial as well", ceiling.words()) } else { ceiling.words() }
    };
    let ceilings = access.ceilings.iter();
    let ceilings = ceilings.filter_map(|ceiling| Some((&ceiling.origin, words(ceiling), ceiling.refuses(set)?)));
    let denies = access.denies.iter().filter(|deny| !deny.on_trial);
    let denies = denies.filter_map(|deny| Some((&deny.origin, "denies some of it".to_owned(), deny.set.meets(set)?)));
    ceilings.chain(denies).collect()
}

/// Reports ceilings that forbid what a floor demands; of a ceiling on trial, that it will.
pub(super) fn check(access: &Access, diagnostics: &mut Diagnostics) {
    for floor in access.grants.iter().filter(|grant| grant.kind == GrantKind::Floor) {
        for ceiling in &access.ceilings {
            let Some(witness) = ceiling.refuses(&floor.set) else { continue };
            let (code, words) = if ceiling.on_trial {
                (&code::DRY_RUN_MANDATE, format!("{}, on trial", ceiling.words()))
            } else {
                (&code::CONTRADICTION, ceiling.words())
            };
            let message = format!("`{}` demands what `{}` forbids", floor.origin.id, ceiling.origin.id);
            let contradiction = code.at(floor.origin.span, message).label("must always be admitted");
            diagnostics.report(contradiction.and(ceiling.origin.span, words).help(shown(&witness)));
        }
    }
}
