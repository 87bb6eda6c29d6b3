//! Connections between pods: what NetworkPolicy is told, and which namespaces a sidecar calls.
//!
//! In: every grant. Out: for each unit, peers and ports in and out. NetworkPolicy knows pods where the mesh knows
//! identities, so an identity becomes the pods that have it; what no manifest shows becomes its whole namespace, and the
//! AuthorizationPolicy behind it stays exact.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::inventory::Labels;
use crate::ir::{Flow, NetworkPlan, Origins, Peer, Transport};
use crate::requests::{Clause, Field, IdentityPattern, Part};
use crate::resolve::units::{MESH_PORTS, Unit};
use crate::resolve::world::{Cluster, World};
use crate::resolve::{Governed, Resolved};
use crate::spec::cluster::DataPlane;
use crate::spec::mandates::EgressMode;

/// The port mesh traffic arrives on in ambient mode.
const HBONE: u16 = 15008;
/// The address ambient mode gives the kubelet's probes (istio.io: ambient/usage/networkpolicy).
const AMBIENT_PROBES: &str = "169.254.7.127/32";
/// istiod's port for certificates and configuration.
const CONTROL: u16 = 15012;

type Ports = BTreeSet<u16>;

/// Who connects to whom, by position of units.
pub(super) struct Reach {
    /// For each unit: peers by ports; no port means every port.
    ingress: Vec<BTreeMap<Ports, BTreeSet<Peer>>>,
    /// For each unit: what admits connections to it.
    origins: Vec<Origins>,
    /// For each unit: the units it may call, and on which ports.
    egress: Vec<BTreeMap<Ports, BTreeSet<Peer>>>,
    /// For each unit: the namespaces it calls.
    called: Vec<BTreeSet<String>>,
}

impl Reach {
    /// Works out every connection.
    pub fn of(resolved: &Resolved<'_>, diagnostics: &mut Diagnostics) -> Self {
        let units = &resolved.units;
        let mut reach = Self {
            ingress: vec![BTreeMap::new(); units.len()],
            origins: vec![Origins::new(); units.len()],
            egress: vec![BTreeMap::new(); units.len()],
            called: vec![BTreeSet::new(); units.len()],
        };
        let index = Index::of(resolved);
        let mut strangers = BTreeSet::new();
        for (at, governed) in units.iter().enumerate() {
            for grant in governed.access.grants.iter().filter(|grant| !grant.on_trial) {
                if let Some(origins) = reach.origins.get_mut(at) {
                    origins.insert(grant.origin.clone());
                }
                for clause in grant.set.clauses() {
                    reach.add(resolved, &index, at, governed, clause, &mut strangers);
                }
            }
        }
        report_strangers(&resolved.world, &strangers, diagnostics);
        reach
    }

    fn add(
        &mut self,
        resolved: &Resolved<'_>,
        index: &Index<'_>,
        at: usize,
        governed: &Governed<'_>,
        clause: &Clause,
        strangers: &mut BTreeSet<(String, String)>,
    ) {
        let unit = &governed.unit;
        let world = &resolved.world;
        let Some(cluster) = world.clusters.get(unit.cluster) else { return };
        let ports: Ports = clause.ports.patterns().copied().collect();
        let mut peers = BTreeSet::new();
        match (&clause.identities, &clause.addresses) {
            // Anyone: no peer is named at all.
            (Field::Any, Field::Any) => {
                self.ingress.get_mut(at).map(|flows| flows.entry(ports.clone()).or_default().insert(Peer::Anywhere));
            }
            (Field::Any, Field::Only(addresses)) => peers.extend(addresses.iter().map(|net| Peer::Addresses(*net))),
            (Field::Only(patterns), _) => {
                for pattern in patterns {
                    peers.extend(index.pods(world, cluster, pattern));
                }
            }
        }
        let callers = match &clause.identities {
            Field::Any => index.everyone(),
            Field::Only(patterns) => patterns.iter().flat_map(|pattern| index.units(pattern)).collect(),
        };
        // A caller by address is no unit; anyone is all of them.
        let callers = if clause.identities.is_any() && !clause.addresses.is_any() { BTreeSet::new() } else { callers };
        for caller in callers {
            let Some(other) = resolved.units.get(caller).map(|governed| &governed.unit) else { continue };
            let (from, to) = (other.cluster, unit.cluster);
            let target = if from == to {
                vec![Peer::Pods { namespace: unit.namespace.to_owned(), labels: unit.selector.clone() }]
            } else {
                match crossing(world, from, to) {
                    Some(crossing) => {
                        peers.extend(crossing.arrives_from);
                        crossing.leaves_to
                    }
                    None => {
                        strangers.insert((from.to_owned(), to.to_owned()));
                        continue;
                    }
                }
            };
            if let Some(flows) = self.egress.get_mut(caller) {
                flows.entry(ports.clone()).or_default().extend(target);
            }
            if let Some(called) = self.called.get_mut(caller) {
                called.insert(unit.namespace.to_owned());
            }
        }
        if !peers.is_empty()
            && let Some(flows) = self.ingress.get_mut(at)
        {
            flows.entry(ports).or_default().extend(peers);
        }
    }

