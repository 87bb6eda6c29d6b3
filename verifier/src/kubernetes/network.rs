//! The policies of the network of one cluster, ready to be asked about connections.
//!
//! In: the facts and the inventory of a cluster, and its policies. Out: for each end of a connection a [`Passage`].

use ipnet::IpNet;
use ringfence_compiler::inventory::{Labels, Workload};
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::spec::cluster::Enforcement;

use super::passage::{About, By, Direction, Passage, passage};
use super::peer::{Peer, Pod};
use super::port::Server;
use super::selector::Known;
use crate::network::everywhere;
use crate::policies::Policies;

static NO_LABELS: Labels = Labels::new();

/// The policies of the network of a cluster.
#[derive(Debug)]
pub struct Network<'a> {
    cluster: Cluster<'a>,
    policies: &'a Policies,
    enforced: bool,
    pod_blocks: Vec<IpNet>,
    node_blocks: Vec<IpNet>,
}

impl<'a> Network<'a> {
    /// Joins policies with the facts about their cluster.
    #[must_use]
    pub fn of(cluster: &Cluster<'a>, policies: &'a Policies) -> Self {
        let spec = &cluster.document.spec;
        Self {
            cluster: Cluster { document: cluster.document, inventory: cluster.inventory },
            policies,
            enforced: spec.network_policy.as_ref().is_none_or(|said| said.value == Enforcement::Enforced),
            pod_blocks: spec.pod_cidrs.iter().map(|block| block.value.0).collect(),
            node_blocks: spec.node_cidrs.iter().map(|block| block.value.0).collect(),
        }
    }

    /// Describes the pods of a workload.
    #[must_use]
    pub fn pods<'s>(&'s self, workload: &'s Workload) -> Pod<'s> {
        let labels = Known::of_pods(&workload.labels, true);
        let on_node = workload.host_network;
        let blocks = if on_node { &self.node_blocks } else { &self.pod_blocks };
        Pod { blocks, on_node, ..self.pod(&workload.namespace, labels) }
    }

    /// Describes a workload as policies at the other end see it: its pods, or the addresses of its machines, of which it may
    /// use any; all there are where nobody says.
    #[must_use]
    pub fn seen<'s>(&'s self, workload: &'s Workload) -> Vec<Peer<'s>> {
        match blocks(workload) {
            None => vec![Peer::Pods(self.pods(workload))],
            Some(blocks) => blocks.into_iter().map(Peer::Outside).collect(),
        }
    }

