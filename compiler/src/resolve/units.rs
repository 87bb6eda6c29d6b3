//! What is enforced at: workloads of one namespace that the same services name.
//!
//! In: services. Out: [`Unit`]s, each with the selector that picks exactly its pods and what is known of its ports. One
//! unit gets one merged ALLOW, so that no workload flips to default deny half-way through a roll-out.

use std::collections::{BTreeMap, BTreeSet};

use super::services::selects;
use super::world::{Cluster, Node, WorkloadRef, World};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::{inventory, lowering, resolve as code};
use crate::inventory::{Labels, Workload};
use crate::spec::access::Port;
use crate::spec::cluster::DataPlane;
use crate::spec::mandates::MtlsSetting;
use crate::spec::reference::NodePath;
use crate::spec::service::Protocol;

/// Workloads of one namespace that the same services name.
#[derive(Debug)]
pub struct Unit<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// A name no other unit of the namespace has.
    pub name: String,
    /// The innermost node it belongs to.
    pub node: NodePath,
    /// The services it is part of, as positions in [`World::services`]; the narrowest first.
    pub services: Vec<usize>,
    /// Its workloads.
    pub workloads: Vec<&'a Workload>,
    /// Labels that select its pods and no others of the namespace.
    pub selector: Labels,
    /// Its TCP ports.
    pub ports: BTreeMap<u16, PortFacts>,
    /// What enforces policy at it; `None` where it has no proxy.
    pub data_plane: Option<DataPlane>,
}

/// What is known of a port of a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortFacts {
    /// The names containers give it.
    pub names: BTreeSet<String>,
    /// What it speaks, if a port name, `appProtocol` or a Service document says so.
    pub protocol: Option<Protocol>,
    /// The ports of Kubernetes Services in front of it.
    pub service_ports: BTreeSet<u16>,
}

/// Ports the data plane itself serves in each pod with a sidecar: merged metrics and rewritten probes, readiness, Envoy's
/// own metrics. They are not captured, so no AuthorizationPolicy reaches them; NetworkPolicy does.
pub const MESH_PORTS: [u16; 3] = [15020, 15021, 15090];

impl Unit<'_> {
    /// Tells whether it is machines outside Kubernetes, where no NetworkPolicy is enforced.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        self.workloads.iter().any(|workload| workload.machine.is_some())
    }

    /// Returns the numbers a port reference stands for at this unit; empty when it has no such port.
    #[must_use]
    pub fn port_numbers(&self, port: &Port) -> BTreeSet<u16> {
        match port {
            Port::Number(number) if self.ports.contains_key(number) || MESH_PORTS.contains(number) => [*number].into(),
            Port::Number(_) => BTreeSet::new(),
            Port::Name(name) => {
                self.ports.iter().filter(|(_, facts)| facts.names.contains(name)).map(|(number, _)| *number).collect()
            }
        }
    }
}

/// What makes workloads one unit: cluster, namespace, services, data plane, and whether they are machines.
type Alike<'a> = (&'a str, &'a str, Vec<usize>, Option<DataPlane>, bool);

/// Groups the workloads of every service into units.
pub(super) fn find<'a>(world: &World<'a>, diagnostics: &mut Diagnostics) -> Vec<Unit<'a>> {
    let mut memberships: BTreeMap<WorkloadRef<'a>, Vec<usize>> = BTreeMap::new();
    for (index, service) in world.services.iter().enumerate() {
        for workload in &service.workloads {
            memberships.entry(*workload).or_default().push(index);
        }
    }
    // Workloads of different planes are enforced at in different ways, so they are never one unit.
    let mut groups: BTreeMap<Alike<'a>, Vec<WorkloadRef<'a>>> = BTreeMap::new();
    for (reference, mut services) in memberships {
        let Some(workload) = world.workload(reference) else { continue };
        let size = |index: &usize| world.services.get(*index).map_or(0, |service| service.workloads.len());
        services.sort_by_key(|index| (size(index), *index));
        let plane = world.clusters.get(reference.cluster).and_then(|cluster| cluster.plane_of(workload));
        let alike = (reference.cluster, workload.namespace.as_str(), services, plane, workload.machine.is_some());
        groups.entry(alike).or_default().push(reference);
    }
    let mut units = Vec::new();
    for ((cluster, namespace, services, plane, _), members) in groups {
        if let Some(unit) = make(world, cluster, namespace, services, plane, &members, diagnostics) {
            units.push(unit);
        }
    }
    tell_apart(&mut units);
    check_names(&units, diagnostics);
    units
}

