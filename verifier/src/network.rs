//! What the network lets through: the policies at both ends of a connection, as the network plugin enforces them.
//!
//! In: a [`Model`], a caller, a workload and its port. Out: a [`Gate`] for each end. The two are asked apart because each
//! depends on less than both do.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use ipnet::IpNet;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::resolve::units::MESH_PORTS;
use ringfence_compiler::spec::cluster::DataPlane;
use ringfence_compiler::spec::reference::meets;

use crate::kubernetes::network::{Entrance, blocks, names};
use crate::kubernetes::network_policy::NetworkPolicy;
use crate::kubernetes::passage::{About, By, Decision, Direction, Passage};
use crate::kubernetes::peer::Peer;
use crate::kubernetes::port::Server;
use crate::kubernetes::tier_policy::TierPolicy;
use crate::model::Model;
use crate::reach::{Caller, Cited, Decider, Failure, Gate, Miss, Reach, is_gateway, one_of};

/// Tells whether policies are about what leaves a workload.
#[must_use]
pub fn is_egress_guarded(model: &Model<'_>, from: &Workload) -> bool {
    !model.network().guards(from, Direction::Egress).is_empty()
}

/// Tells whether policies are about what arrives at a workload.
#[must_use]
pub fn is_ingress_guarded(model: &Model<'_>, to: &Workload) -> bool {
    !model.network().guards(to, Direction::Ingress).is_empty()
}

/// The port of the tunnels that mesh traffic travels in.
pub(crate) const TUNNEL: u16 = 15008;

/// What is not modelled of callers of another network.
const APART: &str = "calls between clusters that share no network";

/// How connections between two travel, as far as the network sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Wire {
    /// To the port itself.
    Port,
    /// To the port itself, or in a tunnel.
    Either,
    /// In a tunnel; whoever evades its own proxy calls the port itself.
    Tunnel,
}

impl Wire {
    /// Says how connections may arrive at a port.
    pub fn of_port(model: &Model<'_>, to: &Workload, port: u16) -> Self {
        if MESH_PORTS.contains(&port) || port == TUNNEL || !model.is_guarded(to, port) {
            return Self::Port;
        }
        match model.plane(to) {
            Some(DataPlane::Ambient) => Self::Tunnel,
            Some(DataPlane::Sidecar) if model.cluster().has_tunnels() => Self::Either,
            _ => Self::Port,
        }
    }

    /// Says how a caller may call.
    pub fn of_caller(model: &Model<'_>, caller: Caller<'_>) -> Self {
        match caller {
            Caller::Workload(from) => match model.plane(from) {
                Some(DataPlane::Ambient) => Self::Tunnel,
                // A gateway is a proxy itself.
                Some(DataPlane::Sidecar) => Self::Either,
                None if model.identity(from).is_some() => Self::Either,
                None => Self::Port,
            },
            Caller::Stranger(_) | Caller::WorkloadOf(..) | Caller::StrangerOf(..) => Self::Either,
            Caller::Outside(_) => Self::Port,
        }
    }

    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Port, _) | (_, Self::Port) => Self::Port,
            (Self::Tunnel, Self::Tunnel) => Self::Tunnel,
            _ => Self::Either,
        }
    }

    /// Joins what is said of the port and of the tunnel.
    fn ask<'a>(self, port: impl FnOnce() -> Gate<'a>, tunnel: impl FnOnce() -> Gate<'a>) -> Gate<'a> {
        match self {
            Self::Port => port(),
            Self::Either => joined([port(), tunnel()].into_iter()),
            Self::Tunnel => match tunnel() {
                Gate::Open(decider) => Gate::Open(decider),
                tunnel => joined([tunnel, port()].into_iter()),
            },
        }
    }
}

/// Asks the policies of the caller's end.
#[must_use]
pub fn egress<'a>(model: &Model<'a>, caller: Caller<'a>, to: &Workload, port: u16) -> Gate<'a> {
    let wire = Wire::of_caller(model, caller).with(Wire::of_port(model, to, port));
    wire.ask(|| egress_by(model, caller, to, port), || egress_by(model, caller, to, TUNNEL))
}

