//! Connections between pods: what NetworkPolicy is told, and which namespaces a sidecar calls.
//!
//! In: every grant. Out: for each unit, peers and ports in and out. NetworkPolicy knows pods where the mesh knows
//! identities, so an identity becomes the pods that have it; what no manifest shows becomes its whole namespace. It cannot
//! ask for pods and addresses at once, so a caller that is clipped to addresses becomes its pods. The AuthorizationPolicy
//! behind it stays exact; where there is none, `outside.rs` refuses what would be wider.

mod index;
pub(super) mod plumbing;
mod waypoints;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use self::index::Index;
use super::waypoints::Behind;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::ir::{Flow, NetworkPlan, Origins, Peer, Transport};
use crate::requests::{Clause, Field, IdentityPattern};
use crate::resolve::world::{Cluster, World};
use crate::resolve::{Governed, Resolved};
use crate::spec::cluster::{ClusterSpec, DataPlane, GatewayRole};
use crate::spec::reference::meets;

/// The port of the tunnels mesh traffic travels in where workloads are in ambient mode.
pub(super) const HBONE: u16 = 15008;

type Ports = BTreeSet<u16>;
/// Peers by ports; no port means every port.
type Peers = BTreeMap<Ports, BTreeSet<Peer>>;
/// The cluster of callers whose addresses nobody knows, and the cluster they call.
type Strangers = (String, String);
/// Units that are called alike: by whom and on which ports.
type Called<'r> = BTreeMap<(&'r Field<IdentityPattern>, &'r Field<IpNet>, Ports), BTreeSet<usize>>;

/// Who connects to whom, by position of units.
pub(super) struct Connections {
    /// For each unit: who may call it.
    ingress: Vec<Peers>,
    /// For each unit: what admits connections to it.
    origins: Vec<Origins>,
    /// For each unit: whom it may call.
    egress: Vec<Peers>,
    /// For each unit: the namespaces it calls.
    called: Vec<BTreeSet<String>>,
    /// Clusters in which mesh traffic may travel in tunnels.
    tunnelled: BTreeSet<String>,
    /// Who connects to the waypoint of a namespace, by cluster and namespace.
    waypoints: BTreeMap<(String, String), WaypointPeers>,
}

/// Who connects to a waypoint, and where it connects to.
#[derive(Default)]
struct WaypointPeers {
    ingress: BTreeSet<Peer>,
    egress: BTreeSet<Peer>,
    origins: Origins,
}

