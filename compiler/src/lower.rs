//! From what holds to what is enforced where.
//!
//! In: [`Resolved`]. Out: a [`ClusterPlan`] a cluster. Mandates become leaf decisions here; whatever cannot be enforced
//! where it is asked for is a `lowering/…` error, never a weaker object.

mod ceilings;
mod division;
mod edge;
mod egress;
mod flows;
mod machines;
mod outside;
mod plaintext;
mod reach;
mod rules;
mod tokens;
mod trial;
mod unit;
mod waypoints;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use self::ceilings::Known;
pub(crate) use self::edge::grpc_call;
pub(crate) use self::egress::DOOR;
use self::flows::Connections;
use self::waypoints::Behind;
pub(crate) use self::waypoints::CLASS;
use crate::diagnostics::codes::lowering as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::ir::{ClusterPlan, NamespacePlan, Origins, UnitPlan};
use crate::resolve::interval::{Settled, Step};
use crate::resolve::statements::Origin;
use crate::resolve::world::Cluster;
use crate::resolve::{Governed, Resolved};
use crate::spec::cluster::Enforcement;
use crate::spec::reference::NodePath;

/// Lowers a whole repository.
///
/// # Errors
/// When something was reported.
pub fn lower(resolved: &Resolved<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<ClusterPlan>, Reported> {
    let behind = &waypoints::find(resolved);
    let connections = &Connections::of(resolved, behind, diagnostics);
    let clusters = resolved.world.clusters.par_iter().map(|(_, cluster)| {
        let mut said = Diagnostics::new();
        let mut lowering =
            Lowering { resolved, cluster, connections, behind, known: Known::new(), diagnostics: &mut said };
        (lowering.cluster(), said)
    });
    let mut plans = Vec::new();
    for (plan, said) in clusters.collect::<Vec<_>>() {
        plans.push(plan);
        diagnostics.append(said);
    }
    outside::check_callers(resolved, diagnostics);
    reach::check(resolved, diagnostics);
    diagnostics.check()?;
    Ok(plans)
}

/// The lowering of one cluster.
struct Lowering<'r, 'a, 'd> {
    resolved: &'r Resolved<'a>,
    cluster: &'r Cluster<'a>,
    connections: &'r Connections,
    /// What of each unit is behind a waypoint.
    behind: &'r [Option<Behind<'a>>],
    known: Known,
    diagnostics: &'d mut Diagnostics,
}

