//! What a waypoint enforces for each Service, by the Service's own ports.
//!
//! In: the units of a namespace that are behind its waypoint. Out: a [`DoorPlan`] a Service. A Service in front of several units
//! hands requests to any of them, and what the waypoint admits it admits to all: units that differ are an error.

use std::collections::{BTreeMap, BTreeSet};

use super::{Behind, Door};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::inventory::KubernetesService;
use crate::ir::{DoorPlan, MeshPlan, Origins, Rule};
use crate::lower::Lowering;
use crate::lower::rules::Engine;
use crate::lower::unit::Enforced;
use crate::requests::{Clause, Field, RequestSet};
use crate::resolve::Governed;
use crate::resolve::access::{Access, Bound};
use crate::resolve::units::{PortFacts, Unit};
use crate::spec::service::Protocol;

impl Lowering<'_, '_, '_> {
    /// Plans the Services that lead through a waypoint to some units.
    pub(super) fn doors(&mut self, units: &[(&Governed<'_>, &Behind<'_>)]) -> Vec<DoorPlan> {
        let mut plans: BTreeMap<&str, (DoorPlan, &Governed<'_>)> = BTreeMap::new();
        for (governed, behind) in units {
            for door in &behind.doors {
                let mesh = self.door(governed, door);
                let plan = DoorPlan { service: door.service.name.clone(), mesh };
                let Some((first, other)) = plans.get_mut(door.service.name.as_str()) else {
                    plans.insert(&door.service.name, (plan, governed));
                    continue;
                };
                if bare(&first.mesh) == bare(&plan.mesh) {
                    join(&mut first.mesh, plan.mesh);
                } else {
                    report_several(door.service, other, governed, self.diagnostics);
                }
            }
        }
        plans.into_values().map(|(plan, _)| plan).collect()
    }

    fn door(&mut self, governed: &Governed<'_>, door: &Door<'_>) -> MeshPlan {
        let unit = &governed.unit;
        check_targets(&governed.access, door, unit, self.diagnostics);
        let speaks_http = |targets: &BTreeSet<u16>| spoken(unit, targets).protocol.is_none_or(Protocol::is_http);
        let http: BTreeSet<u16> =
            door.ports.iter().filter(|(_, targets)| speaks_http(targets)).map(|(port, _)| *port).collect();
        // What asks for HTTP at whatever port is asked of those that speak it; where none of the unit's does, that is said.
        let is_told = unit.ports.values().all(|facts| facts.protocol.is_some_and(|protocol| !protocol.is_http()));
        let access = governed.access.mapped(&|set| at_door(set, door, (!is_told).then_some(&http)));
        let ports = door.ports.iter().map(|(port, targets)| (*port, spoken(unit, targets))).collect();
        let seen = Unit {
            cluster: unit.cluster,
            namespace: unit.namespace,
            name: unit.name.clone(),
            node: unit.node.clone(),
            services: unit.services.clone(),
            workloads: unit.workloads.clone(),
            selector: unit.selector.clone(),
            ports,
            data_plane: unit.data_plane,
        };
        let authentication = &governed.authentication;
        // Ceilings by ports mean other ports here, so what was written for pods is not used again.
        let known = std::mem::take(&mut self.known);
        let mesh = self.enforced(&Enforced {
            unit: &seen,
            access: &access,
            authentication,
            engine: Engine::Envoy,
            tried: true,
        });
        self.known = known;
        mesh
    }
}

/// Returns what some ports speak, as a Service in front of them has it.
fn spoken(unit: &Unit<'_>, targets: &BTreeSet<u16>) -> PortFacts {
    let facts = targets.iter().find_map(|port| unit.ports.get(port));
    PortFacts { protocol: facts.and_then(|facts| facts.protocol), ..PortFacts::default() }
}

