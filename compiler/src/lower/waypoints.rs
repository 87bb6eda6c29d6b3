//! Waypoints of our own: which ports of a unit are called through one, and what only it can tell.
//!
//! In: the facts of a cluster, its Services, and what holds at a unit. Out: [`Behind`]. A port of which policy asks nothing of
//! HTTP is open to callers directly as well, since ztunnel tells them apart; one of which it does is open to the waypoint alone,
//! because whoever goes around a waypoint is seen by ztunnel only (istio.io: ambient/usage/waypoint).

mod callers;
mod doors;
mod names;
mod plan;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::inventory::{KubernetesService, Labels};
use crate::ir::{Origins, Rule};
use crate::requests::{Clause, Field, IdentityPattern, RequestSet};
use crate::resolve::access::Access;
use crate::resolve::units::Unit;
use crate::resolve::world::Cluster;
use crate::resolve::{Governed, Resolved};
use crate::source::Spanned;
use crate::spec::cluster::DataPlane;
use crate::spec::names::Name;

/// The label that says through which waypoint the Services of a namespace, or one of them, are called.
const USE: &str = "istio.io/use-waypoint";
/// The label of the pods that are made for a Gateway object (gateway-api: `GatewayNameLabelKey`).
const NAMED: &str = "gateway.networking.k8s.io/gateway-name";
/// The class of the Gateway objects that are waypoints.
pub(crate) const CLASS: &str = "istio-waypoint";

/// What of a unit is behind a waypoint.
#[derive(Debug)]
pub(super) struct Behind<'a> {
    /// The waypoint: its namespace is the unit's.
    pub name: &'a Spanned<Name>,
    /// Its identity: its pods run under an account of its name.
    pub identity: IdentityPattern,
    /// The Services that lead through it to the unit.
    pub doors: Vec<Door<'a>>,
    /// The ports of the unit to which they lead.
    pub served: BTreeSet<u16>,
    /// The ports of the unit of which policy asks something that only a waypoint sees.
    pub read: BTreeSet<u16>,
}

/// A Service that leads through a waypoint.
#[derive(Debug)]
pub(super) struct Door<'a> {
    /// The Service.
    pub service: &'a KubernetesService,
    /// Its ports, each with those of the unit behind it.
    pub ports: BTreeMap<u16, BTreeSet<u16>>,
}

/// Returns the waypoint of a namespace, as the facts of a cluster say.
pub(super) fn declared<'a>(cluster: &Cluster<'a>, namespace: &str) -> Option<&'a Spanned<Name>> {
    let facts = cluster.document.spec.namespaces.get(namespace)?;
    facts.waypoint.as_ref().filter(|_| facts.data_plane.value == DataPlane::Ambient)
}

/// Returns the labels of the pods of a waypoint.
pub(super) fn pods(name: &str) -> Labels {
    [(NAMED.to_owned(), name.to_owned())].into()
}

/// Finds what is behind waypoints, for each unit by its position.
pub(super) fn find<'a>(resolved: &Resolved<'a>) -> Vec<Option<Behind<'a>>> {
    resolved
        .units
        .iter()
        .map(|governed| Behind::of(resolved.world.clusters.get(governed.unit.cluster)?, governed))
        .collect()
}

impl<'a> Behind<'a> {
    fn of(cluster: &Cluster<'a>, governed: &Governed<'a>) -> Option<Self> {
        let unit = &governed.unit;
        if unit.data_plane != Some(DataPlane::Ambient) {
            return None;
        }
        let name = declared(cluster, unit.namespace)?;
        let doors = doors(cluster, unit);
        let served = doors.iter().flat_map(|door| door.ports.values().flatten()).copied().collect();
        let identity = IdentityPattern::exactly(cluster.trust_domain(), unit.namespace, name.value.0.as_str());
        Some(Self { name, identity, doors, served, read: read(governed) })
    }