impl Lowering<'_, '_, '_> {
    fn cluster(&mut self) -> ClusterPlan {
        let (resolved, cluster) = (self.resolved, self.cluster);
        let name = cluster.document.name();
        let mut units: BTreeMap<&str, Vec<(usize, &Governed<'_>)>> = BTreeMap::new();
        for (at, governed) in resolved.units.iter().enumerate().filter(|(_, governed)| governed.unit.cluster == name) {
            units.entry(governed.unit.namespace).or_default().push((at, governed));
        }
        let mut namespaces = Vec::new();
        for ((_, namespace), workspace) in resolved.world.claims.iter().filter(|((of, _), _)| *of == name) {
            if *namespace == cluster.root_namespace() {
                self.refuse_root(namespace, workspace);
                continue;
            }
            namespaces.push(self.namespace(namespace, workspace, units.get(namespace).map_or(&[], Vec::as_slice)));
        }
        waypoints::check(resolved, cluster, self.diagnostics);
        let guards_waypoints = self.guards_waypoints();
        let outward = self.outward();
        let raws = resolved.raws.iter().filter(|raw| raw.clusters.contains(&name));
        ClusterPlan {
            name: name.to_owned(),
            root_namespace: cluster.root_namespace().to_owned(),
            namespaces,
            writers: cluster.document.spec.writers.iter().map(|writer| writer.value.clone()).collect(),
            origin: Origin::document(cluster.document.span, cluster.document),
            gateways: edge::gateways(resolved, cluster, self.diagnostics),
            egresses: outward.hosts,
            egress_gateways: outward.gateways,
            routes: division::routes(resolved, cluster, self.diagnostics),
            guards_waypoints,
            raws: raws.map(|raw| (raw.manifest.to_json(), raw.origin.clone())).collect(),
        }
    }

    fn refuse_root(&mut self, namespace: &str, workspace: &NodePath) {
        let span = self.claim(namespace, workspace).span;
        let name = self.cluster.document.name();
        let root = code::ROOT_NAMESPACE
            .at(span, format!("`{workspace}` claims `{name}/{namespace}`, the root namespace of the mesh"));
        self.diagnostics.report(root.label("nothing is emitted into it").help(
            "policies there hold for every namespace, so its own workloads cannot be governed apart: what is granted to them is not enforced",
        ));
    }

    /// Returns what gives a namespace to a workspace.
    fn claim(&self, namespace: &str, workspace: &NodePath) -> Origin {
        let world = &self.resolved.world;
        let claims = world.nodes.get(workspace).map_or(&[][..], |node| node.namespaces);
        let name = self.cluster.document.name();
        let claim =
            claims.iter().find(|claim| claim.value.cluster.matches(name) && claim.value.namespace.matches(namespace));
        Origin::new(claim.map_or_else(|| world.place_of(workspace), |claim| claim.span), workspace.0.clone())
    }

    fn namespace(&mut self, namespace: &str, workspace: &NodePath, units: &[(usize, &Governed<'_>)]) -> NamespacePlan {
        let settings = self.resolved.nodes.get(workspace);
        let meshed = units.is_empty() || units.iter().any(|(_, governed)| governed.unit.data_plane.is_some());
        let mtls = settings
            .filter(|_| meshed)
            .and_then(|settings| Some((settings.mtls.value.rest.mode()?, origins(&settings.mtls))));
        let access_log = settings.map(|settings| obliged(&settings.access_log)).unwrap_or_default();
        let mut plan = NamespacePlan {
            name: namespace.to_owned(),
            origin: self.claim(namespace, workspace),
            mtls,
            ceilings: Vec::new(),
            ceilings_on_trial: Vec::new(),
            access_log,
            network_policy: enforces_network_policy(self.cluster),
            units: Vec::new(),
            machines: machines::of(self.resolved, self.cluster, units, self.diagnostics),
            waypoint: self.waypoint(namespace, units),
        };
        let mut lowered: Vec<UnitPlan> = units.iter().map(|(at, governed)| self.unit(governed, *at, &plan)).collect();
        lowered.sort_by(|a, b| a.name.cmp(&b.name));
        (plan.ceilings, plan.ceilings_on_trial) = ceilings::shared(&mut lowered);
        plan.units = lowered;
        plan
    }
}

/// Tells whether the network plugin of a cluster enforces NetworkPolicy.
fn enforces_network_policy(cluster: &Cluster<'_>) -> bool {
    cluster.document.spec.network_policy.as_ref().is_none_or(|wanted| wanted.value == Enforcement::Enforced)
}

/// Returns the names that mandates oblige to, each with the first mandate that does.
fn obliged(settled: &Settled<BTreeSet<String>, Origin>) -> Vec<(String, Origin)> {
    let mut named = BTreeMap::new();
    for ceiling in &settled.ceilings {
        for name in &ceiling.value {
            named.entry(name.clone()).or_insert_with(|| ceiling.origin.clone());
        }
    }
    named.into_iter().collect()
}

/// Returns the statements that made a value.
fn origins<V>(settled: &Settled<V, Origin>) -> Origins {
    let mut origins = Origins::new();
    for step in &settled.steps {
        match step {
            Step::BuiltIn(_) => {}
            Step::Written(statement) => {
                origins.insert(statement.origin.clone());
            }
            Step::Clamped { by, .. } => origins.extend(by.iter().cloned()),
        }
    }
    origins.extend(settled.ceilings.iter().map(|ceiling| ceiling.origin.clone()));
    origins.extend(settled.exceptions.iter().cloned());
    origins
}