impl Connections {
    /// Works out every connection.
    pub fn of(resolved: &Resolved<'_>, behind: &[Option<Behind<'_>>], diagnostics: &mut Diagnostics) -> Self {
        let units = &resolved.units;
        let tunnelled = resolved.world.clusters.iter().filter(|(_, cluster)| cluster.has_tunnels());
        let mut connections = Self {
            ingress: vec![Peers::new(); units.len()],
            origins: vec![Origins::new(); units.len()],
            egress: vec![Peers::new(); units.len()],
            called: vec![BTreeSet::new(); units.len()],
            tunnelled: tunnelled.map(|(name, _)| (*name).to_owned()).collect(),
            waypoints: BTreeMap::new(),
        };
        let index = Index::of(resolved);
        let mut called = Called::new();
        let mut strangers = BTreeSet::new();
        for (at, governed) in units.iter().enumerate() {
            for grant in governed.access.grants.iter().filter(|grant| !grant.on_trial) {
                if let Some(origins) = connections.origins.get_mut(at) {
                    origins.insert(grant.origin.clone());
                    origins.extend(grant.exceptions.iter().cloned());
                }
                let behind = behind.get(at).and_then(Option::as_ref);
                for clause in grant.set.clauses() {
                    let straight = straight(clause, behind);
                    if let Some(behind) = behind.filter(|behind| behind.is_called(clause)) {
                        let elsewhere = connections.lead(resolved, &index, at, behind, (clause, grant));
                        strangers.extend(elsewhere.into_iter().filter(|_| straight.is_none()));
                    }
                    let Some(ports) = straight else { continue };
                    connections.admit(resolved, &index, at, clause, ports.clone());
                    called.entry((&clause.identities, &clause.addresses, ports)).or_default().insert(at);
                }
            }
        }
        strangers.extend(connections.connect(resolved, &index, &called));
        report_strangers(&resolved.world, &strangers, diagnostics);
        connections
    }

    /// Notes whom a clause admits to a unit, as far as its own cluster shows them.
    fn admit(&mut self, resolved: &Resolved<'_>, index: &Index<'_>, at: usize, clause: &Clause, ports: Ports) {
        let Some(unit) = resolved.units.get(at).map(|governed| &governed.unit) else { return };
        let Some(cluster) = resolved.world.clusters.get(unit.cluster) else { return };
        let elsewhere = gateways_elsewhere(&resolved.world, unit.cluster, clause);
        let peers = arriving(index, cluster, clause).into_iter().chain(elsewhere).collect();
        extend(&mut self.ingress, at, ports, &peers);
    }

    /// Connects the callers of units to them: once for all units that are called alike. Returns who is not connected.
    fn connect(&mut self, resolved: &Resolved<'_>, index: &Index<'_>, called: &Called<'_>) -> BTreeSet<Strangers> {
        let world = &resolved.world;
        let cluster = |at: &usize| resolved.units.get(*at).map(|governed| governed.unit.cluster);
        let by_cluster = |units: BTreeSet<usize>| {
            let mut sorted: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
            for at in units {
                if let Some(cluster) = cluster(&at) {
                    sorted.entry(cluster).or_default().insert(at);
                }
            }
            sorted
        };
        let mut strangers = BTreeSet::new();
        for ((identities, addresses, ports), units) in called {
            let callers = match (identities, addresses) {
                (Field::Any, Field::Any) => index.everyone(),
                // A caller by address may be a pod: it is let out, and the other side asks for its address.
                (Field::Any, Field::Only(nets)) => {
                    let may = |at: &usize| cluster(at).is_some_and(|name| may_hold_pods(world, name, nets));
                    index.everyone().into_iter().filter(may).collect()
                }
                (Field::Only(patterns), _) => patterns.iter().flat_map(|pattern| index.units(pattern)).collect(),
            };
            let by_address = identities.is_any() && !addresses.is_any();
            let targets = by_cluster(units.clone());
            for (from, callers) in by_cluster(callers) {
                for (to, units) in &targets {
                    let peers: BTreeSet<Peer> = if from == *to {
                        index.targets(resolved, to, units)
                    } else if let Some(crossing) = crossing(world, from, to) {
                        // Machines are known by their own addresses, pods by those of their cluster.
                        let seen = |units: &BTreeSet<usize>, pods: Vec<Peer>| -> BTreeSet<Peer> {
                            let of = |at: &usize| resolved.units.get(*at).map(|governed| &governed.unit);
                            let (machines, some): (Vec<_>, Vec<_>) =
                                units.iter().filter_map(of).partition(|unit| unit.is_outside());
                            let pods = pods.into_iter().filter(|_| !some.is_empty());
                            machines.into_iter().flat_map(index::addresses).chain(pods).collect()
                        };
                        let arriving: BTreeSet<Peer> =
                            if by_address { BTreeSet::new() } else { seen(&callers, crossing.arrives_from) };
                        units.iter().for_each(|at| extend(&mut self.ingress, *at, ports.clone(), &arriving));
                        seen(units, crossing.leaves_to)
                    } else if by_address || are_apart(world, from, to) {
                        continue;
                    } else {
                        strangers.insert((from.to_owned(), (*to).to_owned()));
                        continue;
                    };
                    let namespaces: BTreeSet<&str> =
                        units.iter().filter_map(|at| resolved.units.get(*at)).map(|it| it.unit.namespace).collect();
                    for caller in &callers {
                        extend(&mut self.egress, *caller, ports.clone(), &peers);
                        if let Some(called) = self.called.get_mut(*caller) {
                            called.extend(namespaces.iter().map(|namespace| (*namespace).to_owned()));
                        }
                    }
                }
            }
        }
        strangers
    }

    /// Returns the namespaces a unit calls.
    pub fn namespaces(&self, at: usize) -> BTreeSet<String> {
        self.called.get(at).cloned().unwrap_or_default()
    }

    /// Returns what NetworkPolicy is told of a unit.
    pub fn network(&self, at: usize, cluster: &Cluster<'_>, governed: &Governed<'_>) -> NetworkPlan {
        let unit = &governed.unit;
        let tunnelled = match unit.data_plane {
            Some(DataPlane::Ambient) => true,
            Some(DataPlane::Sidecar) => self.tunnelled.contains(unit.cluster),
            None => false,
        };
        let flows = |peers: Option<&Peers>, plumbing: Vec<Flow>| {
            let granted = peers.into_iter().flatten().map(|(ports, peers)| flow(ports, peers, tunnelled));
            let flows: BTreeSet<Flow> = granted.chain(plumbing).collect();
            flows.into_iter().collect()
        };
        NetworkPlan {
            ingress: flows(self.ingress.get(at), plumbing::arriving(cluster, unit)),
            egress: flows(self.egress.get(at), plumbing::leaving(cluster, unit, governed.settings.egress.value)),
            origins: self.origins.get(at).cloned().unwrap_or_default(),
        }
    }
}