    /// Returns what ztunnel tells of what is said about requests: whatever asks nothing of HTTP, at ports that it alone guards.
    pub fn straight(&self, access: &Access) -> Access {
        access.mapped(&|set| {
            RequestSet::from_clauses(set.clauses().iter().filter(|clause| **clause == clause.l4()).filter_map(
                |clause| {
                    let Field::Only(ports) = &clause.ports else { return Some(clause.clone()) };
                    let left: BTreeSet<u16> = ports.difference(&self.read).copied().collect();
                    (!left.is_empty()).then(|| Clause { ports: Field::Only(left), ..clause.clone() })
                },
            ))
        })
    }

    /// Turns rules of an ALLOW at the pods into what may arrive there: nothing on ports that the waypoint alone reads but what
    /// comes out of it, and that on every port that is called through it.
    pub fn admit(&self, rules: &mut Vec<Rule>, principal: &str, origins: &Origins) {
        for rule in rules.iter_mut().filter(|rule| rule.ports.is_empty()) {
            rule.not_ports.extend(&self.read);
        }
        if !self.served.is_empty() {
            let ports = self.served.iter().copied().collect();
            rules.push(Rule {
                ports,
                principals: vec![principal.to_owned()],
                origins: origins.clone(),
                ..Rule::default()
            });
            rules.sort();
        }
    }

    /// Turns rules of a DENY at the pods into ones that leave out what comes out of the waypoint, which denies by itself.
    pub fn except(&self, rules: Vec<Rule>, principal: &str) -> Vec<Rule> {
        let mut left = Vec::new();
        for rule in rules {
            let (through, straight): (Vec<u16>, Vec<u16>) = if rule.ports.is_empty() {
                let through = self.served.iter().filter(|port| !rule.not_ports.contains(port)).copied().collect();
                (through, Vec::new())
            } else {
                rule.ports.iter().partition(|port| self.served.contains(port))
            };
            let mut not_principals = rule.not_principals.clone();
            not_principals.push(principal.to_owned());
            not_principals.sort();
            not_principals.dedup();
            if through.is_empty() {
                left.push(rule);
                continue;
            }
            if rule.ports.is_empty() {
                let mut not_ports: Vec<u16> = rule.not_ports.iter().chain(&self.served).copied().collect();
                not_ports.sort_unstable();
                not_ports.dedup();
                left.push(Rule { not_ports, ..rule.clone() });
            } else if !straight.is_empty() {
                left.push(Rule { ports: straight, ..rule.clone() });
            }
            left.push(Rule { ports: through, not_ports: Vec::new(), not_principals, ..rule });
        }
        left.sort();
        left
    }

    /// Returns the rule that keeps out whoever goes around the waypoint.
    pub fn alone(&self, principal: &str, origins: &Origins) -> Option<Rule> {
        let ports: Vec<u16> = self.read.intersection(&self.served).copied().collect();
        let not_principals = vec![principal.to_owned()];
        (!ports.is_empty()).then(|| Rule { ports, not_principals, origins: origins.clone(), ..Rule::default() })
    }

    /// Returns what makes its own rules: that its cluster has it.
    pub fn origins(&self, cluster: &Cluster<'_>) -> Origins {
        [crate::resolve::statements::Origin::new(self.name.span, cluster.document.metadata.name.value.0.clone())].into()
    }

    /// Reports ports that policy reads and no Service leads to.
    pub fn check(&self, governed: &Governed<'_>, diagnostics: &mut Diagnostics) {
        let unit = &governed.unit;
        for port in self.read.difference(&self.served) {
            let Some(said) = callers::asks_for_http(governed, *port) else { continue };
            let unled = code::L7_WITHOUT_WAYPOINT.at(
                said.span,
                format!("no Service leads through waypoint `{}` to port {port} of `{}`", self.name.value, unit.name),
            );
            diagnostics.report(unled.label("asks for HTTP").and(self.name.span, "the waypoint").help(
                "add the port to a Service that has an address of its own, or ask for callers and ports alone there",
            ));
        }
    }
}

