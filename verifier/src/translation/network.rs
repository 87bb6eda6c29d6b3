//! Whether the emitted NetworkPolicies let through what was meant, and no more where they stand alone.
//!
//! In: [`Resolved`] policy and the NetworkPolicies that were compiled from it. Out: for each unit a [`Fence`]: connections that
//! are let through at both ends, ports that nothing but NetworkPolicy keeps and that are kept, or a connection that shows the
//! fault. What is meant is read off grants: whose identities, from which addresses, to which ports. Which pods those are comes
//! from the inventory alone.
//!
//! A grant counts whatever a deny takes from it: behind a proxy the deny is the proxy's, and elsewhere the compiler proved
//! that the two have nothing in common.

mod led;
mod strangers;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use ringfence_compiler::inventory::{Labels, Workload};
use ringfence_compiler::requests::{Clause, Field, IdentityPattern, Part};
use ringfence_compiler::resolve::units::MESH_PORTS;
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::resolve::{Governed, Resolved};
use ringfence_compiler::spec::cluster::{DataPlane, Enforcement};
use ringfence_compiler::spec::reference::meets;

use super::behind::is_read;
use crate::istio::read::selects;
use crate::kubernetes::network::{Network, blocks, names};
use crate::kubernetes::network_policy::PeerMatch;
use crate::kubernetes::passage::{Direction, Passage};
use crate::kubernetes::peer::{Peer, Pod};
use crate::kubernetes::port::{PortMatch, Server};
use crate::model::Model;
use crate::network::{TUNNEL, everywhere};
use crate::spoken::Spoken;

/// The addresses from which the kubelet's probes come in ambient mode (istio.io: ambient/usage/networkpolicy).
const AMBIENT_PROBES: [&str; 2] = ["169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128"];

/// What was found of one workload.
#[derive(Debug, Default)]
pub(super) struct Fence {
    /// Connections that are granted and let through at both ends.
    pub connections: usize,
    /// Whether nothing but what is granted arrives where NetworkPolicy stands alone.
    pub kept: bool,
    /// A fault: the port, what is wrong, and a connection that shows it.
    pub fault: Option<(u16, Fault, String)>,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// What is granted is stopped.
    Narrower,
    /// What is not granted passes.
    Wider,
}

/// The emitted NetworkPolicies of all clusters.
pub(super) struct Fences<'a> {
    resolved: &'a Resolved<'a>,
    models: &'a BTreeMap<&'a str, Model<'a>>,
    /// The units of each cluster and namespace; what nobody governs has no policies of ours.
    governed: BTreeMap<(&'a str, &'a str), Vec<&'a Workload>>,
}

impl<'a> Fences<'a> {
    pub fn of(resolved: &'a Resolved<'a>, models: &'a BTreeMap<&'a str, Model<'a>>) -> Self {
        let mut governed: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for unit in resolved.units.iter().map(|governed| &governed.unit) {
            governed.entry((unit.cluster, unit.namespace)).or_default().extend(&unit.workloads);
        }
        Self { resolved, models, governed }
    }

    /// Looks at one workload of a unit. `alone` are the ports where nothing but NetworkPolicy is enforced, as far as they are
    /// known.
    pub fn at(&self, governed: &Governed<'_>, to: &Workload, alone: &BTreeSet<u16>) -> Fence {
        let unit = &governed.unit;
        let Some(model) = self.models.get(unit.cluster) else { return Fence::default() };
        let (network, cluster) = (model.network(), model.cluster());
        let said = cluster.document.spec.network_policy.as_ref();
        // Nothing is emitted into the root namespace; a warning says so.
        if to.host_network
            || unit.namespace == cluster.root_namespace()
            || said.is_some_and(|said| said.value == Enforcement::None)
        {
            return Fence::default();
        }
        let gateways = cluster.document.spec.gateways.iter();
        let gateways = gateways.map(|(name, gateway)| (name.clone(), gateway.value.pod_labels())).collect();
        let guards = network.guards(to, Direction::Ingress);
        let peers = guards.network.iter().filter_map(|(_, policy)| policy.ingress.as_ref()).flatten();
        let examples = peers.flat_map(|rule| &rule.peers).filter_map(|peer| match peer {
            PeerMatch::Pods(selector) => selector.pods.example(),
            PeerMatch::Addresses { .. } => None,
        });
        let asked = examples.chain([Labels::new()]).collect();
        let place = Place { fences: self, governed, model, network, cluster, to, gateways, asked };
        let mut fence = Fence::default();
        fence.fault = place.narrower(&mut fence.connections);
        // Whatever arrives at machines outside Kubernetes, no NetworkPolicy stops.
        if fence.fault.is_none() && to.machine.is_none() {
            fence.fault = place.wider(alone);
            fence.kept = fence.fault.is_none();
        }
        fence
    }