fn egress_by<'a>(model: &Model<'a>, caller: Caller<'a>, to: &Workload, port: u16) -> Gate<'a> {
    match caller {
        Caller::Workload(from) => gate(model.network().leaves(from, to, port)),
        // Its own cluster sees addresses: of the pod, or of a gateway on the way to it, of which no file tells.
        Caller::WorkloadOf(home, from) => {
            let names = names(to, port);
            let ask = |block: IpNet| gate(home.network().leaves_for(from, block, port, &names));
            match joined(addresses(model, to).into_iter().map(ask)) {
                Gate::Shut(decider) => match joined(everywhere().into_iter().map(ask)) {
                    Gate::Shut(_) => Gate::Shut(decider),
                    Gate::Open(decider) | Gate::Unsure(decider) => Gate::Unsure(decider),
                },
                gate => gate,
            }
        }
        Caller::Stranger(_) | Caller::StrangerOf(..) | Caller::Outside(_) => Gate::Open(Decider::Nobody),
    }
}

/// Asks the policies of the workload's end.
#[must_use]
pub fn ingress<'a>(model: &Model<'a>, caller: Caller<'a>, to: &Workload, port: u16) -> Gate<'a> {
    Ingress::of(model, to, port).lets(caller)
}

/// Tells whether the policies of one end say one thing of the port itself and another of the tunnel, where a connection may
/// come either way.
pub(crate) fn tells_tunnels_apart<'a>(
    direction: Direction,
    model: &Model<'a>,
    caller: Caller<'a>,
    (to, port): (&Workload, u16),
) -> bool {
    if Wire::of_caller(model, caller).with(Wire::of_port(model, to, port)) == Wire::Port {
        return false;
    }
    match direction {
        Direction::Egress => egress_by(model, caller, to, port).reach() != egress_by(model, caller, to, TUNNEL).reach(),
        Direction::Ingress => {
            let ingress = Ingress::of(model, to, port);
            let by = |way: &Way<'a>| ingress.lets_by(way, caller).reach();
            ingress.tunnel.as_ref().is_some_and(|tunnel| by(tunnel) != by(&ingress.own))
        }
    }
}

/// Tells whether policies may let in pods that no manifest shows.
pub(crate) fn lets_in_pods_nobody_shows(model: &Model<'_>, to: &Workload, port: u16) -> bool {
    let network = model.network();
    gate(network.entrance(to, port).lets(Peer::Pods(network.unknown()))).reach() != Reach::Denied
}

/// The policies of a workload's end, looked up once for many callers.
#[derive(Debug)]
pub struct Ingress<'m, 'a> {
    model: &'m Model<'a>,
    own: Way<'a>,
    tunnel: Option<Way<'a>>,
    wire: Wire,
}

/// What is asked of connections to one port.
#[derive(Debug)]
struct Way<'a> {
    entrance: Entrance<'a>,
    /// Whether some gateway of the cluster may come in, found out when first asked for.
    by_gateway: OnceLock<bool>,
    /// Whether callers of whom nobody knows the address may come in, found out when first asked for.
    from_nowhere: OnceLock<bool>,
}

/// What the policies of a port can know of callers of another cluster: for each block that such a caller may be out of,
/// which of the blocks they name hold it, and which meet it.
pub(crate) type Looks = BTreeSet<Vec<(bool, bool)>>;

impl<'m, 'a> Ingress<'m, 'a> {
    /// Looks up what is said of a port.
    #[must_use]
    pub fn of(model: &'m Model<'a>, to: &Workload, port: u16) -> Self {
        let wire = Wire::of_port(model, to, port);
        let way = |port| Way {
            entrance: model.network().entrance(to, port),
            by_gateway: OnceLock::new(),
            from_nowhere: OnceLock::new(),
        };
        Self { model, own: way(port), tunnel: (wire != Wire::Port).then(|| way(TUNNEL)), wire }
    }

