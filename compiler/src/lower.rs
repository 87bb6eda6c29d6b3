//! From what holds to what is enforced where.
//!
//! In: [`Resolved`]. Out: a [`ClusterPlan`] a cluster. Mandates become leaf decisions here; whatever cannot be enforced
//! where it is asked for is a `lowering/…` error, never a weaker object.

mod ceilings;
mod flows;
mod rules;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use self::flows::Reach;
use self::rules::Rules;
use crate::diagnostics::codes::lowering as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::inventory::Workload;
use crate::ir::{ClusterPlan, MeshPlan, NamespacePlan, Origins, SidecarPlan, UnitPlan};
use crate::requests::Part;
use crate::resolve::access::GrantKind;
use crate::resolve::fields::{Arrivals, ByPort, Mtls};
use crate::resolve::interval::{Settled, Step};
use crate::resolve::statements::Origin;
use crate::resolve::world::{Cluster, World};
use crate::resolve::{Governed, Resolved};
use crate::spec::authentication::MtlsMode;
use crate::spec::cluster::{DataPlane, Enforcement};

/// Lowers a whole repository.
///
/// # Errors
/// When something was reported.
pub fn lower(resolved: &Resolved<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<ClusterPlan>, Reported> {
    let reach = Reach::of(resolved, diagnostics);
    let mut plans = Vec::new();
    for (name, cluster) in &resolved.world.clusters {
        plans.push(lower_cluster(resolved, name, cluster, &reach, diagnostics));
    }
    check_callers(resolved, diagnostics);
    diagnostics.check()?;
    Ok(plans)
}

/// Says which callers of a written grant have no proxy: where mTLS proves who calls, they are nobody.
fn check_callers(resolved: &Resolved<'_>, diagnostics: &mut Diagnostics) {
    let unmeshed = resolved.units.iter().map(|governed| &governed.unit).filter(|unit| unit.data_plane.is_none());
    let mut silent: BTreeMap<(&str, &str, &str), &Workload> = BTreeMap::new();
    for unit in unmeshed {
        let Some(cluster) = resolved.world.clusters.get(unit.cluster) else { continue };
        for workload in &unit.workloads {
            silent.insert((cluster.trust_domain(), unit.namespace, &workload.service_account), workload);
        }
    }
    for governed in resolved.units.iter().filter(|governed| governed.unit.data_plane.is_some()) {
        let written = governed.access.grants.iter().filter(|grant| grant.kind == GrantKind::Written);
        for grant in written {
            for pattern in grant.set.clauses().iter().flat_map(|clause| clause.identities.patterns()) {
                let (Part::Exactly(domain), Part::Exactly(namespace), Part::Exactly(account)) =
                    (&pattern.trust_domain, &pattern.namespace, &pattern.service_account)
                else {
                    continue;
                };
                let Some(workload) = silent.get(&(domain.as_str(), namespace.as_str(), account.as_str())) else {
                    continue;
                };
                let caller = code::CALLER_NOT_IN_MESH
                    .at(grant.origin.span, format!("`{namespace}/{}` has no proxy to show who it is", workload.name));
                diagnostics.report(caller.label("does not admit it").and(workload.span, "this caller").help(
                    "bring the caller into the mesh, or grant its addresses with `cidr:` where the port admits plaintext",
                ));
            }
        }
    }
}

fn lower_cluster(
    resolved: &Resolved<'_>,
    name: &str,
    cluster: &Cluster<'_>,
    reach: &Reach,
    diagnostics: &mut Diagnostics,
) -> ClusterPlan {
    let world = &resolved.world;
    let claimed = world.claims.iter().filter(|((of, _), _)| *of == name);
    let mut namespaces = Vec::new();
    for ((_, namespace), workspace) in claimed {
        if *namespace == cluster.root_namespace() {
            let claim = world.nodes.get(workspace).and_then(|node| node.namespaces.first());
            let span = claim.map_or(cluster.document.span, |claim| claim.span);
            let root = code::ROOT_NAMESPACE
                .at(span, format!("`{workspace}` claims `{name}/{namespace}`, the root namespace of the mesh"));
            diagnostics.report(root.label("nothing is emitted into it").help(
                "policies there hold for every namespace, so its own workloads cannot be governed apart: what is granted to them is not enforced",
            ));
            continue;
        }
        let units = resolved
            .units
            .iter()
            .enumerate()
            .filter(|(_, governed)| governed.unit.cluster == name && governed.unit.namespace == *namespace);
        let units: Vec<(usize, &Governed<'_>)> = units.collect();
        namespaces.push(lower_namespace(resolved, cluster, namespace, workspace, &units, reach, diagnostics));
    }
    let raws = resolved.raws.iter().filter(|raw| raw.clusters.contains(&name));
    ClusterPlan {
        name: name.to_owned(),
        root_namespace: cluster.root_namespace().to_owned(),
        namespaces,
        writers: cluster.document.spec.writers.iter().map(|writer| writer.value.clone()).collect(),
        origin: Origin::document(cluster.document.span, cluster.document),
        raws: raws.map(|raw| (raw.manifest.to_json(), raw.origin.clone())).collect(),
    }
}

fn lower_namespace(
    resolved: &Resolved<'_>,
    cluster: &Cluster<'_>,
    namespace: &str,
    workspace: &crate::spec::reference::NodePath,
    units: &[(usize, &Governed<'_>)],
    reach: &Reach,
    diagnostics: &mut Diagnostics,
) -> NamespacePlan {
    let world = &resolved.world;
    let claim = world.nodes.get(workspace).and_then(|node| {
        node.namespaces.iter().find(|claim| {
            claim.value.cluster.matches(cluster.document.name()) && claim.value.namespace.matches(namespace)
        })
    });
    let span = claim.map_or_else(|| world.place_of(workspace), |claim| claim.span);
    let settings = resolved.nodes.get(workspace);
    let meshed = units.is_empty() || units.iter().any(|(_, governed)| governed.unit.data_plane.is_some());
    let mode = settings
        .filter(|_| meshed)
        .and_then(|settings| Some((settings.mtls.value.rest.mode()?, origins(&settings.mtls))));
    let mut plans: Vec<UnitPlan> = units
        .iter()
        .map(|(at, governed)| lower_unit(world, cluster, governed, *at, mode.as_ref(), reach, diagnostics))
        .collect();
    plans.sort_by(|a, b| a.name.cmp(&b.name));
    let (ceilings, ceilings_on_trial) = ceilings::shared(&mut plans);
    let shared_log = |log: &Settled<BTreeSet<String>, Origin>| {
        let provider = |ceiling: &crate::resolve::interval::Statement<BTreeSet<String>, Origin>| {
            ceiling.value.iter().map(|name| (name.clone(), ceiling.origin.clone())).collect::<Vec<_>>()
        };
        let named: BTreeMap<String, Origin> = log.ceilings.iter().flat_map(provider).collect();
        named.into_iter().collect::<Vec<_>>()
    };
    NamespacePlan {
        name: namespace.to_owned(),
        origin: Origin::new(span, workspace.0.clone()),
        mtls: mode,
        ceilings,
        ceilings_on_trial,
        access_log: settings.map(|settings| shared_log(&settings.access_log)).unwrap_or_default(),
        network_policy: cluster
            .document
            .spec
            .network_policy
            .as_ref()
            .is_none_or(|wanted| wanted.value == Enforcement::Enforced),
        units: plans,
    }
}

fn lower_unit(
    world: &World<'_>,
    cluster: &Cluster<'_>,
    governed: &Governed<'_>,
    at: usize,
    mode: Option<&(MtlsMode, Origins)>,
    reach: &Reach,
    diagnostics: &mut Diagnostics,
) -> UnitPlan {
    let unit = &governed.unit;
    let span = unit.workloads.first().map_or(cluster.document.span, |workload| workload.span);
    let service =
        unit.services.first().and_then(|index| world.services.get(*index)).map_or(String::new(), World::service_name);
    let mesh = match unit.data_plane {
        Some(plane) => Some(lower_mesh(governed, plane, mode, reach, at, diagnostics)),
        None => {
            check_unmeshed(governed, cluster, diagnostics);
            None
        }
    };
    UnitPlan {
        name: unit.name.clone(),
        selector: unit.selector.clone(),
        origin: Origin::new(span, service),
        mesh,
        network: reach.network(at, cluster, governed),
    }
}

fn lower_mesh(
    governed: &Governed<'_>,
    plane: DataPlane,
    mode: Option<&(MtlsMode, Origins)>,
    reach: &Reach,
    at: usize,
    diagnostics: &mut Diagnostics,
) -> MeshPlan {
    let (unit, access) = (&governed.unit, &governed.access);
    let mut rules = Rules { unit, plane, diagnostics };
    let enforced = |grants: &[crate::resolve::access::Grant], on_trial: bool, rules: &mut Rules<'_, '_, '_>| {
        let chosen: Vec<_> = grants.iter().filter(|grant| grant.on_trial == on_trial).collect();
        rules.of(&chosen)
    };
    let allow = enforced(&access.grants, false, &mut rules);
    let allow_on_trial = enforced(&access.grants, true, &mut rules);
    let deny = enforced(&access.denies, false, &mut rules);
    let deny_on_trial = enforced(&access.denies, true, &mut rules);
    let ceilings = ceilings::denied(&access.ceilings, false, &mut rules);
    let ceilings_on_trial = ceilings::denied(&access.ceilings, true, &mut rules);
    let token = tokens::required(&governed.authentication, &mut rules);
    let ask = tokens::ask(&governed.authentication, &mut rules);
    let issuers = governed.authentication.issuers.iter().map(|issuer| (issuer.spec.clone(), issuer.origin.clone()));
    if let (DataPlane::Ambient, Some(issuer)) = (plane, governed.authentication.issuers.first()) {
        let ambient = code::L7_WITHOUT_WAYPOINT.at(
            issuer.origin.span,
            format!("`{}` is in ambient mode without a waypoint, so nothing checks tokens", unit.name),
        );
        rules.diagnostics.report(
            ambient.label("not enforced there").help("tokens are HTTP: leave the workload out, or give it a sidecar"),
        );
    }
    MeshPlan {
        mtls: lower_mtls(governed, plane, mode, rules.diagnostics),
        allow,
        allow_on_trial,
        deny,
        deny_on_trial,
        ceilings,
        ceilings_on_trial,
        issuers: issuers.collect(),
        token,
        ask,
        sidecar: (plane == DataPlane::Sidecar).then(|| SidecarPlan {
            namespaces: reach.namespaces(at),
            egress: governed.settings.egress.value,
            origins: origins(&governed.settings.egress),
        }),
    }
}

/// Returns the modes of a unit where they differ from its namespace's.
fn lower_mtls(
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
    origins
}

/// Says what cannot be enforced at a workload without a proxy.
fn check_unmeshed(governed: &Governed<'_>, cluster: &Cluster<'_>, diagnostics: &mut Diagnostics) {
    let unit = &governed.unit;
    let Some(workload) = unit.workloads.iter().find(|workload| !cluster.is_meshed(workload)).or(unit.workloads.first())
    else {
        return;
    };
    let networked =
        cluster.document.spec.network_policy.as_ref().is_none_or(|wanted| wanted.value == Enforcement::Enforced)
            && !workload.host_network;
    let why = if workload.host_network {
        "its pods share the node's network"
    } else if workload.injection == Some(false) {
        "its pods refuse a sidecar"
    } else {
        "its namespace is not labelled for injection"
    };
    let unmeshed =
        code::NOT_IN_MESH.at(workload.span, format!("`{}/{}` has no proxy: {why}", unit.namespace, workload.name));
    let what = if networked {
        "only NetworkPolicy is enforced at it: neither mTLS, methods and paths, nor tokens"
    } else {
        "nothing is enforced at it"
    };
    diagnostics.report(unmeshed.label("outside the mesh").help(what));
    let refuse = |origin: &Origin, what: &str, diagnostics: &mut Diagnostics| {
        let refused =
            code::UNENFORCEABLE.at(origin.span, format!("{what} of `{}` cannot be enforced: {why}", unit.name));
        diagnostics.report(
            refused
                .label("not enforced")
                .and(workload.span, "the workload")
                .help("bring the workload into the mesh, or leave it out of the statement"),
        );
    };
    for grant in governed.access.grants.iter().filter(|grant| grant.kind == GrantKind::Written) {
        if !grant.on_trial && (!networked || !grant.set.is_l4()) {
            refuse(&grant.origin, if networked { "HTTP rules" } else { "access" }, diagnostics);
        }
    }
    for deny in governed.access.denies.iter().filter(|deny| !deny.on_trial) {
        refuse(&deny.origin, "a deny", diagnostics);
    }
    if let Some(required) = &governed.authentication.required {
        refuse(required, "tokens", diagnostics);
    }
}