/// Tells whether some of these addresses may be those of pods of a cluster: where it does not list those, any may.
fn may_hold_pods(world: &World<'_>, cluster: &str, nets: &BTreeSet<IpNet>) -> bool {
    let Some(cluster) = world.clusters.get(cluster) else { return false };
    let pods = &cluster.document.spec.pod_cidrs;
    pods.is_empty() || pods.iter().any(|pods| nets.iter().any(|net| meets(&pods.value.0, net)))
}

/// Adds peers of a unit on some ports.
fn extend(of: &mut [Peers], at: usize, ports: Ports, peers: &BTreeSet<Peer>) {
    if let (Some(known), false) = (of.get_mut(at), peers.is_empty()) {
        known.entry(ports).or_default().extend(peers.iter().cloned());
    }
}

fn flow(ports: &Ports, peers: &BTreeSet<Peer>, tunnelled: bool) -> Flow {
    let mut ports: BTreeSet<(Transport, u16)> = ports.iter().map(|port| (Transport::Tcp, *port)).collect();
    // The plugin sees the tunnel alone; the port inside it is kept by the AuthorizationPolicy.
    if tunnelled && !ports.is_empty() {
        ports.insert((Transport::Tcp, HBONE));
    }
    let peers = if peers.contains(&Peer::Anywhere) { BTreeSet::new() } else { peers.clone() };
    Flow { ports: ports.into_iter().collect(), peers }
}

/// Returns whom a clause admits, as far as a cluster shows them.
fn arriving(index: &Index<'_>, cluster: &Cluster<'_>, clause: &Clause) -> BTreeSet<Peer> {
    match (&clause.identities, &clause.addresses) {
        // Anyone: no peer is named at all.
        (Field::Any, Field::Any) => [Peer::Anywhere].into(),
        (Field::Any, Field::Only(addresses)) => addresses.iter().map(|net| Peer::Addresses(*net)).collect(),
        (Field::Only(patterns), _) => patterns.iter().flat_map(|pattern| index.pods(cluster, pattern)).collect(),
    }
}

/// Returns the addresses of gateways of other clusters that a clause admits: a Service has pods in every cluster of a mesh, so that a
/// gateway of one hands requests to pods of all on its network.
fn gateways_elsewhere(world: &World<'_>, own: &str, clause: &Clause) -> BTreeSet<Peer> {
    let Field::Only(patterns) = &clause.identities else { return BTreeSet::new() };
    let admits = |cluster: &Cluster<'_>| {
        cluster.document.spec.gateways.values().map(|gateway| &gateway.value).any(|gateway| {
            patterns.iter().any(|pattern| {
                pattern.trust_domain.matches(cluster.trust_domain())
                    && pattern.namespace.matches(&gateway.namespace.value.0)
                    && pattern.service_account.matches(&gateway.service_account.value.0)
            })
        })
    };
    let others = world.clusters.iter().filter(|(name, cluster)| **name != own && admits(cluster));
    others.filter_map(|(name, _)| crossing(world, name, own)).flat_map(|crossing| crossing.arrives_from).collect()
}