    /// Returns the addresses that pods of one cluster have in another; none where pods do not reach each other directly.
    fn crossing(&self, from: &str, to: &str) -> Vec<IpNet> {
        let spec = |name: &str| self.resolved.world.clusters.get(name).map(|cluster| &cluster.document.spec);
        let (Some(from), Some(to)) = (spec(from), spec(to)) else { return Vec::new() };
        let blocks = || from.pod_cidrs.iter().map(|block| block.value.0).collect();
        if from.shares_a_network_with(to) { blocks() } else { Vec::new() }
    }
}

/// One workload, and what is known around it.
struct Place<'p, 'a> {
    fences: &'p Fences<'a>,
    governed: &'p Governed<'p>,
    model: &'p Model<'a>,
    network: &'p Network<'a>,
    cluster: &'p Cluster<'a>,
    to: &'p Workload,
    /// The labels of the pods of each gateway that the facts name.
    gateways: BTreeMap<String, Labels>,
    /// Labels that rules about what arrives ask of pods, and none.
    asked: BTreeSet<Labels>,
}

impl Place<'_, '_> {
    fn clauses(&self) -> impl Iterator<Item = &Clause> {
        let grants = self.governed.access.grants.iter().filter(|grant| !grant.on_trial);
        grants.flat_map(|grant| grant.set.clauses())
    }

    /// Looks for a connection that is granted and stopped.
    fn narrower(&self, connections: &mut usize) -> Option<(u16, Fault, String)> {
        for clause in self.clauses() {
            let ports: Vec<u16> = match &clause.ports {
                Field::Any if self.governed.unit.ports.is_empty() => vec![1],
                Field::Any => self.governed.unit.ports.keys().copied().collect(),
                Field::Only(ports) => ports.iter().copied().collect(),
            };
            for port in ports {
                if let Some(shown) = self.stopped(clause, port, connections) {
                    return Some((port, Fault::Narrower, shown));
                }
            }
        }
        None
    }

