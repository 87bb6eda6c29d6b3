//! The NetworkPolicies at both ends of a connection.
//!
//! In: a caller and a port. Out: what leaves and what arrives, each with the rule that decides, or the one that nearly does.

use ipnet::IpNet;
use ringfence_compiler::inventory::{Labels, Workload};

use super::nearest::one_of;
use super::{Caller, Cited, Decider, Failure, Gate, Miss};
use crate::kubernetes::network_policy::{NetworkPolicy, Passage, Peer, Rule, nearly, passage};
use crate::model::Model;

/// One direction of a policy's rules.
type Direction = fn(&NetworkPolicy) -> Option<&Vec<Rule>>;

/// What is asked of policies at one end.
struct End<'e, 'a> {
    about: &'e [&'a NetworkPolicy],
    direction: Direction,
    server: (u16, &'e [String]),
    /// Whether the rule that nearly lets it pass is looked for.
    full: bool,
}

/// Asks the NetworkPolicies at both ends.
pub(super) fn gates<'a>(
    model: &Model<'a>,
    caller: Caller<'a>,
    to: &'a Workload,
    port: u16,
    full: bool,
) -> (Gate<'a>, Gate<'a>) {
    let policies = model.policies();
    let blocks: Vec<IpNet> = model.cluster().document.spec.pod_cidrs.iter().map(|block| block.value.0).collect();
    let names = model.names_of(to, port);
    let server = (port, names.as_slice());
    // The network plugin does not know the pods of the node's own network from the node.
    let unsure = |workload: &Workload, gate: Gate<'a>| match gate {
        Gate::Shut(decider) if workload.host_network => Gate::Unsure(decider),
        gate => gate,
    };
    let labels_of_target = model.namespace_labels(&to.namespace);
    let egress = match caller {
        Caller::Outside(_) | Caller::Stranger(_) => Gate::Open(Decider::Nobody),
        Caller::Workload(from) => {
            let about = policies.network_at(&from.namespace, &from.labels);
            let peer = Peer::Pod {
                namespace: &to.namespace,
                namespace_labels: &labels_of_target,
                labels: &to.labels,
                blocks: &blocks,
            };
            let end = End { about: &about, direction: |policy| policy.egress.as_ref(), server, full };
            unsure(from, end.gate(peer))
        }
    };
    let about = policies.network_at(&to.namespace, &to.labels);
    let end = End { about: &about, direction: |policy| policy.ingress.as_ref(), server, full };
    let ingress = |peer| unsure(to, end.gate(peer));
    let ingress = match caller {
        Caller::Outside(block) => ingress(Peer::Outside(block)),
        Caller::Stranger(stranger) => {
            let namespace = &stranger.identity.namespace;
            let (unlabelled, of_namespace) = (Labels::new(), model.namespace_labels(namespace));
            let labels = stranger.labels.as_ref().unwrap_or(&unlabelled);
            match ingress(Peer::Pod { namespace, namespace_labels: &of_namespace, labels, blocks: &blocks }) {
                // Labels that nobody knows may be those that are asked for.
                Gate::Shut(decider) if stranger.labels.is_none() => Gate::Unsure(decider),
                gate => gate,
            }
        }
        Caller::Workload(from) => {
            let labels = model.namespace_labels(&from.namespace);
            let peer = Peer::Pod {
                namespace: &from.namespace,
                namespace_labels: &labels,
                labels: &from.labels,
                blocks: &blocks,
            };
            unsure(from, ingress(peer))
        }
    };
    (egress, ingress)
}

impl<'a> End<'_, 'a> {
    fn gate(&self, peer: Peer<'_>) -> Gate<'a> {
        match passage(self.about, self.direction, peer, self.server) {
            Passage::Unguarded => Gate::Open(Decider::Nobody),
            Passage::Passes(policy, span) => Gate::Open(Decider::Rule(Cited { span, ..Cited::network(policy) })),
            Passage::Perhaps(policy, span) => Gate::Unsure(Decider::Rule(Cited { span, ..Cited::network(policy) })),
            Passage::Refused => {
                let about = self.about.iter().filter(|policy| (self.direction)(policy).is_some());
                let about = about.map(|policy| Cited::network(policy)).collect();
                let nearest = if self.full { self.nearest(peer) } else { None };
                Gate::Shut(Decider::NoRule { about, nearest })
            }
        }
    }

    /// Finds the rule that fits the peer and not the port, or else the port and not the peer.
    fn nearest(&self, peer: Peer<'_>) -> Option<Miss<Cited<'a>>> {
        let (policy, rule, fits_peer) = nearly(self.about, self.direction, peer, self.server)?;
        let join = |words: Vec<String>| one_of(&words);
        let failure = if fits_peer {
            let ports = join(rule.ports.iter().map(ToString::to_string).collect());
            Failure { attribute: "port".to_owned(), wants: ports, has: Some(self.server.0.to_string()) }
        } else {
            let peers = join(rule.peers.iter().map(|peer| peer.words(&policy.namespace)).collect());
            Failure { attribute: "peer".to_owned(), wants: peers, has: None }
        };
        let rule = Cited { span: rule.span, ..Cited::network(policy) };
        Some(Miss { rule, admits: None, fails: vec![failure] })
    }
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