/// Returns the ports at which callers get to pods by themselves, none for every port; `None` where a waypoint is all that does.
fn straight(clause: &Clause, behind: Option<&Behind<'_>>) -> Option<Ports> {
    let ports: Ports = clause.ports.patterns().copied().collect();
    let Some(behind) = behind else { return Some(ports) };
    if clause.ports.is_any() {
        // What asks for HTTP is asked of ports that the waypoint alone reads.
        return (*clause == clause.l4()).then_some(ports);
    }
    let left: Ports = ports.difference(&behind.read).copied().collect();
    (!left.is_empty()).then_some(left)
}

/// How connections get from one cluster into another.
pub(super) struct Crossing {
    arrives_from: Vec<Peer>,
    leaves_to: Vec<Peer>,
}

/// Returns how pods of `from` reach pods of `to`; `None` where no fact tells that they do.
pub(super) fn crossing(world: &World<'_>, from: &str, to: &str) -> Option<Crossing> {
    let (from, to) = (&world.clusters.get(from)?.document.spec, &world.clusters.get(to)?.document.spec);
    let pods = |spec: &ClusterSpec| spec.pod_cidrs.iter().map(|net| Peer::Addresses(net.value.0)).collect();
    from.shares_a_network_with(to).then(|| Crossing { arrives_from: pods(from), leaves_to: pods(to) })
}

/// Tells whether nothing leads from one cluster to another: each is on a network of its own, and no gateway joins them.
pub(super) fn are_apart(world: &World<'_>, from: &str, to: &str) -> bool {
    let facts = |name: &str| world.clusters.get(name).map(|cluster| &cluster.document.spec);
    let (Some(from), Some(to)) = (facts(from), facts(to)) else { return false };
    let joins = |spec: &ClusterSpec| {
        let mut roles = spec.gateways.values().filter_map(|gateway| gateway.value.role.as_ref());
        roles.any(|role| role.value == GatewayRole::EastWest)
    };
    from.network.is_some() && to.network.is_some() && !from.names_the_network_of(to) && !joins(from) && !joins(to)
}

fn report_strangers(world: &World<'_>, strangers: &BTreeSet<Strangers>, diagnostics: &mut Diagnostics) {
    for (from, to) in strangers {
        let (Some(one), Some(other)) = (world.clusters.get(from.as_str()), world.clusters.get(to.as_str())) else {
            continue;
        };
        let (ours, theirs) = (&one.document.spec, &other.document.spec);
        if let (true, Some(span)) = (ours.names_the_network_of(theirs), theirs.addresses_also_of(ours)) {
            let both = code::CROSS_CLUSTER_PEER.at(
                span,
                format!("pods of `{from}` and of `{to}` have the same addresses, so nothing tells them apart"),
            );
            let both =
                both.label("admits no callers of the other").and(one.document.metadata.name.span, "lists them, too");
            diagnostics.report(both.help("list in `podCidrs` the addresses of each cluster's own pods"));
            continue;
        }
        if ours.shares_a_network_with(theirs) {
            let around = code::CROSS_CLUSTER_PEER.at(
                other.document.metadata.name.span,
                format!("callers in `{from}` are granted access in `{to}` behind a waypoint, and how they come to one is not modelled"),
            );
            diagnostics.report(
                around.label("admits none of them").and(one.document.metadata.name.span, "where they call from").help(
                    "grant them callers and ports alone, which needs no waypoint, or callers of their own cluster",
                ),
            );
            continue;
        }
        let unknown = code::CROSS_CLUSTER_PEER.at(
            other.document.metadata.name.span,
            format!(
                "callers in `{from}` are granted access in `{to}`, and NetworkPolicy does not know their addresses"
            ),
        );
        diagnostics.report(unknown.label("admits none of them").and(one.document.metadata.name.span, "where they call from").help(
            "give both clusters `podCidrs` and the same `network` if they share one; callers through an east-west gateway are not modelled yet",
        ));
    }
}