    /// Returns the blocks of addresses that the policies name.
    pub(crate) fn blocks(&self) -> Vec<IpNet> {
        self.own.entrance.blocks()
    }

    /// Asks about a caller.
    #[must_use]
    pub fn lets(&self, caller: Caller<'a>) -> Gate<'a> {
        let port = || self.lets_by(&self.own, caller);
        let gate = match &self.tunnel {
            Some(tunnel) => {
                Wire::of_caller(self.model, caller).with(self.wire).ask(port, || self.lets_by(tunnel, caller))
            }
            None => port(),
        };
        match (gate, caller) {
            // Nobody knows whether there is a way at all, and from which address connections arrive on it.
            (Gate::Open(_), Caller::WorkloadOf(home, _) | Caller::StrangerOf(home, _))
                if !share_a_network(home, self.model) =>
            {
                Gate::Unsure(Decider::NotModelled(APART))
            }
            (gate, _) => gate,
        }
    }

    fn lets_by(&self, way: &Way<'a>, caller: Caller<'a>) -> Gate<'a> {
        let network = self.model.network();
        let ask = |peer: Peer<'_>| gate(way.entrance.lets(peer));
        match caller {
            Caller::Outside(block) => {
                let peer = if self.may_be_pods(&block) { Peer::PerhapsPods(block) } else { Peer::Outside(block) };
                match ask(peer) {
                    Gate::Open(decider) => Gate::Open(decider),
                    // Everything is of both families, and of any other block the network may rewrite the addresses.
                    own if block == IpNet::V6(ipnet::Ipv6Net::default()) => own,
                    own => {
                        match everywhere().into_iter().map(|block| ask(Peer::Outside(block))).max_by_key(Gate::reach) {
                            Some(Gate::Open(decider) | Gate::Unsure(decider)) if own.reach() == Reach::Denied => {
                                Gate::Unsure(match decider {
                                    Decider::Rule(rule) if block.prefix_len() > 0 => Decider::OtherAddress(rule),
                                    decider => decider,
                                })
                            }
                            _ => own,
                        }
                    }
                }
            }
            Caller::Workload(from) => gate(way.entrance.lets_any(network.seen(from))),
            Caller::Stranger(stranger) => {
                ask(Peer::Pods(network.strangers(&stranger.identity.namespace, stranger.labels.as_ref())))
            }
            Caller::WorkloadOf(home, _) | Caller::StrangerOf(home, _) => {
                // Directly, by the address of its pod, or through a gateway here.
                let of_caller = match caller {
                    Caller::WorkloadOf(_, from) => addresses(home, from),
                    _ => anywhere(home, false),
                };
                let directly = joined(of_caller.into_iter().map(|block| ask(Peer::Outside(block))));
                let Gate::Shut(decider) = directly else { return directly };
                if !share_a_network(home, self.model)
                    && *way.from_nowhere.get_or_init(|| self.lets_from_nowhere(&way.entrance))
                {
                    return Gate::Unsure(Decider::NotModelled(APART));
                }
                let by_gateway = *way.by_gateway.get_or_init(|| self.lets_gateways(&way.entrance));
                if by_gateway { Gate::Unsure(decider) } else { Gate::Shut(decider) }
            }
        }
    }

    /// Tells whether some gateway of the cluster may come in: callers from elsewhere may come through it.
    fn lets_gateways(&self, entrance: &Entrance<'a>) -> bool {
        let network = self.model.network();
        let may = |pod| gate(entrance.lets(Peer::Pods(pod))).reach() != Reach::Denied;
        let named = self.model.gateways();
        let mut shown = self.model.workloads().filter(|workload| is_gateway(workload));
        named.iter().any(|(namespace, labels)| {
            may(network.strangers(namespace, Some(labels).filter(|labels| !labels.is_empty())))
        }) || shown.any(|gateway| may(network.pods(gateway)))
    }