/// Reports modes that are written for ports that no workload they are about has: nothing would ever apply them.
pub(super) fn check_modes(world: &World<'_>, units: &[Unit<'_>], diagnostics: &mut Diagnostics) {
    let mut check = |whose: String, setting: &MtlsSetting, about: Vec<&Unit<'_>>| {
        for (port, mode) in setting.ports.iter().filter(|_| !about.is_empty()) {
            if about.iter().any(|unit| unit.ports.contains_key(port)) {
                continue;
            }
            let known: BTreeSet<u16> = about.iter().flat_map(|unit| unit.ports.keys().copied()).collect();
            let list = known.into_iter().map(|port| format!("`{port}`")).collect::<Vec<_>>().join(", ");
            let unknown =
                code::UNKNOWN_PORT.at(mode.span, format!("no workload of `{whose}` listens on port `{port}`"));
            diagnostics.report(
                unknown
                    .label("the mode of no port")
                    .help(format!("modes are by port of the workload, not of a Service: {list}")),
            );
        }
    };
    for (index, service) in (0..).zip(&world.services) {
        if let Some(setting) = service.document.and_then(|document| document.spec.mtls.as_ref()) {
            let about = units.iter().filter(|unit| unit.services.contains(&index)).collect();
            check(World::service_name(service), &setting.value, about);
        }
    }
    for (path, node) in &world.nodes {
        if let Some(setting) = &node.defaults.mtls {
            check(path.to_string(), &setting.value, units.iter().filter(|unit| path.contains(&unit.node)).collect());
        }
    }
    for profile in &world.parsed.policy.profiles {
        if let Some(setting) = &profile.spec.defaults.mtls {
            let attached = |path: &NodePath, node: &Node<'_>| {
                profile.node.contains(path) && node.profiles.iter().any(|name| name.value.0 == profile.name())
            };
            let at: Vec<_> = world.nodes.iter().filter(|(path, node)| attached(path, node)).collect();
            let about = units.iter().filter(|unit| at.iter().any(|(path, _)| path.contains(&unit.node))).collect();
            check(profile.name().to_owned(), &setting.value, about);
        }
    }
}

/// The longest name of a unit: files are named after kind, namespace, purpose and unit, and hold 255 characters.
const LONGEST_NAME: usize = 120;

