//! What leaves the mesh: the hosts that sidecars are told of, what NetworkPolicy opens, and the gateways on the way.
//!
//! In: each [`Leaving`] of a cluster. Out: an [`EgressPlan`] a host and an [`EgressGatewayPlan`] a gateway. A sidecar is no
//! boundary, so what keeps workloads in is NetworkPolicy, and what tells them apart at a gateway is its ALLOW.

mod held;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::edge::istio_hosts;
use super::flows::{HBONE, plumbing};
use super::{Lowering, enforces_network_policy};
use crate::ir::{
    EgressDoor, EgressGatewayPlan, EgressPlan, EgressPortPlan, Flow, NetworkPlan, Origins, Peer, Rule, Transport,
};
use crate::requests::IdentityPattern;
use crate::resolve::Resolved;
use crate::resolve::egresses::Leaving;
use crate::resolve::statements::Origin;
use crate::resolve::units::Unit;
use crate::resolve::world::Cluster;
use crate::spec::access::Port;
use crate::spec::cluster::{DataPlane, GatewaySpec};
use crate::spec::egress::{EgressProtocol, EgressSpec};

/// The port of its Service on which an egress gateway is called, whatever the port of the host: it tells hosts apart by name.
pub(crate) const DOOR: u16 = 443;
/// Every address there is.
const EVERYTHING: [&str; 2] = ["0.0.0.0/0", "::/0"];
/// Addresses that are never a host outside: of the node itself, where clouds keep the credentials of machines.
const NEVER: [&str; 2] = ["169.254.0.0/16", "fe80::/10"];

/// What leaves a cluster.
pub(super) struct Outward {
    /// The hosts.
    pub hosts: Vec<EgressPlan>,
    /// The gateways.
    pub gateways: Vec<EgressGatewayPlan>,
}

impl Lowering<'_, '_, '_> {
    /// Plans what leaves this cluster.
    pub(super) fn outward(&mut self) -> Outward {
        let name = self.cluster.document.name();
        let here: Vec<&Leaving<'_>> = self.resolved.egresses.iter().filter(|it| it.cluster == name).collect();
        for leaving in &here {
            held::check(self.resolved, self.cluster, leaving, self.diagnostics);
        }
        held::check_modes(self.resolved, self.cluster, self.diagnostics);
        Outward { hosts: hosts(self.resolved, &here), gateways: gateways(self.resolved, self.cluster, &here) }
    }
}

/// Returns what NetworkPolicy lets a unit connect to outside, or on the way there.
pub(super) fn flows(resolved: &Resolved<'_>, cluster: &Cluster<'_>, at: usize) -> Vec<Flow> {
    let mine = resolved.egresses.iter().filter(|leaving| leaving.units.contains(&at));
    let flow = |leaving: &Leaving<'_>| match leaving.via {
        None => outside(resolved, cluster, &leaving.document.spec),
        Some((_, gateway)) => {
            let pods = Peer::Pods { namespace: gateway.namespace.value.0.clone(), labels: gateway.pod_labels() };
            // A pod's port is not its Service's. Where no manifest tells it, every port of the gateway is as good: its own
            // policies hold on each.
            Flow { ports: door_of_pods(cluster, gateway), peers: [pods].into() }
        }
    };
    mine.map(flow).collect()
}

/// Returns what a sidecar is told of for a unit's calls outside.
pub(super) fn told(resolved: &Resolved<'_>, at: usize) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for leaving in resolved.egresses.iter().filter(|leaving| leaving.units.contains(&at)) {
        let namespace = leaving.via.map_or(".", |(_, gateway)| gateway.namespace.value.0.as_str());
        told.extend(leaving.document.spec.hosts.0.iter().map(|host| format!("{namespace}/{}", host.value)));
        if let Some(door) = leaving.via.and_then(|(name, gateway)| door(name, gateway)) {
            told.insert(format!("{namespace}/{}", door.host()));
        }
    }
    told
}

impl EgressDoor {
    /// Returns the name by which it is called.
    pub(crate) fn host(&self) -> String {
        format!("{}.{}.svc.cluster.local", self.service, self.namespace)
    }
}

/// Returns where a gateway is reached; `None` where nothing says by which Service, which is reported.
fn door(name: &str, gateway: &GatewaySpec) -> Option<EgressDoor> {
    Some(EgressDoor {
        name: name.to_owned(),
        namespace: gateway.namespace.value.0.clone(),
        service: gateway.service.as_ref()?.value.0.clone(),
    })
}

