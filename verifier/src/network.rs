//! What the network lets through: the policies at both ends of a connection, as the network plugin enforces them.
//!
//! In: a [`Model`], a caller, a workload and its port. Out: a [`Gate`] for each end. The two are asked apart because each
//! depends on less than both do.

use ipnet::IpNet;
use ringfence_compiler::inventory::Workload;

use crate::kubernetes::network::{Entrance, names};
use crate::kubernetes::passage::{By, Decision, Direction, Passage};
use crate::kubernetes::peer::Peer;
use crate::model::Model;
use crate::reach::{Caller, Decider, Gate, Reach};

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

fn decider(by: By<'_>) -> Decider<'_> {
    match by {
        By::Nobody | By::Plugin => Decider::Nobody,
        By::NotEnforced => Decider::NotEnforced,
        By::NetworkPolicy(policy, _) => Decider::Network(&policy.namespace, &policy.name),
        By::NoNetworkPolicy => Decider::NoNetwork,
        By::Tier(Decision { policy, rule, rival }) => Decider::Tier {
            kind: policy.kind.name(),
            name: &policy.name,
            rule: rule.number,
            rival: rival.map(|rival| rival.name.as_str()),
        },
    }
}
