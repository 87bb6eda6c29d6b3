//! One unit of workloads: what its proxy enforces, and what NetworkPolicy does.

use std::collections::BTreeMap;

use super::rules::{Action, Engine, Rules};
use super::waypoints::Behind;
use super::{Lowering, ceilings, egress, obliged, origins, outside, plaintext, tokens, trial};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::ir::{MeshPlan, NamespacePlan, NetworkPlan, Origins, SidecarPlan, UnitPlan};
use crate::resolve::Governed;
use crate::resolve::access::{Access, Grant};
use crate::resolve::authentication::Authentication;
use crate::resolve::fields::{Arrivals, ByPort, Mtls};
use crate::resolve::statements::Origin;
use crate::resolve::units::Unit;
use crate::resolve::world::World;
use crate::spec::authentication::MtlsMode;
use crate::spec::cluster::DataPlane;

impl Lowering<'_, '_, '_> {
    /// Lowers one unit; `plan` holds what its namespace says already.
    pub(super) fn unit(&mut self, governed: &Governed<'_>, at: usize, plan: &NamespacePlan) -> UnitPlan {
        let unit = &governed.unit;
        let world = &self.resolved.world;
        let span = unit.workloads.first().map_or(self.cluster.document.span, |workload| workload.span);
        let service = unit.services.first().and_then(|index| world.services.get(*index));
        let mesh = match unit.data_plane {
            Some(plane) => {
                outside::check_bypassed(self.resolved, governed, self.cluster, plane, self.diagnostics);
                if plane == DataPlane::Sidecar {
                    outside::check_own_ports(governed, self.diagnostics);
                }
                Some(self.mesh(governed, at, plane, plan))
            }
            None => {
                outside::check_unmeshed(self.resolved, governed, self.cluster, self.diagnostics);
                None
            }
        };
        UnitPlan {
            name: unit.name.clone(),
            selector: unit.selector.clone(),
            origin: Origin::new(span, service.map_or(String::new(), World::service_name)),
            mesh,
            network: (!unit.is_outside()).then(|| self.network(governed, at)),
        }
    }

    /// Returns what NetworkPolicy is told of a unit: its connections in the mesh and those outside.
    fn network(&self, governed: &Governed<'_>, at: usize) -> NetworkPlan {
        let mut network = self.connections.network(at, self.cluster, governed);
        network.egress.extend(egress::flows(self.resolved, self.cluster, at));
        network.egress.sort();
        network.egress.dedup();
        let mine = self.resolved.egresses.iter().filter(|leaving| leaving.units.contains(&at));
        network.origins.extend(mine.map(|leaving| leaving.origin.clone()));
        network
    }

    fn mesh(&mut self, governed: &Governed<'_>, at: usize, plane: DataPlane, plan: &NamespacePlan) -> MeshPlan {
        let (unit, access, authentication) = (&governed.unit, &governed.access, &governed.authentication);
        let tried = trial::is_safe(self.cluster, plane);
        if !tried {
            trial::check(governed, self.cluster, self.diagnostics);
        }
        plaintext::check_denies(&self.resolved.world, governed, self.diagnostics);
        plaintext::check_grants(governed, plane, self.diagnostics);
        let (engine, behind) = (Engine::from(plane), self.behind.get(at).and_then(Option::as_ref));
        let access_log = obliged(&governed.settings.access_log);
        let mesh = match behind {
            None => {
                if plane == DataPlane::Ambient {
                    check_unseen(governed, &access_log, self.diagnostics);
                }
                self.enforced(&Enforced { unit, access, authentication, engine, tried })
            }
            Some(behind) => self.straight(governed, behind, tried),
        };
        MeshPlan {
            mtls: mtls(governed, plane, plan.mtls.as_ref(), self.diagnostics),
            access_log: if access_log == plan.access_log || behind.is_some() { Vec::new() } else { access_log },
            sidecar: (plane == DataPlane::Sidecar).then(|| SidecarPlan {
                namespaces: self.connections.namespaces(at),
                hosts: egress::told(self.resolved, at),
                egress: governed.settings.egress.value,
                origins: origins(&governed.settings.egress),
            }),
            ..mesh
        }
    }

    /// Lowers what ztunnel enforces at the pods behind a waypoint: what needs no waypoint, and that whatever does comes from it.
    fn straight(&mut self, governed: &Governed<'_>, behind: &Behind<'_>, tried: bool) -> MeshPlan {
        let access = behind.straight(&governed.access);
        let authentication = &Authentication::default();
        let what = Enforced { unit: &governed.unit, access: &access, authentication, engine: Engine::Ztunnel, tried };
        let mut mesh = self.enforced(&what);
        let Some(principal) = behind.identity.istio_principal() else { return mesh };
        let origins = behind.origins(self.cluster);
        behind.admit(&mut mesh.allow, &principal, &origins);
        for rules in [&mut mesh.deny, &mut mesh.deny_on_trial, &mut mesh.ceilings, &mut mesh.ceilings_on_trial] {
            *rules = behind.except(std::mem::take(rules), &principal);
        }
        mesh.deny.extend(behind.alone(&principal, &origins));
        mesh.deny.sort();
        mesh
    }

    /// Lowers what is enforced where something is called.
    pub(super) fn enforced(&mut self, what: &Enforced<'_, '_>) -> MeshPlan {
        let Enforced { unit, access, authentication, engine, tried } = *what;
        let world = &self.resolved.world;
        let mut rules = Rules { world, unit, ceilings: &access.ceilings, engine, diagnostics: self.diagnostics };
        let written = |grants: &[Grant], on_trial: bool, action: Action, rules: &mut Rules<'_, '_, '_>| {
            let chosen: Vec<_> = grants.iter().filter(|grant| grant.on_trial == on_trial).collect();
            rules.of(&chosen, action)
        };
        MeshPlan {
            allow: written(&access.grants, false, Action::Allow, &mut rules),
            allow_on_trial: written(&access.grants, true, Action::Allow, &mut rules),
            deny: written(&access.denies, false, Action::Deny, &mut rules),
            deny_on_trial: written(&access.denies, true, Action::Deny, &mut rules),
            ceilings: ceilings::denied(&access.ceilings, false, &mut self.known, &mut rules),
            ceilings_on_trial: if tried {
                ceilings::denied(&access.ceilings, true, &mut self.known, &mut rules)
            } else {
                Vec::new()
            },
            issuers: authentication.issuers.iter().map(|issuer| (issuer.spec.clone(), issuer.origin.clone())).collect(),
            token: tokens::required(authentication, &mut rules),
            ask: tokens::ask(authentication, &mut rules),
            ..MeshPlan::default()
        }
    }
}