/// Returns the ports of a gateway's pods on which it is called, if a manifest shows them; none mean every port.
fn door_of_pods(cluster: &Cluster<'_>, gateway: &GatewaySpec) -> Vec<(Transport, u16)> {
    let fronts = cluster.inventory.services_in(&gateway.namespace.value.0);
    let named = gateway.service.as_ref().map(|service| service.value.0.as_str());
    let front = fronts.iter().find(|front| Some(front.name.as_str()) == named);
    let port = front.and_then(|front| front.ports.iter().find(|port| port.port == DOOR));
    let Some(Port::Number(number)) = port.map(|port| &port.target) else { return Vec::new() };
    // Where tunnels are about, the plugin may see nothing else.
    let tunnel = cluster.has_tunnels().then_some(HBONE);
    std::iter::once(*number).chain(tunnel).map(|port| (Transport::Tcp, port)).collect()
}

/// Returns the connections to the hosts of an Egress: to their addresses where those are known, else to every address but
/// those of pods and nodes, on the whole network.
fn outside(resolved: &Resolved<'_>, cluster: &Cluster<'_>, spec: &EgressSpec) -> Flow {
    let ports: BTreeSet<u16> = spec.ports.0.iter().map(|port| port.value.outside()).collect();
    let peers = if spec.cidrs.is_empty() {
        let facts = &cluster.document.spec;
        let near = resolved.world.clusters.values().map(|other| &other.document.spec);
        let near = near.filter(|other| facts.names_the_network_of(other)).chain([facts]);
        let own = near.flat_map(|facts| facts.pod_cidrs.iter().chain(&facts.node_cidrs)).map(|net| net.value.0);
        let inside: BTreeSet<IpNet> = own.chain(NEVER.iter().filter_map(|net| net.parse().ok())).collect();
        let all = EVERYTHING.iter().filter_map(|net| net.parse::<IpNet>().ok());
        // One range of a policy leaves out what lies within it, and a range within another says nothing more.
        let but = |all: IpNet| {
            let within =
                |net: &&IpNet| all.contains(*net) && !inside.iter().any(|wide| wide != *net && wide.contains(*net));
            Peer::AddressesBut(all, inside.iter().filter(within).copied().collect())
        };
        all.map(but).collect()
    } else {
        spec.cidrs.iter().map(|net| Peer::Addresses(net.value.0)).collect()
    };
    Flow { ports: ports.into_iter().map(|port| (Transport::Tcp, port)).collect(), peers }
}

/// Plans each host once a way: documents that call it alike share it.
fn hosts(resolved: &Resolved<'_>, here: &[&Leaving<'_>]) -> Vec<EgressPlan> {
    let mut plans: BTreeMap<&str, EgressPlan> = BTreeMap::new();
    for leaving in here {
        let spec = &leaving.document.spec;
        let callers = leaving.units.iter().filter_map(|at| resolved.units.get(*at)).map(|governed| &governed.unit);
        for host in &spec.hosts.0 {
            let plan = plans.entry(&host.value.0).or_insert_with(|| plan(spec, leaving, &host.value.0));
            for unit in callers.clone() {
                let pods = plan.callers.entry(unit.namespace.to_owned()).or_default();
                pods.insert((unit.name.clone(), unit.selector.clone()));
            }
            plan.origins.insert(leaving.origin.clone());
        }
    }
    plans.into_values().collect()
}

fn plan(spec: &EgressSpec, leaving: &Leaving<'_>, host: &str) -> EgressPlan {
    let mut ports: Vec<EgressPortPlan> = spec
        .ports
        .0
        .iter()
        .map(|port| EgressPortPlan {
            number: port.value.called(),
            outside: port.value.outside(),
            protocol: port.value.protocol.value,
        })
        .collect();
    ports.sort();
    let bare = ports.iter().any(|port| port.protocol == EgressProtocol::Tcp);
    EgressPlan {
        host: host.to_owned(),
        ports,
        addresses: spec.cidrs.iter().filter(|_| bare).map(|net| net.value.0).collect(),
        originates: spec.tls.as_ref().map(|tls| tls.value.secret.as_ref().map(|secret| secret.value.name.clone())),
        via: leaving.via.and_then(|(name, gateway)| door(name, gateway)),
        callers: BTreeMap::new(),
        origins: Origins::new(),
    }
}