/// Reports units whose name leaves no room for the names of what is emitted for them.
fn check_names(units: &[Unit<'_>], diagnostics: &mut Diagnostics) {
    for unit in units.iter().filter(|unit| unit.name.len() > LONGEST_NAME) {
        let Some(workload) = unit.workloads.first() else { continue };
        let long = inventory::BROKEN_OBJECT
            .at(workload.span, format!("the name `{}` has more than {LONGEST_NAME} characters", unit.name));
        diagnostics.report(
            long.label("too long to name objects and files after")
                .help("give it a shorter name, or name its workloads in a Service document"),
        );
    }
}

/// Gives units that would have one name the name of a workload as well.
fn tell_apart(units: &mut [Unit<'_>]) {
    let mut counts: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let key = |unit: &Unit<'_>| (unit.cluster.to_owned(), unit.namespace.to_owned(), unit.name.clone());
    for unit in units.iter() {
        *counts.entry(key(unit)).or_default() += 1;
    }
    for unit in units {
        let shared = counts.get(&key(unit)).is_some_and(|count| *count > 1);
        if let (true, Some(workload)) = (shared, unit.workloads.first()) {
            unit.name = format!("{}.{}", unit.name, workload.name.to_lowercase());
        }
    }
}

fn make<'a>(
    world: &World<'a>,
    cluster_name: &'a str,
    namespace: &'a str,
    services: Vec<usize>,
    data_plane: Option<DataPlane>,
    members: &[WorkloadRef<'a>],
    diagnostics: &mut Diagnostics,
) -> Option<Unit<'a>> {
    let cluster = world.clusters.get(cluster_name)?;
    let workloads: Vec<&Workload> = members.iter().filter_map(|member| world.workload(*member)).collect();
    let first = workloads.first()?;
    let narrowest = world.services.get(*services.first()?)?;
    for service in services.iter().filter_map(|index| world.services.get(*index)) {
        if service.node != narrowest.node {
            diagnostics.report(
                code::TORN_WORKLOAD
                    .at(
                        first.span,
                        format!(
                            "`{}/{}` belongs to services of `{}` and of `{}`",
                            namespace, first.name, narrowest.node, service.node
                        ),
                    )
                    .label(format!("in `{}` and in `{}`", World::service_name(narrowest), World::service_name(service)))
                    .help(
                        "which node's mandates hold for it would be nobody's choice: let one group claim both services",
                    ),
            );
            return None;
        }
    }
    let Some(selector) = selector(cluster, namespace, &workloads) else {
        let here = cluster.inventory.workloads_in(namespace).map(|(_, workload)| workload);
        let clash = here.filter(|other| !workloads.iter().any(|own| std::ptr::eq(*own, *other))).find(|other| {
            workloads
                .iter()
                .any(|workload| workload.labels.iter().all(|(key, value)| other.labels.get(key) == Some(value)))
        });
        let names = workloads.iter().map(|workload| format!("`{}`", workload.name)).collect::<Vec<_>>().join(", ");
        let inseparable = lowering::INSEPARABLE
            .at(
                first.span,
                format!("no selector picks the pods of {names} in `{cluster_name}/{namespace}` and no others"),
            )
            .label("cannot be selected apart")
            .help("give its pods a label of their own");
        diagnostics.report(match clash {
            Some(other) if workloads.iter().any(|workload| workload.labels.is_empty()) => {
                inseparable.and(other.span, format!("a selector without labels picks `{}` too", other.name))
            }
            Some(other) => inseparable.and(other.span, format!("`{}` carries the same labels", other.name)),
            None => inseparable,
        });
        return None;
    };
    Some(Unit {
        cluster: cluster_name,
        namespace,
        name: narrowest.name.to_lowercase(),
        node: narrowest.node.clone(),
        ports: ports(world, cluster, &services, &workloads),
        services,
        workloads,
        selector,
        data_plane,
    })
}

/// Finds labels that pick exactly these workloads among those of the namespace: one telling label if there is one, else
/// all they have in common.
fn selector(cluster: &Cluster<'_>, namespace: &str, workloads: &[&Workload]) -> Option<Labels> {
    let mut common = workloads.first()?.labels.clone();
    common.retain(|key, value| workloads.iter().all(|workload| workload.labels.get(key) == Some(value)));
    common.retain(|key, _| !key.contains("pod-template-hash") && !key.contains("controller-revision-hash"));
    let here = cluster.inventory.workloads_in(namespace).map(|(_, workload)| workload);
    let others: Vec<&Workload> = here.filter(|other| !workloads.iter().any(|own| std::ptr::eq(*own, *other))).collect();
    let exact = |labels: &Labels| !labels.is_empty() && !others.iter().any(|other| selects(labels, &other.labels));
    let rank = |key: &str| ["app", "app.kubernetes.io/name", "k8s-app", "name"].iter().position(|known| *known == key);
    let mut singles: Vec<(&String, &String)> = common.iter().collect();
    singles.sort_by_key(|(key, _)| (rank(key).unwrap_or(usize::MAX), (*key).clone()));
    let one = singles
        .into_iter()
        .map(|(key, value)| Labels::from([(key.clone(), value.clone())]))
        .find(|labels| exact(labels));
    one.or_else(|| exact(&common).then_some(common))
}

fn ports(
    world: &World<'_>,
    cluster: &Cluster<'_>,
    services: &[usize],
    workloads: &[&Workload],
) -> BTreeMap<u16, PortFacts> {
    let mut ports: BTreeMap<u16, PortFacts> = BTreeMap::new();
    for port in workloads.iter().flat_map(|workload| &workload.ports) {
        ports.entry(port.number).or_default().names.extend(port.name.clone());
    }
    let namespace = workloads.first().map_or("", |workload| workload.namespace.as_str());
    let fronts = cluster
        .inventory
        .services_in(namespace)
        .iter()
        .filter(|service| workloads.iter().any(|workload| selects(&service.selector, &workload.labels)));
    for port in fronts.flat_map(|service| &service.ports) {
        let numbers: Vec<u16> = match &port.target {
            Port::Number(number) => vec![*number],
            Port::Name(name) => {
                ports.iter().filter(|(_, facts)| facts.names.contains(name)).map(|(number, _)| *number).collect()
            }
        };
        for number in numbers {
            let facts = ports.entry(number).or_default();
            facts.service_ports.insert(port.port);
            // Two Services that disagree leave it unknown whether rules on HTTP are enforced, unless both speak HTTP.
            facts.protocol = match (facts.protocol, port.protocol.as_ref().map(|said| said.value)) {
                (Some(one), Some(other)) if one.is_http() != other.is_http() => Some(Protocol::Tcp),
                (Some(one), _) => Some(one),
                (None, other) => other,
            };
        }
    }
    let documents = services.iter().filter_map(|index| world.services.get(*index)?.document);
    for port in documents.flat_map(|document| &document.spec.ports) {
        if let Ok(number) = u16::try_from(port.port.value.0) {
            ports.entry(number).or_default().protocol = Some(port.protocol.value);
        }
    }
    ports
}
