//! What a network plugin does with emitted NetworkPolicies, by the v1 semantics.

use serde_json::Value;

use super::authorization::Pod;

fn selects(selector: &Value, app: &str) -> bool {
    let labels = selector["matchLabels"].as_object();
    labels.is_none_or(|labels| labels.iter().all(|(key, value)| key == "app" && value == app))
}

/// A pod is isolated in a direction when a policy of that direction selects it; then what one of them admits passes.
fn side(objects: &[Value], of: &Pod<'_>, peer: &Pod<'_>, port: u16, direction: &str) -> bool {
    let (list, peers) = if direction == "Ingress" { ("ingress", "from") } else { ("egress", "to") };
    let here = |object: &&Value| {
        object["kind"] == "NetworkPolicy"
            && object["metadata"]["namespace"] == of.namespace
            && selects(&object["spec"]["podSelector"], of.app)
            && object["spec"]["policyTypes"].as_array().unwrap().iter().any(|kind| kind == direction)
    };
    let policies: Vec<&Value> = objects.iter().filter(here).collect();
    let admits = |entry: &Value| {
        let named = entry.get("ports").and_then(Value::as_array);
        let on = |item: &Value| item["protocol"] == "TCP" && item["port"] == port;
        let known = entry.get(peers).and_then(Value::as_array);
        named.is_none_or(|ports| ports.iter().any(on))
            && known.is_none_or(|all| all.iter().any(|one| is_peer(one, peer)))
    };
    let mut entries = policies.iter().flat_map(|policy| policy["spec"][list].as_array().into_iter().flatten());
    policies.is_empty() || entries.any(admits)
}

/// An address block is taken to hold no pod.
fn is_peer(peer: &Value, pod: &Pod<'_>) -> bool {
    let Some(namespaces) = peer.get("namespaceSelector") else { return false };
    let name = namespaces["matchLabels"]["kubernetes.io/metadata.name"].as_str();
    name.is_none_or(|name| name == pod.namespace) && peer.get("podSelector").is_none_or(|pods| selects(pods, pod.app))
}

/// Tells whether the caller's side lets a connection out.
pub fn leaves(objects: &[Value], from: &Pod<'_>, to: &Pod<'_>, port: u16) -> bool {
    side(objects, from, to, port, "Egress")
}

/// Tells whether the other side lets it in.
pub fn enters(objects: &[Value], from: &Pod<'_>, to: &Pod<'_>, port: u16) -> bool {
    side(objects, to, from, port, "Ingress")
}