    /// Looks for a caller that a clause grants a port, and whom a policy stops at either end.
    fn stopped(&self, clause: &Clause, port: u16, connections: &mut usize) -> Option<String> {
        let name = |workload: &Workload| format!("from `{}/{}`", workload.namespace, workload.name);
        let passes = |passage: Passage<'_>| matches!(passage, Passage::Open(_));
        let led = self.led(self.to, port);
        let enters = |peer: Peer<'_>| match led.as_slice() {
            [] => passes(self.network.arrives(peer, self.to, port)),
            led => led.iter().all(|led| self.arrives_by(led, peer)),
        };
        match &clause.identities {
            Field::Any => {
                for block in self.everywhere(&clause.addresses) {
                    *connections += 1;
                    if !enters(Peer::Outside(block)) {
                        return Some(format!("from {block}, where it arrives"));
                    }
                }
            }
            Field::Only(patterns) => {
                for (known, pod) in self.strangers(patterns) {
                    *connections += 1;
                    if !enters(Peer::Pods(pod)) {
                        return Some(format!("from {known}, where it arrives"));
                    }
                }
                // Callers of other clusters come through no waypoint that is known.
                for (known, block) in self.gateways_elsewhere(patterns).into_iter().filter(|_| led.is_empty()) {
                    *connections += 1;
                    if !enters(Peer::Outside(block)) {
                        return Some(format!("from {known}, where it arrives"));
                    }
                }
            }
        }
        for from in self.callers(clause) {
            *connections += 1;
            // Whoever is in ambient mode is led to the waypoint. Others go by themselves where ztunnel tells who may, and where it
            // does not nobody means to let them in: a warning has said so.
            let stopped = match self.cluster.plane_of(from) {
                Some(DataPlane::Ambient) if !led.is_empty() => self.stopped_before(&led, from),
                _ if !led.is_empty() && is_read(self.governed, port) => None,
                _ => self.stopped_straight(clause, from, port),
            };
            if stopped.is_some() {
                return stopped;
            }
        }
        let unit = &self.governed.unit;
        let names = names(self.to, port);
        for ((cluster, _), workloads) in &self.fences.governed {
            let (here, there) =
                (self.fences.crossing(cluster, unit.cluster), self.fences.crossing(unit.cluster, cluster));
            let Some(home) = self.fences.models.get(cluster).filter(|_| *cluster != unit.cluster) else { continue };
            // Callers of other clusters come through no waypoint that is known.
            if !led.is_empty() {
                continue;
            }
            let home = home.network();
            // By what address a pod of another cluster may call nobody can tell.
            if here.is_empty() || there.is_empty() || clause.identities.is_any() && !clause.addresses.is_any() {
                continue;
            }
            for from in workloads.iter().filter(|from| self.is_granted(clause, cluster, from)) {
                *connections += 1;
                // Machines are known by addresses of their own.
                let here = blocks(from).unwrap_or_else(|| here.clone());
                let there = blocks(self.to).unwrap_or_else(|| there.clone());
                let arrives = |block: &IpNet| passes(self.network.arrives(Peer::Outside(*block), self.to, port));
                let leaves = |block: &IpNet| passes(home.leaves_for(from, *block, port, &names));
                if !there.iter().all(leaves) {
                    return Some(format!("{} of `{cluster}`, where it leaves", name(from)));
                }
                if !here.iter().all(arrives) {
                    return Some(format!("{} of `{cluster}`, where it arrives", name(from)));
                }
            }
        }
        None
    }

    /// Says where a caller of this cluster is stopped on its way to the workload.
    fn stopped_straight(&self, clause: &Clause, from: &Workload, port: u16) -> Option<String> {
        let passes = |passage: Passage<'_>| matches!(passage, Passage::Open(_));
        self.wires(from, port).into_iter().find_map(|port| {
            let arrives = self.network.entrance(self.to, port).lets_any(self.network.seen(from));
            // Pods that may call by their address are let in by that address, which is asked apart.
            let arrives = clause.identities.is_any() || passes(arrives);
            let leaves = passes(self.network.leaves(from, self.to, port));
            let end = if leaves { "arrives" } else { "leaves" };
            let name = format!("from `{}/{}`", from.namespace, from.name);
            (!arrives || !leaves).then(|| format!("{name} to port {port}, where it {end}"))
        })
    }

    /// Returns the addresses of a condition; all of them where there is none.
    fn everywhere(&self, addresses: &Field<IpNet>) -> Vec<IpNet> {
        match addresses {
            Field::Any => everywhere(),
            Field::Only(blocks) => blocks.iter().copied().collect(),
        }
    }

    /// Returns the ports that policies see when a caller of this cluster calls one.
    fn wires(&self, from: &Workload, port: u16) -> BTreeSet<u16> {
        let meshed = self.cluster.plane_of(from).is_some() && !MESH_PORTS.contains(&port);
        match self.governed.unit.data_plane.filter(|plane| meshed && !self.to.is_past_the_proxy(*plane, port)) {
            Some(DataPlane::Ambient) => [TUNNEL].into(),
            // A sidecar may speak either way where there are tunnels.
            Some(DataPlane::Sidecar) if self.cluster.has_tunnels() => [port, TUNNEL].into(),
            _ => [port].into(),
        }
    }

    /// Returns the workloads of this cluster that a clause means.
    fn callers(&self, clause: &Clause) -> Vec<&Workload> {
        let here = self.cluster.document.name();
        let all = self.cluster.inventory.workloads.iter();
        // A caller without a proxy has no identity to show, and where nobody asks for one its pods are known by labels.
        let may = |from: &&Workload| {
            let shows = self.cluster.plane_of(from).is_some() || self.governed.unit.data_plane.is_none();
            !from.host_network && (shows || clause.identities.is_any())
        };
        all.filter(may).filter(|from| self.is_granted(clause, here, from)).collect()
    }

    /// Tells whether a clause means a workload of a cluster, which may be by its address.
    fn is_granted(&self, clause: &Clause, cluster: &str, from: &Workload) -> bool {
        let Some(home) = self.fences.resolved.world.clusters.get(cluster) else { return false };
        match (&clause.identities, &clause.addresses) {
            (Field::Any, Field::Any) => true,
            (Field::Any, Field::Only(blocks)) => self.may_be_pods(blocks.iter()),
            (Field::Only(patterns), _) => patterns
                .iter()
                .any(|pattern| is_meant(pattern, home.trust_domain(), &from.namespace, Some(&from.service_account))),
        }
    }

    /// Tells whether pods of this cluster may have some of these addresses.
    fn may_be_pods<'n>(&self, mut blocks: impl Iterator<Item = &'n IpNet>) -> bool {
        let pods = &self.cluster.document.spec.pod_cidrs;
        blocks.any(|block| pods.is_empty() || pods.iter().any(|pods| meets(&pods.value.0, block)))
    }

    /// Looks for a connection that passes and is not granted, at ports where nothing else is enforced.
    fn wider(&self, alone: &BTreeSet<u16>) -> Option<(u16, Fault, String)> {
        let guards = self.network.guards(self.to, Direction::Ingress);
        let rules = || guards.network.iter().flat_map(|(_, policy)| policy.ingress.iter().flatten());
        let without_proxy = self.governed.unit.data_plane.is_none();
        let mut ports = alone.clone();
        for port in rules().flat_map(|rule| &rule.ports) {
            if let PortMatch::Range(first, last) = port {
                ports.extend([*first, *last]);
            }
        }
        // Inside a range and after it, too: what is meant may name its ends alone.
        let mut ports = Spoken::beside(&ports, &guards, Direction::Ingress);
        ports.retain(|port| {
            let past = self.governed.unit.data_plane.is_none_or(|plane| self.to.is_past_the_proxy(plane, *port));
            past && (without_proxy || *port != TUNNEL && !MESH_PORTS.contains(port))
        });
        for port in ports {
            let shown = self.pods().find_map(|(shown, namespace, account, pod)| {
                let passes = self.network.arrives(Peer::Pods(pod), self.to, port);
                let granted = match passes {
                    Passage::Shut(_) => true,
                    Passage::Open(_) => self.admits(port, &namespace, account.as_deref()),
                    // By its address, which nobody knows.
                    Passage::Unsure { .. } => {
                        self.admits(port, &namespace, account.as_deref())
                            || self.may_be_pods(self.admitted(port).iter())
                    }
                };
                (!granted).then_some(shown)
            });
            let shown = shown.or_else(|| {
                let anybody = self.clauses().any(|clause| {
                    clause.ports.met_by(|of| *of == port) && clause.identities.is_any() && clause.addresses.is_any()
                });
                let admitted = IpNet::aggregate(&self.admitted(port));
                let mut open: Vec<IpNet> = Vec::new();
                let server = Server { port, names: &names(self.to, port) };
                for rule in rules().filter(|rule| PortMatch::one_of(&rule.ports, server).may()) {
                    open.extend(rule.peers.iter().filter_map(|peer| match peer {
                        PeerMatch::Addresses { block, .. } => Some(*block),
                        PeerMatch::Pods(_) => None,
                    }));
                    if rule.peers.is_empty() {
                        open.extend(self.everywhere(&Field::Any));
                    }
                }
                if guards.network.is_empty() {
                    open.extend(self.everywhere(&Field::Any));
                }
                let within = |block: &IpNet| admitted.iter().any(|admitted| admitted.contains(block));
                let beyond = open.iter().find(|block| !anybody && !within(block));
                beyond.map(|block| format!("from {block}"))
            });
            if let Some(shown) = shown {
                return Some((port, Fault::Wider, shown));
            }
        }
        None
    }

    /// Returns every kind of pods in this cluster: those of workloads, and in each namespace one that no manifest shows.
    fn pods(&self) -> impl Iterator<Item = (String, String, Option<String>, Pod<'_>)> {
        let inventory = self.cluster.inventory;
        // What shares the network of its node is known by the node's address alone.
        let is_pods = |workload: &&Workload| !workload.host_network && workload.machine.is_none();
        let workloads = inventory.workloads.iter().filter(is_pods).map(|from| {
            let shown = format!("from `{}/{}`", from.namespace, from.name);
            (shown, from.namespace.clone(), Some(from.service_account.clone()), self.network.pods(from))
        });
        let namespaces = || inventory.namespaces.keys().map(String::as_str).chain(["nobody-s-namespace"]);
        let strangers = self.asked.iter().flat_map(move |labels| {
            let strange = namespaces().filter(|namespace| labels.is_empty() || !self.is_worn(namespace, labels));
            strange.map(move |namespace| {
                let worn: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let with =
                    if worn.is_empty() { "without labels".to_owned() } else { format!("with {}", worn.join(",")) };
                let pod = self.network.strangers(namespace, Some(labels));
                (format!("from a pod in `{namespace}` {with}"), namespace.to_owned(), None, pod)
            })
        });
        workloads.chain(strangers)
    }

    /// Tells whether pods that somebody shows or names have such labels: whoever else puts them on there is taken for those.
    fn is_worn(&self, namespace: &str, labels: &Labels) -> bool {
        let mut workloads = self.cluster.inventory.workloads_in(namespace);
        let mut gateways = self.cluster.document.spec.gateways.iter();
        workloads.any(|(_, workload)| selects(labels, &workload.labels))
            || gateways.any(|(name, gateway)| {
                let worn = self.gateways.get(name).is_none_or(|worn| worn.is_empty() || selects(labels, worn));
                gateway.value.namespace.value.0 == namespace && worn
            })
    }

    /// Tells whether pods are granted a port, whatever their address.
    fn admits(&self, port: u16, namespace: &str, account: Option<&str>) -> bool {
        let domain = self.cluster.trust_domain();
        self.clauses().filter(|clause| clause.ports.met_by(|of| *of == port)).any(|clause| match &clause.identities {
            Field::Any => clause.addresses.is_any(),
            Field::Only(patterns) => patterns.iter().any(|pattern| is_meant(pattern, domain, namespace, account)),
        })
    }

    /// Returns the addresses of machines outside Kubernetes whose identities are granted a port.
    fn machines(&self, port: u16) -> Vec<IpNet> {
        let clauses: Vec<_> = self
            .clauses()
            .filter(|clause| clause.ports.met_by(|of| *of == port) && !clause.identities.is_any())
            .collect();
        let clusters = self.fences.resolved.world.clusters.iter();
        let own = self.governed.unit.cluster;
        let near = clusters.filter(|(name, _)| **name == own || !self.fences.crossing(name, own).is_empty());
        let all = near.flat_map(|(name, cluster)| cluster.inventory.workloads.iter().map(move |from| (*name, from)));
        let granted = all.filter(|(cluster, from)| clauses.iter().any(|clause| self.is_granted(clause, cluster, from)));
        granted.filter_map(|(_, from)| blocks(from)).flatten().collect()
    }

    /// Returns the addresses that are granted a port, and those from which a pod without a proxy is probed.
    fn admitted(&self, port: u16) -> Vec<IpNet> {
        let clauses = self.clauses().filter(|clause| clause.ports.met_by(|of| *of == port));
        let granted =
            clauses.filter(|clause| clause.identities.is_any()).flat_map(|clause| clause.addresses.patterns());
        let mut admitted: Vec<IpNet> = granted.copied().collect();
        admitted.extend(self.machines(port));
        let unit = &self.governed.unit;
        if unit.data_plane != Some(DataPlane::Sidecar) && unit.ports.contains_key(&port) {
            admitted.extend(self.cluster.document.spec.node_cidrs.iter().map(|block| block.value.0));
        }
        if unit.data_plane == Some(DataPlane::Ambient) {
            admitted.extend(AMBIENT_PROBES.iter().filter_map(|block| block.parse::<IpNet>().ok()));
        }
        admitted
    }
}

/// Tells whether a pattern means an identity; one whose account nobody knows only where every account is meant.
fn is_meant(pattern: &IdentityPattern, domain: &str, namespace: &str, account: Option<&str>) -> bool {
    let account = match account {
        Some(account) => pattern.service_account.matches(account),
        None => pattern.service_account == Part::Any,
    };
    pattern.trust_domain.matches(domain) && pattern.namespace.matches(namespace) && account
}