    /// Returns the namespaces a unit calls.
    pub fn namespaces(&self, at: usize) -> BTreeSet<String> {
        self.called.get(at).cloned().unwrap_or_default()
    }

    /// Returns what NetworkPolicy is told of a unit.
    pub fn network(&self, at: usize, cluster: &Cluster<'_>, governed: &Governed<'_>) -> NetworkPlan {
        let unit = &governed.unit;
        let mut ingress: Vec<Flow> = self
            .ingress
            .get(at)
            .into_iter()
            .flatten()
            .map(|(ports, peers)| flow(ports, peers, unit.data_plane))
            .collect();
        ingress.extend(plumbing_in(cluster, unit));
        let mut egress: Vec<Flow> = self
            .egress
            .get(at)
            .into_iter()
            .flatten()
            .map(|(ports, peers)| flow(ports, peers, unit.data_plane))
            .collect();
        egress.extend(plumbing_out(cluster, unit, governed.settings.egress.value));
        ingress.sort();
        ingress.dedup();
        egress.sort();
        egress.dedup();
        NetworkPlan { ingress, egress, origins: self.origins.get(at).cloned().unwrap_or_default() }
    }
}

fn flow(ports: &Ports, peers: &BTreeSet<Peer>, plane: Option<DataPlane>) -> Flow {
    let mut ports: Vec<(Transport, u16)> = ports.iter().map(|port| (Transport::Tcp, *port)).collect();
    // In ambient mode the plugin sees the tunnel; the port inside it is kept by the AuthorizationPolicy.
    if plane == Some(DataPlane::Ambient) && !ports.is_empty() {
        ports.push((Transport::Tcp, HBONE));
        ports.sort();
    }
    let peers = if peers.contains(&Peer::Anywhere) { BTreeSet::new() } else { peers.clone() };
    Flow { ports, peers }
}

/// Returns what the data plane needs to be reached: probes and metrics.
fn plumbing_in(cluster: &Cluster<'_>, unit: &Unit<'_>) -> Vec<Flow> {
    let spec = &cluster.document.spec;
    let tcp = |ports: &[u16]| ports.iter().map(|port| (Transport::Tcp, *port)).collect::<Vec<_>>();
    let mut flows = Vec::new();
    let nodes: BTreeSet<Peer> = spec.node_cidrs.iter().map(|net| Peer::Addresses(net.value.0)).collect();
    let probed: Vec<u16> = match unit.data_plane {
        // The injector rewrites probes to 15020; readiness of the sidecar itself is on 15021.
        Some(DataPlane::Sidecar) => vec![15020, 15021],
        _ => unit.ports.keys().copied().collect(),
    };
    if !nodes.is_empty() && !probed.is_empty() {
        flows.push(Flow { ports: tcp(&probed), peers: nodes });
    }
    if unit.data_plane == Some(DataPlane::Ambient)
        && let Ok(probes) = AMBIENT_PROBES.parse()
    {
        flows.push(Flow { ports: Vec::new(), peers: [Peer::Addresses(probes)].into() });
    }
    let scrapers: BTreeSet<Peer> = spec
        .scrapers
        .iter()
        .map(|namespace| Peer::Pods { namespace: namespace.value.0.clone(), labels: Labels::new() })
        .collect();
    if !scrapers.is_empty() && unit.data_plane == Some(DataPlane::Sidecar) {
        flows.push(Flow { ports: tcp(&[MESH_PORTS[0], MESH_PORTS[2]]), peers: scrapers });
    }
    flows
}

/// Returns what every workload needs to call: names, and the control plane of its sidecar.
fn plumbing_out(cluster: &Cluster<'_>, unit: &Unit<'_>, egress: EgressMode) -> Vec<Flow> {
    let dns = cluster.document.spec.dns.as_ref();
    let namespace = dns.map_or("kube-system", |dns| &dns.namespace.value.0);
    let labels: Labels =
        dns.map(|dns| dns.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()).unwrap_or_default();
    let port = dns.and_then(|dns| dns.port.as_ref()).and_then(|port| u16::try_from(port.value.0).ok()).unwrap_or(53);
    let mut flows = vec![Flow {
        ports: vec![(Transport::Tcp, port), (Transport::Udp, port)],
        peers: [Peer::Pods { namespace: namespace.to_owned(), labels }].into(),
    }];
    if unit.data_plane == Some(DataPlane::Sidecar) {
        let root = Peer::Pods { namespace: cluster.root_namespace().to_owned(), labels: Labels::new() };
        flows.push(Flow { ports: vec![(Transport::Tcp, CONTROL)], peers: [root].into() });
    }
    if egress == EgressMode::Any {
        flows.push(Flow { ports: Vec::new(), peers: BTreeSet::new() });
    }
    flows
}

/// How connections get from one cluster into another.
struct Crossing {
    arrives_from: Vec<Peer>,
    leaves_to: Vec<Peer>,
}

