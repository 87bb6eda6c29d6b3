//! What the network lets through: the policies at both ends of a connection, as the network plugin enforces them.
//!
//! In: a [`Model`], a caller, a workload and its port. Out: a [`Gate`] for each end. The two are asked apart because each
//! depends on less than both do.

use ipnet::IpNet;
use ringfence_compiler::inventory::{Labels, Workload};

use crate::kubernetes::network_policy::{Passage, Peer, passage};
use crate::model::Model;
use crate::reach::{Caller, Decider, Gate, Reach};

/// Tells whether policies are about what leaves a workload.
#[must_use]
pub fn is_egress_guarded(model: &Model<'_>, from: &Workload) -> bool {
    model.policies().network_at(&from.namespace, &from.labels).iter().any(|policy| policy.egress.is_some())
}

/// Tells whether policies are about what arrives at a workload.
#[must_use]
pub fn is_ingress_guarded(model: &Model<'_>, to: &Workload) -> bool {
    model.policies().network_at(&to.namespace, &to.labels).iter().any(|policy| policy.ingress.is_some())
}

/// Asks the policies of the caller's end.
#[must_use]
pub fn egress<'a>(model: &Model<'a>, caller: Caller<'a>, to: &Workload, port: u16) -> Gate<'a> {
    let names = model.names_of(to, port);
    let ask = |home: &Model<'a>, from: &'a Workload, peers: &[Peer<'_>]| {
        let about = home.policies().network_at(&from.namespace, &from.labels);
        let ask = |peer: &Peer<'_>| gate(passage(&about, |policy| policy.egress.as_ref(), *peer, (port, &names)));
        unsure(from, any_of(peers.iter().map(ask)))
    };
    match caller {
        Caller::Workload(from) => {
            let (blocks, labels) = (blocks(model), model.namespace_labels(&to.namespace));
            ask(model, from, &[pod(to, &labels, &blocks)])
        }
        // Its own cluster sees addresses: of the pod, or of a gateway on the way to it, of which no file tells.
        Caller::WorkloadOf(home, from) => match ask(home, from, &anywhere(model)) {
            Gate::Shut(decider) => match ask(home, from, &anywhere_at_all()) {
                Gate::Shut(_) => Gate::Shut(decider),
                Gate::Open(decider) | Gate::Unsure(decider) => Gate::Unsure(decider),
            },
            gate => gate,
        },
        Caller::Stranger(_) | Caller::StrangerOf(..) | Caller::Outside(_) => Gate::Open(Decider::Nobody),
    }
}

/// Asks the policies of the workload's end.
#[must_use]
pub fn ingress<'a>(model: &Model<'a>, caller: Caller<'a>, to: &Workload, port: u16) -> Gate<'a> {
    let about = model.policies().network_at(&to.namespace, &to.labels);
    let (names, blocks) = (model.names_of(to, port), blocks(model));
    let ask =
        |peer: Peer<'_>| unsure(to, gate(passage(&about, |policy| policy.ingress.as_ref(), peer, (port, &names))));
    match caller {
        Caller::Outside(block) => ask(Peer::Outside(block)),
        Caller::Stranger(stranger) => {
            let namespace = &stranger.identity.namespace;
            let (unlabelled, namespace_labels) = (Labels::new(), model.namespace_labels(namespace));
            let labels = stranger.labels.as_ref().unwrap_or(&unlabelled);
            match ask(Peer::Pod { namespace, namespace_labels: &namespace_labels, labels, blocks: &blocks }) {
                // Labels that nobody knows may be those that are asked for.
                Gate::Shut(decider) if stranger.labels.is_none() => Gate::Unsure(decider),
                gate => gate,
            }
        }
        Caller::Workload(from) => unsure(from, ask(pod(from, &model.namespace_labels(&from.namespace), &blocks))),
        Caller::WorkloadOf(home, _) | Caller::StrangerOf(home, _) => {
            // Directly, by the address of its pod, or through a gateway here.
            let directly = any_of(anywhere(home).into_iter().map(ask));
            let Gate::Shut(decider) = directly else { return directly };
            let through = model.gateways().into_iter().map(|(namespace, labels)| {
                let namespace_labels = model.namespace_labels(namespace);
                let labels_known = !labels.is_empty();
                match ask(Peer::Pod {
                    namespace,
                    namespace_labels: &namespace_labels,
                    labels: &labels,
                    blocks: &blocks,
                }) {
                    Gate::Shut(_) if labels_known => Reach::Denied,
                    _ => Reach::Allowed,
                }
            });
            if through.max() == Some(Reach::Allowed) { Gate::Unsure(decider) } else { Gate::Shut(decider) }
        }
    }
}

/// Returns what a policy sees of the pods of another cluster: addresses of its blocks, or any where nobody says.
fn anywhere(home: &Model<'_>) -> Vec<Peer<'static>> {
    let blocks = blocks(home);
    if blocks.is_empty() { anywhere_at_all() } else { blocks.into_iter().map(Peer::Outside).collect() }
}

fn anywhere_at_all() -> Vec<Peer<'static>> {
    ["0.0.0.0/0", "::/0"].iter().filter_map(|block| block.parse().ok().map(Peer::Outside)).collect()
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

/// Returns the blocks that the addresses of pods are out of; none where nobody says.
fn blocks(model: &Model<'_>) -> Vec<IpNet> {
    model.cluster().document.spec.pod_cidrs.iter().map(|block| block.value.0).collect()
}

fn pod<'p>(workload: &'p Workload, namespace_labels: &'p Labels, blocks: &'p [IpNet]) -> Peer<'p> {
    Peer::Pod { namespace: &workload.namespace, namespace_labels, labels: &workload.labels, blocks }
}

/// The network plugin does not know the pods of the node's own network from the node.
fn unsure<'a>(workload: &Workload, gate: Gate<'a>) -> Gate<'a> {
    match gate {
        Gate::Shut(decider) if workload.host_network => Gate::Unsure(decider),
        gate => gate,
    }
}

fn gate(passage: Passage<'_>) -> Gate<'_> {
    match passage {
        Passage::Unguarded => Gate::Open(Decider::Nobody),
        Passage::Passes(policy, _) => Gate::Open(Decider::Network(&policy.namespace, &policy.name)),
        Passage::Perhaps(policy, _) => Gate::Unsure(Decider::Network(&policy.namespace, &policy.name)),
        Passage::Refused => Gate::Shut(Decider::NoNetwork),
    }
}
