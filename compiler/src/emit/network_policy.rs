//! NetworkPolicy: connections between pods, and a default deny for the namespace.

use serde_json::{Map, Value, json};

use super::object::{Kind, Object, Stage, fields, labels};
use crate::inventory::Labels;
use crate::ir::{Flow, NamespacePlan, NetworkPlan, Origins, Peer, Transport};

pub(super) const KIND: Kind = Kind("networking.k8s.io/v1", "NetworkPolicy");

pub(super) fn emit(namespace: &NamespacePlan, objects: &mut Vec<Object>) {
    if !namespace.network_policy {
        return;
    }
    for unit in &namespace.units {
        let Some(network) = &unit.network else { continue };
        let spec = spec(&unit.selector, network);
        let mut origins = network.origins.clone();
        origins.insert(unit.origin.clone());
        objects.push(Object::of_unit(Stage::Allow, &KIND, namespace, unit, spec, origins));
    }
    let origins: Origins = [namespace.origin.clone()].into();
    let spec = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
    let mut object =
        Object::new(Stage::DefaultDeny, &KIND, &namespace.name, "ringfence-default-deny".to_owned(), spec, origins);
    object.keep = true;
    objects.push(object);
}

/// Returns the whole of a policy for the pods with these labels.
pub(super) fn spec(pods: &Labels, network: &NetworkPlan) -> Value {
    let entries = |flows: &[Flow], side| flows.iter().map(|flow| entry(flow, side)).collect::<Value>();
    fields([
        ("podSelector", fields([("matchLabels", labels(pods))])),
        ("policyTypes", json!(["Ingress", "Egress"])),
        ("ingress", entries(&network.ingress, "from")),
        ("egress", entries(&network.egress, "to")),
    ])
}

fn entry(flow: &Flow, side: &str) -> Value {
    let mut entry = Map::new();
    if !flow.peers.is_empty() {
        entry.insert(side.to_owned(), flow.peers.iter().map(peer).collect());
    }
    if !flow.ports.is_empty() {
        let port = |(transport, port): &(Transport, u16)| {
            let protocol = match transport {
                Transport::Tcp => "TCP",
                Transport::Udp => "UDP",
            };
            fields([("protocol", protocol.into()), ("port", (*port).into())])
        };
        entry.insert("ports".to_owned(), flow.ports.iter().map(port).collect());
    }
    entry.into()
}

fn peer(peer: &Peer) -> Value {
    match peer {
        // INVARIANT: lowering leaves the peers of such a flow empty, which means the same.
        Peer::Anywhere => json!({}),
        Peer::EveryPod => json!({ "namespaceSelector": {} }),
        Peer::Pods { namespace, labels: pods } => {
            let name = fields([("kubernetes.io/metadata.name", namespace.as_str().into())]);
            let namespace = ("namespaceSelector", fields([("matchLabels", name)]));
            if pods.is_empty() {
                fields([namespace])
            } else {
                fields([namespace, ("podSelector", fields([("matchLabels", labels(pods))]))])
            }
        }
        Peer::Addresses(net) => json!({ "ipBlock": { "cidr": net.to_string() } }),
        Peer::AddressesBut(net, except) if except.is_empty() => json!({ "ipBlock": { "cidr": net.to_string() } }),
        Peer::AddressesBut(net, except) => {
            let except: Vec<String> = except.iter().map(ToString::to_string).collect();
            json!({ "ipBlock": { "cidr": net.to_string(), "except": except } })
        }
    }
}
