//! What the network lets through: the policies at both ends of a connection, as the network plugin enforces them.
//!
//! In: a [`Model`], a caller, a workload and its port. Out: a [`Gate`] for each end. The two are asked apart because each
//! depends on less than both do.

use ipnet::IpNet;
use ringfence_compiler::inventory::{Labels, Workload};

use crate::kubernetes::network_policy::{Passage, Peer, passage};
use crate::model::Model;
use crate::reach::{Caller, Decider, Gate};

/// Asks the policies of the caller's end.
#[must_use]
pub fn egress<'a>(model: &Model<'a>, caller: Caller<'a>, to: &Workload, port: u16) -> Gate<'a> {
    let Caller::Workload(from) = caller else { return Gate::Open(Decider::Nobody) };
    let about = model.policies().network_at(&from.namespace, &from.labels);
    let (names, blocks, labels) = (model.names_of(to, port), blocks(model), model.namespace_labels(&to.namespace));
    unsure(from, gate(passage(&about, |policy| policy.egress.as_ref(), pod(to, &labels, &blocks), (port, &names))))
}

/// Asks the policies of the caller's end about a server at an address outside its cluster.
#[must_use]
pub fn egress_beyond<'a>(model: &Model<'a>, from: &'a Workload, block: IpNet, port: u16) -> Gate<'a> {
    let about = model.policies().network_at(&from.namespace, &from.labels);
    unsure(from, gate(passage(&about, |policy| policy.egress.as_ref(), Peer::Outside(block), (port, &[]))))
}

/// Asks the policies of the workload's end.
#[must_use]
pub fn ingress<'a>(model: &Model<'a>, caller: Caller<'a>, to: &Workload, port: u16) -> Gate<'a> {
    let about = model.policies().network_at(&to.namespace, &to.labels);
    let (names, blocks) = (model.names_of(to, port), blocks(model));
    let ask = |peer| unsure(to, gate(passage(&about, |policy| policy.ingress.as_ref(), peer, (port, &names))));
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