    /// Tells whether callers of another network may come in: from any address, or through a gateway of which no file tells.
    fn lets_from_nowhere(&self, entrance: &Entrance<'a>) -> bool {
        let may = |peer| gate(entrance.lets(peer)).reach() != Reach::Denied;
        everywhere().into_iter().any(|block| may(Peer::Outside(block)))
            || may(Peer::Pods(self.model.network().unknown()))
    }

    /// Tells whether pods may have addresses of a block that somebody named. Of everything, pods are asked by themselves.
    fn may_be_pods(&self, block: &IpNet) -> bool {
        let pods = &self.model.cluster().document.spec.pod_cidrs;
        block.prefix_len() > 0 && (pods.is_empty() || pods.iter().any(|pods| meets(&pods.value.0, block)))
    }
}

/// Tells whether pods of one cluster reach those of another by their addresses, as the facts of both say.
#[must_use]
pub fn share_a_network(one: &Model<'_>, other: &Model<'_>) -> bool {
    one.cluster().document.spec.shares_a_network_with(&other.cluster().document.spec)
}

/// Returns the addresses that pods of a cluster have, as others see them: any where nobody says.
pub(crate) fn anywhere(home: &Model<'_>, on_node: bool) -> Vec<IpNet> {
    let spec = &home.cluster().document.spec;
    let said = if on_node { &spec.node_cidrs } else { &spec.pod_cidrs };
    let blocks: Vec<IpNet> = said.iter().map(|block| block.value.0).collect();
    if blocks.is_empty() { everywhere() } else { blocks }
}

/// Returns the addresses that a workload of a cluster has, as others see it.
pub(crate) fn addresses(home: &Model<'_>, workload: &Workload) -> Vec<IpNet> {
    blocks(workload).unwrap_or_else(|| anywhere(home, workload.host_network))
}

/// Says what policies that name some blocks can know of callers with these addresses.
pub(crate) fn looks(addresses: &[IpNet], named: &[IpNet]) -> Looks {
    let of_one = |block: &IpNet| named.iter().map(|named| (named.contains(block), meets(named, block))).collect();
    addresses.iter().map(of_one).collect()
}

/// Returns blocks that hold every address.
pub(crate) fn everywhere() -> Vec<IpNet> {
    ["0.0.0.0/0", "::/0"].iter().filter_map(|block| block.parse().ok()).collect()
}

/// Joins what is said of addresses of which a pod has one, nobody knows which.
pub(crate) fn joined<'a>(gates: impl Iterator<Item = Gate<'a>>) -> Gate<'a> {
    let gates: Vec<Gate<'a>> = gates.collect();
    let all_open = gates.iter().all(|gate| gate.reach() == Reach::Allowed);
    match gates.into_iter().max_by_key(Gate::reach) {
        Some(Gate::Open(decider)) if !all_open => Gate::Unsure(decider),
        Some(widest) => widest,
        None => Gate::Open(Decider::Nobody),
    }
}

/// Makes a gate of what the network says.
pub(crate) fn gate(passage: Passage<'_>) -> Gate<'_> {
    match passage {
        Passage::Open(by) => Gate::Open(decider(by)),
        // Of two, the one that a policy stands behind says more.
        Passage::Unsure { open: By::Nobody | By::Plugin, shut } => Gate::Unsure(decider(shut)),
        Passage::Unsure { open: By::NetworkPolicy(..), shut: shut @ By::Tier(_) } => Gate::Unsure(decider(shut)),
        Passage::Unsure { open, .. } => Gate::Unsure(decider(open)),
        Passage::Shut(by) => Gate::Shut(decider(by)),
    }
}

fn decider<'a>(by: By<'a>) -> Decider<'a> {
    let of_tier = |policy: &'a TierPolicy| Cited {
        kind: policy.kind.name(),
        namespace: "",
        name: &policy.name,
        rule: None,
        span: policy.span,
        source: None,
    };
    match by {
        By::Nobody | By::Plugin => Decider::Nobody,
        By::NotEnforced => Decider::NotEnforced,
        By::NetworkPolicy(policy, span) => Decider::Rule(Cited { span, ..Cited::network(policy) }),
        By::NoNetworkPolicy => Decider::NoRule { about: Vec::new(), nearest: None },
        By::Tier(Decision { policy, rule, rival }) => Decider::Tier {
            rule: Cited { rule: rule.number.checked_sub(1), span: rule.span, ..of_tier(policy) },
            rival: rival.map(|rival| rival.name.as_str()),
        },
    }
}