/// What is to be enforced at one place.
#[derive(Clone, Copy)]
pub(super) struct Enforced<'e, 'a> {
    /// The unit, with the ports by which it is called there.
    pub unit: &'e Unit<'a>,
    /// Who reaches it.
    pub access: &'e Access,
    /// Which tokens it accepts.
    pub authentication: &'e Authentication,
    /// What reads the rules.
    pub engine: Engine,
    /// Whether mandates on trial may be objects.
    pub tried: bool,
}

/// Reports tokens and access logs that are asked for where ztunnel is all there is.
fn check_unseen(governed: &Governed<'_>, access_log: &[(String, Origin)], diagnostics: &mut Diagnostics) {
    let name = &governed.unit.name;
    if let Some(issuer) = governed.authentication.issuers.first() {
        let ambient = code::L7_WITHOUT_WAYPOINT.at(
            issuer.origin.span,
            format!("`{name}` is in ambient mode without a waypoint, so nothing checks tokens"),
        );
        diagnostics.report(
            ambient
                .label("not enforced there")
                .help("tokens are HTTP: leave the workload out, or give it a sidecar or its namespace a waypoint"),
        );
    }
    if let Some((_, origin)) = access_log.first() {
        let ambient = code::L7_WITHOUT_WAYPOINT.at(
            origin.span,
            format!("`{name}` is in ambient mode without a waypoint, where no Telemetry asks for an access log"),
        );
        diagnostics.report(
            ambient
                .label("not kept there")
                .help("leave the workload out, or give it a sidecar or its namespace a waypoint"),
        );
    }
}

/// Returns the modes of a unit where they differ from its namespace's.
fn mtls(
    governed: &Governed<'_>,
    plane: DataPlane,
    mode: Option<&(MtlsMode, Origins)>,
    diagnostics: &mut Diagnostics,
) -> Option<(MtlsMode, BTreeMap<u16, MtlsMode>, Origins)> {
    let settled = &governed.settings.mtls;
    let of: &Mtls = &settled.value;
    let refuses_mtls = |arrivals: &Arrivals| !arrivals.mtls;
    if plane == DataPlane::Ambient && (refuses_mtls(&of.rest) || of.ports.values().any(refuses_mtls)) {
        let unit = &governed.unit;
        let span = origins(settled)
            .first()
            .or(unit.workloads.first().map(|workload| Origin::new(workload.span, "")).as_ref())
            .map(|origin| origin.span);
        if let Some(span) = span {
            let ambient = code::UNENFORCEABLE
                .at(span, format!("`{}` is in ambient mode, where `disable` is read as `permissive`", unit.name));
            diagnostics.report(
                ambient
                    .label("cannot be enforced")
                    .help("write `permissive`, which is what would happen, or give it a sidecar"),
            );
        }
    }
    let rest = of.rest.mode()?;
    let ports: BTreeMap<u16, MtlsMode> = of
        .ports
        .iter()
        .filter(|(_, arrivals)| **arrivals != of.rest)
        .filter_map(|(port, arrivals)| Some((*port, arrivals.mode()?)))
        .collect();
    let same = ports.is_empty() && mode.is_some_and(|(mode, _)| ByPort::<Arrivals>::all((*mode).into()) == *of);
    (!same).then(|| (rest, ports, origins(settled)))
}
