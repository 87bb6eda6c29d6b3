//! What the network lets through: the policies at both ends of a connection, as the network plugin enforces them.
//!
//! In: a [`Model`], a caller, a workload and its port. Out: a [`Gate`] for each end. The two are asked apart because each
//! depends on less than both do.

use ipnet::IpNet;
use ringfence_compiler::inventory::Workload;

use crate::kubernetes::network::{Entrance, names};
use crate::kubernetes::network_policy::NetworkPolicy;
use crate::kubernetes::passage::{About, By, Decision, Direction, Passage};
use crate::kubernetes::peer::Peer;
use crate::kubernetes::port::Server;
use crate::kubernetes::tier_policy::TierPolicy;
use crate::model::Model;
use crate::reach::{Caller, Cited, Decider, Failure, Gate, Miss, Reach, one_of};

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

/// Asks the policies of the caller's end.
#[must_use]
pub fn egress<'a>(model: &Model<'a>, caller: Caller<'a>, to: &Workload, port: u16) -> Gate<'a> {
    match caller {
        Caller::Workload(from) => gate(model.network().leaves(from, to, port)),
        // Its own cluster sees addresses: of the pod, or of a gateway on the way to it, of which no file tells.
        Caller::WorkloadOf(home, from) => {
            let names = names(to, port);
            let ask = |block: IpNet| gate(home.network().leaves_for(from, block, port, &names));
            match any_of(anywhere(model).into_iter().map(ask)) {
                Gate::Shut(decider) => match any_of(anywhere_at_all().into_iter().map(ask)) {
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

/// The policies of a workload's end, looked up once for many callers.
#[derive(Debug)]
pub struct Ingress<'m, 'a> {
    model: &'m Model<'a>,
    entrance: Entrance<'a>,
}

impl<'m, 'a> Ingress<'m, 'a> {
    /// Looks up what is said of a port.
    #[must_use]
    pub fn of(model: &'m Model<'a>, to: &Workload, port: u16) -> Self {
        Self { model, entrance: model.network().entrance(to, port) }
    }

    /// Asks about a caller.
    #[must_use]
    pub fn lets(&self, caller: Caller<'a>) -> Gate<'a> {
        let (model, network) = (self.model, self.model.network());
        let ask = |peer: Peer<'_>| gate(self.entrance.lets(peer));
        match caller {
            Caller::Outside(block) => ask(Peer::Outside(block)),
            Caller::Workload(from) => ask(Peer::Pods(network.pods(from))),
            Caller::Stranger(stranger) => {
                ask(Peer::Pods(network.strangers(&stranger.identity.namespace, stranger.labels.as_ref())))
            }
            Caller::WorkloadOf(home, _) | Caller::StrangerOf(home, _) => {
                // Directly, by the address of its pod, or through a gateway here.
                let directly = any_of(anywhere(home).into_iter().map(|block| ask(Peer::Outside(block))));
                let Gate::Shut(decider) = directly else { return directly };
                let gateways = model.gateways();
                let mut through = gateways.iter().map(|(namespace, labels)| {
                    let labels = Some(labels).filter(|labels| !labels.is_empty());
                    ask(Peer::Pods(network.strangers(namespace, labels))).reach()
                });
                if through.any(|reach| reach != Reach::Denied) { Gate::Unsure(decider) } else { Gate::Shut(decider) }
            }
        }
    }
}

/// Returns the addresses that the pods of a cluster have, as others see them: any where nobody says.
fn anywhere(home: &Model<'_>) -> Vec<IpNet> {
    let blocks: Vec<IpNet> = home.cluster().document.spec.pod_cidrs.iter().map(|block| block.value.0).collect();
    if blocks.is_empty() { anywhere_at_all() } else { blocks }
}

fn anywhere_at_all() -> Vec<IpNet> {
    ["0.0.0.0/0", "::/0"].iter().filter_map(|block| block.parse().ok()).collect()
}

/// Joins what is said of addresses of which a pod has one, nobody knows which.
fn any_of<'a>(gates: impl Iterator<Item = Gate<'a>>) -> Gate<'a> {
    let gates: Vec<Gate<'a>> = gates.collect();
    let all_open = gates.iter().all(|gate| gate.reach() == Reach::Allowed);
    match gates.into_iter().max_by_key(Gate::reach) {
        Some(Gate::Open(decider)) if !all_open => Gate::Unsure(decider),
        Some(widest) => widest,
        None => Gate::Open(Decider::Nobody),
    }
}

fn gate(passage: Passage<'_>) -> Gate<'_> {
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
    let at_any = |home: &Model<'_>| anywhere(home).into_iter().next().map(Peer::Outside);
    match caller {
        Caller::Workload(from) => {
            let peer = Some(Peer::Pods(model.network().pods(to)));
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
        Caller::Workload(from) => Some(Peer::Pods(model.network().pods(from))),
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
                Some(Miss { rule, admits: None, fails: vec![failure] })
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