/// Writes a set by the ports of a Service; what is about ports that it does not lead to is left out.
fn at_door(set: &RequestSet, door: &Door<'_>, http: Option<&BTreeSet<u16>>) -> RequestSet {
    RequestSet::from_clauses(set.clauses().iter().filter_map(|clause| {
        let Field::Only(asked) = &clause.ports else {
            let Some(http) = http.filter(|_| *clause != clause.l4()) else { return Some(clause.clone()) };
            return (!http.is_empty()).then(|| Clause { ports: Field::Only(http.clone()), ..clause.clone() });
        };
        let led = door.ports.iter().filter(|(_, targets)| targets.is_subset(asked)).map(|(port, _)| *port);
        let led: BTreeSet<u16> = led.collect();
        (!led.is_empty()).then(|| Clause { ports: Field::Only(led), ..clause.clone() })
    }))
}

/// Reports a port of a Service that leads to several of the pods' between which policy distinguishes.
fn check_targets(access: &Access, door: &Door<'_>, unit: &Unit<'_>, diagnostics: &mut Diagnostics) {
    let bounds = access.ceilings.iter().filter_map(|ceiling| match &ceiling.bound {
        Bound::AtMost(most) => Some(most),
        Bound::Never(_) => None,
    });
    let sets: Vec<_> = access.grants.iter().chain(&access.denies).map(|grant| &grant.set).chain(bounds).collect();
    for (port, targets) in door.ports.iter().filter(|(_, targets)| targets.len() > 1) {
        let splits = |clause: &Clause| match &clause.ports {
            Field::Any => false,
            Field::Only(asked) => !targets.is_subset(asked) && !targets.is_disjoint(asked),
        };
        if sets.iter().any(|set| set.clauses().iter().any(splits)) {
            let several = code::INSEPARABLE.at(
                door.service.span,
                format!(
                    "port {port} of Service `{}` leads to several ports of `{}`, and policy distinguishes them",
                    door.service.name, unit.name
                ),
            );
            diagnostics.report(
                several
                    .label("a waypoint knows the Service's port alone")
                    .help("give each its own port of the Service"),
            );
        }
    }
}

fn report_several(
    service: &KubernetesService,
    one: &Governed<'_>,
    other: &Governed<'_>,
    diagnostics: &mut Diagnostics,
) {
    let (one, other) = (&one.unit, &other.unit);
    let several = code::INSEPARABLE.at(
        service.span,
        format!(
            "Service `{}` leads through a waypoint to `{}` and to `{}`, which admit different requests",
            service.name, one.name, other.name
        ),
    );
    let several = several.label("the waypoint does not know which of them answers");
    let place = other.workloads.first().map(|workload| (workload.span, format!("`{}`", other.name)));
    let several = match place {
        Some((span, name)) => several.and(span, name),
        None => several,
    };
    diagnostics.report(several.help("grant both the same, or give each a Service of its own"));
}

/// Returns what a plan enforces, whatever it comes from.
fn bare(mesh: &MeshPlan) -> MeshPlan {
    let mut bare = mesh.clone();
    for rules in lists(&mut bare) {
        rules.iter_mut().for_each(|rule| rule.origins = Origins::new());
    }
    bare
}

/// Adds the reasons of a plan to another that enforces the same.
fn join(mesh: &mut MeshPlan, mut other: MeshPlan) {
    for (rules, others) in lists(mesh).into_iter().zip(lists(&mut other)) {
        for (rule, other) in rules.iter_mut().zip(others) {
            rule.origins.extend(std::mem::take(&mut other.origins));
        }
    }
}

fn lists(mesh: &mut MeshPlan) -> Vec<&mut Vec<Rule>> {
    let mut lists = vec![
        &mut mesh.allow,
        &mut mesh.allow_on_trial,
        &mut mesh.deny,
        &mut mesh.deny_on_trial,
        &mut mesh.ceilings,
        &mut mesh.ceilings_on_trial,
        &mut mesh.token,
    ];
    lists.extend(mesh.ask.as_mut().map(|(_, rules)| rules));
    lists
}