/// Names the NetworkPolicies of which none lets a connection pass, and the rule that nearly does.
pub(crate) fn explain<'a>(
    egress: &mut Gate<'a>,
    ingress: &mut Gate<'a>,
    model: &Model<'a>,
    caller: Caller<'a>,
    (to, port): (&Workload, u16),
) {
    let names = names(to, port);
    let server = Server { port, names: &names };
    let at_any = |home: &Model<'_>| anywhere(home, false).into_iter().next().map(Peer::Outside);
    match caller {
        Caller::Workload(from) => {
            let peer = model.network().seen(to).into_iter().next();
            name(egress, &model.network().guards(from, Direction::Egress), Direction::Egress, peer, server);
        }
        Caller::WorkloadOf(home, from) => {
            let about = home.network().guards(from, Direction::Egress);
            name(egress, &about, Direction::Egress, at_any(model), server);
        }
        Caller::Stranger(_) | Caller::StrangerOf(..) | Caller::Outside(_) => {}
    }
    let peer = match caller {
        Caller::Outside(block) => Some(Peer::Outside(block)),
        Caller::Workload(from) => model.network().seen(from).into_iter().next(),
        Caller::Stranger(stranger) => {
            let pods = model.network().strangers(&stranger.identity.namespace, stranger.labels.as_ref());
            Some(Peer::Pods(pods))
        }
        Caller::WorkloadOf(home, _) | Caller::StrangerOf(home, _) => at_any(home),
    };
    name(ingress, &model.network().guards(to, Direction::Ingress), Direction::Ingress, peer, server);
}

fn name<'a>(gate: &mut Gate<'a>, guards: &About<'a>, direction: Direction, peer: Option<Peer<'_>>, server: Server<'_>) {
    let (Gate::Open(decider) | Gate::Unsure(decider) | Gate::Shut(decider)) = gate;
    if let Decider::NoRule { about, nearest } = decider {
        *about = guards.network.iter().map(|(_, policy)| Cited::network(policy)).collect();
        *nearest = peer.and_then(|peer| nearly(guards, direction, peer, server));
    }
}

/// Finds the first rule that fits the peer and not the port, or else the first that fits the port and not the peer.
fn nearly<'a>(about: &About<'a>, direction: Direction, peer: Peer<'_>, server: Server<'_>) -> Option<Miss<Cited<'a>>> {
    let mut by_port = None;
    for (_, policy) in &about.network {
        for rule in policy.rules(direction).into_iter().flatten() {
            let miss = |failure| {
                let rule = Cited { span: rule.span, ..Cited::network(policy) };
                Some(Miss { rule, admits: None, fails: vec![failure], denied: Vec::new() })
            };
            match rule.apart(&policy.namespace, peer, server) {
                (true, false) => {
                    let ports: Vec<String> = rule.ports.iter().map(ToString::to_string).collect();
                    let has = Some(server.port.to_string());
                    return miss(Failure { attribute: "port".to_owned(), wants: one_of(&ports), has });
                }
                (false, true) if by_port.is_none() => {
                    let peers: Vec<String> = rule.peers.iter().map(|peer| peer.words(&policy.namespace)).collect();
                    by_port = miss(Failure { attribute: "peer".to_owned(), wants: one_of(&peers), has: None });
                }
                _ => {}
            }
        }
    }
    by_port
}

impl<'a> Cited<'a> {
    fn network(policy: &'a NetworkPolicy) -> Self {
        Self {
            kind: "NetworkPolicy",
            namespace: &policy.namespace,
            name: &policy.name,
            rule: None,
            span: policy.span,
            source: policy.source.as_deref(),
        }
    }
}