/// Finds the Services that lead callers to a unit through the waypoint of its namespace. One without an address of its own
/// hands out those of pods, and those are called without it where it stands before Services.
fn doors<'a>(cluster: &Cluster<'a>, unit: &Unit<'a>) -> Vec<Door<'a>> {
    let all = cluster.inventory.services_in(unit.namespace).iter();
    let leads = |service: &&KubernetesService| {
        let selects = |labels: &Labels| service.selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        let is_told = !service.is_entry && !service.headless && !service.selector.is_empty();
        is_told && !service.labels.contains_key(USE) && unit.workloads.iter().any(|workload| selects(&workload.labels))
    };
    let door = |service: &'a KubernetesService| {
        let ports = service.ports.iter().map(|port| (port.port, unit.port_numbers(&port.target)));
        let ports: BTreeMap<u16, BTreeSet<u16>> = ports.filter(|(_, targets)| !targets.is_empty()).collect();
        (!ports.is_empty()).then_some(Door { service, ports })
    };
    all.filter(leads).filter_map(door).collect()
}

/// Returns the ports of a unit of which something asks what ztunnel does not see.
fn read(governed: &Governed<'_>) -> BTreeSet<u16> {
    let unit = &governed.unit;
    unit.ports.keys().copied().filter(|port| callers::asks_for_http(governed, *port).is_some()).collect()
}

/// Reports waypoints that would not be called, and objects of the inventory that speak against them.
pub(super) fn check(resolved: &Resolved<'_>, cluster: &Cluster<'_>, diagnostics: &mut Diagnostics) {
    let name = cluster.document.name();
    for (namespace, facts) in &cluster.document.spec.namespaces {
        let Some(waypoint) = &facts.waypoint else { continue };
        if facts.data_plane.value != DataPlane::Ambient {
            let aside = code::UNENFORCEABLE
                .at(waypoint.span, format!("`{namespace}` is in sidecar mode, where nobody calls through a waypoint"));
            let aside = aside.label("would guard nothing").and(facts.data_plane.span, "its data plane");
            diagnostics.report(aside.help("write `dataPlane: ambient`, or leave the waypoint out"));
            continue;
        }
        if !resolved.world.claims.contains_key(&(name, namespace.as_str())) || namespace == cluster.root_namespace() {
            let nobody = code::UNENFORCEABLE
                .at(
                    waypoint.span,
                    format!("no workspace governs `{name}/{namespace}`, so nothing would guard this waypoint"),
                )
                .label("not made");
            diagnostics.report(nobody.help("claim the namespace in a workspace, or leave the waypoint out"));
            continue;
        }
        names::check(resolved, cluster, namespace, waypoint, diagnostics);
        check_use(cluster, namespace, waypoint, diagnostics);
    }
    check_undeclared(resolved, cluster, diagnostics);
}

/// Warns of governed namespaces, Services and pods that use a waypoint which their Cluster does not declare: what that lets through
/// nobody governs, and what comes out of it is admitted nowhere.
fn check_undeclared(resolved: &Resolved<'_>, cluster: &Cluster<'_>, diagnostics: &mut Diagnostics) {
    let name = cluster.document.name();
    for governed in resolved.units.iter().filter(|governed| governed.unit.cluster == name) {
        let unit = &governed.unit;
        let own = declared(cluster, unit.namespace).map(|own| own.value.0.as_str());
        let of_namespace = cluster.inventory.namespaces.get(unit.namespace).into_iter();
        let Some(first) = unit.workloads.first().filter(|_| unit.data_plane == Some(DataPlane::Ambient)) else {
            continue;
        };
        let labels = of_namespace.chain(unit.workloads.iter().map(|workload| &workload.labels));
        let mut used = labels.filter_map(|labels| labels.get(USE)).filter(|used| *used != "none");
        let Some(other) = used.find(|used| Some(used.as_str()) != own) else { continue };
        // Of a namespace that has one of its own its facts have said so already.
        if own.is_some()
            && cluster.inventory.namespaces.get(unit.namespace).and_then(|labels| labels.get(USE)) == Some(other)
        {
            continue;
        }
        let undeclared = code::FOREIGN_WAYPOINT.at(
            first.span,
            format!(
                "`{}/{}` is called through waypoint `{other}`, which its Cluster does not declare",
                unit.namespace, first.name
            ),
        );
        diagnostics.report(
            undeclared
                .label("what comes out of it is admitted nowhere")
                .and(cluster.document.metadata.name.span, "the Cluster")
                .help(format!(
                    "write `namespaces: {{{}: {{dataPlane: ambient, waypoint: {other}}}}}` there, or drop the label",
                    unit.namespace
                )),
        );
    }
}