/// Returns how pods of `from` reach pods of `to`; `None` where no fact tells.
fn crossing(world: &World<'_>, from: &str, to: &str) -> Option<Crossing> {
    let (from, to) = (world.clusters.get(from)?, world.clusters.get(to)?);
    let network = |cluster: &Cluster<'_>| cluster.document.spec.network.as_ref().map(|network| network.value.clone());
    let pods = |cluster: &Cluster<'_>| {
        cluster.document.spec.pod_cidrs.iter().map(|net| Peer::Addresses(net.value.0)).collect::<Vec<_>>()
    };
    if network(from) != network(to) {
        return None;
    }
    let (sources, targets) = (pods(from), pods(to));
    (!sources.is_empty() && !targets.is_empty()).then_some(Crossing { arrives_from: sources, leaves_to: targets })
}

fn report_strangers(world: &World<'_>, strangers: &BTreeSet<(String, String)>, diagnostics: &mut Diagnostics) {
    for (from, to) in strangers {
        let (Some(one), Some(other)) = (world.clusters.get(from.as_str()), world.clusters.get(to.as_str())) else {
            continue;
        };
        let unknown = code::CROSS_CLUSTER_PEER.at(
            other.document.metadata.name.span,
            format!(
                "callers in `{from}` are granted access in `{to}`, and NetworkPolicy does not know their addresses"
            ),
        );
        diagnostics.report(unknown.label("admits none of them").and(one.document.metadata.name.span, "where they call from").help(
            "give both clusters `podCidrs` if they share a network; callers through an east-west gateway are not modelled yet",
        ));
    }
}

/// Units by identity.
struct Index<'a> {
    units: BTreeMap<(&'a str, &'a str), BTreeMap<&'a str, BTreeSet<usize>>>,
    selectors: BTreeMap<(&'a str, &'a str, &'a str), BTreeSet<Labels>>,
}

impl<'a> Index<'a> {
    fn of(resolved: &'a Resolved<'a>) -> Self {
        let mut index = Self { units: BTreeMap::new(), selectors: BTreeMap::new() };
        for (at, governed) in resolved.units.iter().enumerate() {
            let unit = &governed.unit;
            let Some(cluster) = resolved.world.clusters.get(unit.cluster) else { continue };
            for workload in &unit.workloads {
                let account = workload.service_account.as_str();
                let accounts = index.units.entry((cluster.trust_domain(), unit.namespace)).or_default();
                accounts.entry(account).or_default().insert(at);
                index
                    .selectors
                    .entry((unit.cluster, unit.namespace, account))
                    .or_default()
                    .insert(unit.selector.clone());
            }
        }
        index
    }

    fn everyone(&self) -> BTreeSet<usize> {
        self.units.values().flat_map(BTreeMap::values).flatten().copied().collect()
    }

    /// Returns the units with an identity.
    fn units(&self, pattern: &IdentityPattern) -> BTreeSet<usize> {
        let spaces = self.units.iter().filter(|((domain, namespace), _)| {
            pattern.trust_domain.matches(domain) && pattern.namespace.matches(namespace)
        });
        let accounts =
            spaces.flat_map(|(_, accounts)| accounts).filter(|(account, _)| pattern.service_account.matches(account));
        accounts.flat_map(|(_, units)| units).copied().collect()
    }

    /// Returns the pods of a cluster that have an identity.
    fn pods(&self, world: &World<'_>, cluster: &Cluster<'_>, pattern: &IdentityPattern) -> Vec<Peer> {
        if !pattern.trust_domain.matches(cluster.trust_domain()) {
            return Vec::new();
        }
        let Part::Exactly(namespace) = &pattern.namespace else {
            return vec![Peer::EveryPod];
        };
        let whole = || vec![Peer::Pods { namespace: namespace.clone(), labels: Labels::new() }];
        let Part::Exactly(account) = &pattern.service_account else {
            return whole();
        };
        let name = cluster.document.name();
        let mut pods: Vec<Peer> = Vec::new();
        for labels in self.selectors.get(&(name, namespace.as_str(), account.as_str())).into_iter().flatten() {
            pods.push(Peer::Pods { namespace: namespace.clone(), labels: labels.clone() });
        }
        for gateway in cluster.document.spec.gateways.values().map(|gateway| &gateway.value) {
            if gateway.namespace.value.0 == *namespace && gateway.service_account.value.0 == *account {
                let labels = gateway.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                pods.push(Peer::Pods { namespace: namespace.clone(), labels });
            }
        }
        let elsewhere = || {
            let other = |other: &Cluster<'_>| {
                other
                    .inventory
                    .workloads
                    .iter()
                    .any(|workload| workload.namespace == *namespace && workload.service_account == *account)
            };
            world.clusters.values().any(|cluster| cluster.document.name() != name && other(cluster))
        };
        // An identity no manifest shows: an operator's, or another repository's.
        if pods.is_empty() && !elsewhere() { whole() } else { pods }
    }
}