    /// Describes pods that no manifest shows, and of whose labels somebody may have told.
    #[must_use]
    pub fn strangers<'s>(&'s self, namespace: &'s str, labels: Option<&'s Labels>) -> Pod<'s> {
        self.pod(namespace, Known::of_pods(labels.unwrap_or(&NO_LABELS), labels.is_some()))
    }

    /// Describes pods of which nobody knows even the namespace, but that no manifest shows it.
    #[must_use]
    pub fn unknown(&self) -> Pod<'_> {
        let nothing = Known::of_pods(&NO_LABELS, false);
        Pod { namespace: "", of_namespace: nothing, labels: nothing, blocks: &self.pod_blocks, on_node: false }
    }

    fn pod<'s>(&'s self, namespace: &'s str, labels: Known<'s>) -> Pod<'s> {
        let inventory = self.cluster.inventory;
        let of_namespace = Known::of_namespace(
            namespace,
            inventory.namespaces.get(namespace).unwrap_or(&NO_LABELS),
            inventory.declared.contains(namespace),
        );
        Pod { namespace, of_namespace, labels, blocks: &self.pod_blocks, on_node: false }
    }

    /// Says whether a connection may leave the pods of a workload.
    #[must_use]
    pub fn leaves(&self, from: &Workload, to: &Workload, port: u16) -> Passage<'a> {
        self.exit(from, port, names(to, port)).lets_any(self.seen(to))
    }

    /// Says whether a connection may leave the pods of a workload for addresses outside the cluster, where the port has
    /// these names.
    #[must_use]
    pub fn leaves_for(&self, from: &Workload, to: IpNet, port: u16, names: &[String]) -> Passage<'a> {
        self.exit(from, port, names.to_vec()).lets(Peer::Outside(to))
    }

    /// Says whether a connection may arrive at the pods of a workload.
    #[must_use]
    pub fn arrives(&self, from: Peer<'_>, to: &Workload, port: u16) -> Passage<'a> {
        self.entrance(to, port).lets(from)
    }

    /// Looks up what decides which connections arrive at the pods of a workload.
    #[must_use]
    pub fn entrance(&self, to: &Workload, port: u16) -> Entrance<'a> {
        Entrance { about: self.about(to), direction: Direction::Ingress, port, names: names(to, port) }
    }

    /// Looks up what decides which connections leave a workload.
    fn exit(&self, from: &Workload, port: u16, names: Vec<String>) -> Entrance<'a> {
        Entrance { about: self.about(from), direction: Direction::Egress, port, names }
    }

    /// Returns the policies about a workload; `None` where none is enforced. The network plugin knows nothing of machines.
    fn about(&self, at: &Workload) -> Option<About<'a>> {
        self.enforced.then(|| match at.machine {
            None => self.policies.network_at(&self.pods(at)),
            Some(_) => About::default(),
        })
    }

    /// Returns the policies that say something of one direction at the pods of a workload, and whether each is about them.
    #[must_use]
    pub fn guards(&self, at: &Workload, direction: Direction) -> About<'a> {
        let mut about = self.about(at).unwrap_or_default();
        about.network.retain(|(_, policy)| policy.rules(direction).is_some());
        about.tiers.retain(|(_, policy)| !policy.rules(direction).is_empty());
        about
    }

    /// Says whether a connection may pass at one end of it, whoever is there.
    #[must_use]
    pub fn passes(
        &self,
        at: &Pod<'_>,
        direction: Direction,
        peer: Peer<'_>,
        port: u16,
        names: &[String],
    ) -> Passage<'a> {
        let about = self.enforced.then(|| self.policies.network_at(at));
        Entrance { about, direction, port, names: names.to_vec() }.lets(peer)
    }

    /// Returns the blocks of addresses that policies at pods name.
    #[must_use]
    pub fn blocks(&self, at: &Pod<'_>, direction: Direction) -> Vec<IpNet> {
        if self.enforced { self.policies.network_at(at).blocks(direction) } else { Vec::new() }
    }
}

/// What decides at one end of a connection, whoever is at the other.
#[derive(Debug)]
pub struct Entrance<'a> {
    /// The policies; `None` where no policy is enforced.
    about: Option<About<'a>>,
    direction: Direction,
    port: u16,
    names: Vec<String>,
}

impl<'a> Entrance<'a> {
    /// Returns the blocks of addresses that the policies name.
    #[must_use]
    pub fn blocks(&self) -> Vec<IpNet> {
        self.about.as_ref().map(|about| about.blocks(self.direction)).unwrap_or_default()
    }

    /// Says whether a connection may pass with one that is any of these: nobody knows which.
    #[must_use]
    pub fn lets_any<'p>(&self, peers: impl IntoIterator<Item = Peer<'p>>) -> Passage<'a> {
        let mut all = peers.into_iter().map(|peer| self.lets(peer));
        let first = all.next().unwrap_or(Passage::Open(By::Nobody));
        all.fold(first, Passage::or)
    }

    /// Says whether a connection with these may pass.
    #[must_use]
    pub fn lets(&self, peer: Peer<'_>) -> Passage<'a> {
        let Some(about) = &self.about else { return Passage::Open(By::NotEnforced) };
        let said = passage(about, self.direction, peer, Server { port: self.port, names: &self.names });
        match (said, peer) {
            // A pod and its own node reach each other, whatever policies say, and nobody knows which node that is.
            (Passage::Shut(shut), Peer::Pods(pod)) if pod.on_node => Passage::Unsure { open: By::Plugin, shut },
            _ => said,
        }
    }
}

/// Returns the addresses of machines outside Kubernetes, all where nobody says; `None` for pods.
#[must_use]
pub fn blocks(workload: &Workload) -> Option<Vec<IpNet>> {
    let machine = workload.machine.as_ref()?;
    if machine.addresses.is_empty() {
        return Some(everywhere());
    }
    Some(machine.addresses.iter().copied().collect())
}

/// Returns what a workload calls a port.
#[must_use]
pub fn names(workload: &Workload, port: u16) -> Vec<String> {
    let named = workload.ports.iter().filter(|declared| declared.number == port);
    named.filter_map(|declared| declared.name.clone()).collect()
}