/// Plans every gateway that some Egress leads through.
fn gateways(resolved: &Resolved<'_>, cluster: &Cluster<'_>, here: &[&Leaving<'_>]) -> Vec<EgressGatewayPlan> {
    let mut named: BTreeMap<&str, (&GatewaySpec, Vec<&Leaving<'_>>)> = BTreeMap::new();
    for leaving in here {
        if let Some((name, gateway)) = leaving.via {
            named.entry(name).or_insert_with(|| (gateway, Vec::new())).1.push(leaving);
        }
    }
    let plan = |(name, (gateway, through)): (&str, (&GatewaySpec, Vec<&Leaving<'_>>))| {
        let mut origins: Origins = through.iter().map(|leaving| leaving.origin.clone()).collect();
        let declared = cluster.document.spec.gateways.get(name);
        origins.extend(declared.map(|it| Origin::new(it.span, format!("gateway:{name}"))));
        Some(EgressGatewayPlan {
            door: door(name, gateway)?,
            labels: gateway.pod_labels(),
            rules: rules(resolved, cluster, &through),
            network: enforces_network_policy(cluster).then(|| network(resolved, cluster, gateway, &through)),
            origins,
        })
    };
    named.into_iter().filter_map(plan).collect()
}

/// Returns whom a gateway admits: exactly the identities that call, each to its hosts.
fn rules(resolved: &Resolved<'_>, cluster: &Cluster<'_>, through: &[&Leaving<'_>]) -> Vec<Rule> {
    let mut rules = BTreeSet::new();
    for leaving in through {
        let spec = &leaving.document.spec;
        let callers = leaving.units.iter().filter_map(|at| resolved.units.get(*at)).map(|governed| &governed.unit);
        let principals: BTreeSet<String> = callers.flat_map(|unit| principals(cluster, unit)).collect();
        // INVARIANT: a rule without principals would admit anybody.
        if principals.is_empty() {
            continue;
        }
        for host in &spec.hosts.0 {
            let http = spec.ports.0.iter().all(|port| port.value.protocol.value == EgressProtocol::Http);
            // The name in the handshake chooses the way out; the one in a request is the caller's word.
            let mut rule = Rule {
                principals: principals.iter().cloned().collect(),
                when: vec![("connection.sni".to_owned(), vec![host.value.0.clone()])],
                origins: [leaving.origin.clone()].into(),
                ..Rule::default()
            };
            if http {
                rule.hosts = istio_hosts(&host.value);
            }
            rules.insert(rule);
        }
    }
    rules.into_iter().collect()
}

/// Returns the identities of a unit.
fn principals(cluster: &Cluster<'_>, unit: &Unit<'_>) -> Vec<String> {
    let accounts: BTreeSet<&str> = unit.workloads.iter().map(|workload| workload.service_account.as_str()).collect();
    let one =
        |account: &str| IdentityPattern::exactly(cluster.trust_domain(), unit.namespace, account).istio_principal();
    accounts.into_iter().filter_map(one).collect()
}

/// Returns the connections of a gateway's pods: from those that call, to their hosts.
fn network(
    resolved: &Resolved<'_>,
    cluster: &Cluster<'_>,
    gateway: &GatewaySpec,
    through: &[&Leaving<'_>],
) -> NetworkPlan {
    let units = through.iter().flat_map(|leaving| &leaving.units).filter_map(|at| resolved.units.get(*at));
    let callers: BTreeSet<Peer> = units
        .map(|governed| Peer::Pods {
            namespace: governed.unit.namespace.to_owned(),
            labels: governed.unit.selector.clone(),
        })
        .collect();
    let mut ingress = vec![Flow { ports: door_of_pods(cluster, gateway), peers: callers }];
    ingress.extend(plumbing::watched(cluster, Some(DataPlane::Sidecar), &[]));
    let mut egress: BTreeSet<Flow> =
        through.iter().map(|leaving| outside(resolved, cluster, &leaving.document.spec)).collect();
    egress.extend([plumbing::names(cluster), plumbing::control(cluster)]);
    ingress.sort();
    let origins = through.iter().map(|leaving| leaving.origin.clone()).collect();
    NetworkPlan { ingress, egress: egress.into_iter().collect(), origins }
}