/// Reports a namespace that does not use its waypoint, and Services of it that use another.
fn check_use(cluster: &Cluster<'_>, namespace: &str, waypoint: &Spanned<Name>, diagnostics: &mut Diagnostics) {
    let labels = cluster.inventory.namespaces.get(namespace);
    let used = labels.and_then(|labels| labels.get(USE));
    let elsewhere = labels.and_then(|labels| labels.get("istio.io/use-waypoint-namespace"));
    let here = elsewhere.is_none_or(|other| other == namespace);
    if used != Some(&waypoint.value.0) || !here {
        let message = match used {
            Some(other) if *other != waypoint.value.0 => {
                format!("the namespace `{namespace}` uses waypoint `{other}`, not `{}`", waypoint.value)
            }
            _ if !here => format!("the namespace `{namespace}` uses a waypoint of another namespace"),
            _ => {
                format!("nothing says that Services of `{namespace}` are called through waypoint `{}`", waypoint.value)
            }
        };
        let unused = code::UNUSED_WAYPOINT
            .at(waypoint.span, message)
            .label("nobody would come through it, and nobody else is let in");
        diagnostics.report(unused.help(format!("label the Namespace in the inventory: `{USE}: {}`", waypoint.value)));
    }
    let (inventory, leads) = (cluster.inventory, |service: &&KubernetesService| {
        !service.is_entry && !service.headless && !service.selector.is_empty() && !service.labels.contains_key(USE)
    });
    for service in inventory.services_in(namespace).iter().filter(leads) {
        let selects = |labels: &Labels| service.selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        let mut behind =
            inventory.workloads_in(namespace).map(|(_, workload)| workload).filter(|it| selects(&it.labels));
        let Some(other) = behind.find(|it| it.machine.is_none() && cluster.plane_of(it) != Some(DataPlane::Ambient))
        else {
            continue;
        };
        if other.labels.get(NAMED) == Some(&waypoint.value.0) {
            continue;
        }
        let aside = code::UNUSED_WAYPOINT.at(
            service.span,
            format!(
                "Service `{namespace}/{}` leads callers through waypoint `{}` to `{}`, which is not in ambient mode",
                service.name, waypoint.value, other.name
            ),
        );
        diagnostics.report(
            aside
                .label("the waypoint is told nothing of it, and refuses")
                .and(other.span, "not in ambient mode")
                .help(format!("label the Service `{USE}: none`, or bring its pods into ambient mode")),
        );
    }
    for service in cluster.inventory.services_in(namespace) {
        let Some(other) = service.labels.get(USE).filter(|other| *other != "none") else { continue };
        let foreign = code::UNUSED_WAYPOINT.at(
            service.span,
            format!("Service `{namespace}/{}` says by itself that it uses waypoint `{other}`", service.name),
        );
        diagnostics.report(
            foreign
                .label("goes before what its namespace says")
                .and(waypoint.span, "the waypoint of its namespace")
                .help(format!("drop its label `{USE}`, or write `none` to have it called directly")),
        );
    }
}
