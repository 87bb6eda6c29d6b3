//! What leaves the mesh: ServiceEntry and DestinationRule for each host; for those behind a gateway its Gateway, the
//! VirtualService that leads there, one ALLOW and a NetworkPolicy.
//!
//! In objects of Istio for either flavor: nothing of the Gateway API ends the mesh's mTLS and hands bare connections on.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::object::{Kind, Object, Stage, fields, labels};
use super::{authorization, istio_routing, network_policy};
use crate::inventory::Labels;
use crate::ir::{ClusterPlan, EgressDoor, EgressGatewayPlan, EgressPlan, EgressPortPlan};
use crate::lower::DOOR;
use crate::spec::egress::EgressProtocol;

const SERVICE_ENTRY: Kind = Kind("networking.istio.io/v1", "ServiceEntry");

/// Where proxies find the authorities that everybody trusts.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

pub(super) fn emit(plan: &ClusterPlan, objects: &mut Vec<Object>) {
    for host in &plan.egresses {
        match &host.via {
            None => direct(host, objects),
            Some(door) => led(host, door, objects),
        }
    }
    for gateway in &plan.egress_gateways {
        let through: Vec<&EgressPlan> =
            plan.egresses.iter().filter(|host| host.via.as_ref() == Some(&gateway.door)).collect();
        door(gateway, &through, objects);
    }
}

/// Writes a host for each namespace that calls it by itself, so that nobody else sees it.
fn direct(host: &EgressPlan, objects: &mut Vec<Object>) {
    let name = object_name(host);
    for (namespace, callers) in &host.callers {
        let entry = service_entry(host, &BTreeSet::from(["."]));
        let origins = host.origins.clone();
        objects.push(Object::new(Stage::Traffic, &SERVICE_ENTRY, namespace, name.clone(), entry, origins.clone()));
        let kind = &istio_routing::DESTINATION_RULE;
        match &host.originates {
            None => {}
            Some(None) => {
                let spec = origination(host, None);
                objects.push(Object::new(Stage::Traffic, kind, namespace, name.clone(), spec, origins));
            }
            // A sidecar reads a Secret only for a rule that selects its workload.
            Some(Some(_)) => {
                for (unit, pods) in callers {
                    let spec = origination(host, Some(pods));
                    let name = format!("{name}.{unit}");
                    objects.push(Object::new(Stage::Traffic, kind, namespace, name, spec, origins.clone()));
                }
            }
        }
    }
}

/// Writes a host behind a gateway, in the gateway's namespace: seen there and by those who call it.
fn led(host: &EgressPlan, door: &EgressDoor, objects: &mut Vec<Object>) {
    let name = object_name(host);
    let seen: BTreeSet<&str> = std::iter::once(".").chain(host.callers.keys().map(String::as_str)).collect();
    let mut add = |kind: &Kind, spec: Value| {
        objects.push(Object::new(Stage::Traffic, kind, &door.namespace, name.clone(), spec, host.origins.clone()));
    };
    add(&SERVICE_ENTRY, service_entry(host, &seen));
    if host.originates.is_some() {
        add(&istio_routing::DESTINATION_RULE, origination(host, None));
    }
    if let Some(port) = host.ports.first() {
        add(&istio_routing::VIRTUAL_SERVICE, way(host, door, *port, &seen));
    }
}

fn object_name(host: &EgressPlan) -> String {
    format!("ringfence-egress-{}", slug(&host.host))
}

/// Returns a host as part of a name: no host is called like a wildcard.
fn slug(host: &str) -> String {
    host.replacen("*.", "below-", 1)
}

fn service_entry(host: &EgressPlan, seen: &BTreeSet<&str>) -> Value {
    let port = |port: &EgressPortPlan| {
        let protocol = match port.protocol {
            EgressProtocol::Http => "HTTP",
            EgressProtocol::Https => "HTTPS",
            EgressProtocol::Tls => "TLS",
            EgressProtocol::Tcp => "TCP",
        };
        let mut written = Map::new();
        written.insert("number".to_owned(), port.number.into());
        written.insert("name".to_owned(), format!("{}-{}", port.protocol.word(), port.number).into());
        written.insert("protocol".to_owned(), protocol.into());
        if port.outside != port.number {
            written.insert("targetPort".to_owned(), port.outside.into());
        }
        Value::from(written)
    };
    let mut spec = Map::new();
    spec.insert("hosts".to_owned(), json!([host.host]));
    if !host.addresses.is_empty() {
        spec.insert("addresses".to_owned(), host.addresses.iter().map(address).collect());
    }
    spec.insert("exportTo".to_owned(), json!(seen));
    spec.insert("location".to_owned(), "MESH_EXTERNAL".into());
    spec.insert("ports".to_owned(), host.ports.iter().map(port).collect());
    // A wildcard is no name to look up, and nothing is looked up for a range of addresses.
    let named = !host.host.starts_with("*.") && host.addresses.iter().all(is_single);
    spec.insert("resolution".to_owned(), if named { "DNS" } else { "NONE" }.into());
    spec.into()
}

fn is_single(net: &IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}

fn address(net: &IpNet) -> Value {
    if is_single(net) { net.addr().to_string().into() } else { net.to_string().into() }
}

/// Writes how TLS begins on the way to a host.
fn origination(host: &EgressPlan, pods: Option<&Labels>) -> Value {
    let port = |port: &EgressPortPlan| {
        let mut tls = Map::new();
        let secret = host.originates.as_ref().and_then(Option::as_ref);
        tls.insert("mode".to_owned(), if secret.is_some() { "MUTUAL" } else { "SIMPLE" }.into());
        match secret {
            // The authorities are beside certificate and key.
            Some(secret) => tls.insert("credentialName".to_owned(), secret.clone().into()),
            None => tls.insert("caCertificates".to_owned(), AUTHORITIES.into()),
        };
        tls.insert("sni".to_owned(), host.host.clone().into());
        tls.insert("subjectAltNames".to_owned(), json!([host.host]));
        json!({ "port": { "number": port.number }, "tls": tls })
    };
    let ports: Vec<Value> = host.ports.iter().map(port).collect();
    let mut spec = Map::new();
    spec.insert("host".to_owned(), host.host.clone().into());
    spec.insert("exportTo".to_owned(), json!(["."]));
    spec.insert("trafficPolicy".to_owned(), json!({ "portLevelSettings": ports }));
    if let Some(pods) = pods {
        spec.insert("workloadSelector".to_owned(), json!({ "matchLabels": labels(pods) }));
    }
    spec.into()
}

/// Returns the name of a gateway's object.
fn gateway_name(door: &EgressDoor) -> String {
    format!("ringfence-{}", door.name).to_lowercase()
}

/// Writes the way of a host: from sidecars to the gateway, and from there on.
fn way(host: &EgressPlan, door: &EgressDoor, port: EgressPortPlan, seen: &BTreeSet<&str>) -> Value {
    let gateway = format!("{}/{}", door.namespace, gateway_name(door));
    let in_mesh = json!([{ "destination": {
        "host": door.host(), "subset": subset_name(&host.host), "port": { "number": DOOR },
    } }]);
    let onward = json!([{ "destination": { "host": host.host, "port": { "number": port.number } } }]);
    let mut spec = Map::new();
    spec.insert("hosts".to_owned(), json!([host.host]));
    spec.insert("gateways".to_owned(), json!(["mesh", gateway]));
    spec.insert("exportTo".to_owned(), json!(seen));
    let at_gateway = json!([{ "gateways": [gateway], "port": DOOR }]);
    let first = json!([{ "gateways": ["mesh"], "port": port.number }]);
    match port.protocol {
        EgressProtocol::Http => {
            let rules = json!([{ "match": first, "route": in_mesh }, { "match": at_gateway, "route": onward }]);
            spec.insert("http".to_owned(), rules);
        }
        EgressProtocol::Https | EgressProtocol::Tls => {
            let matched = json!([{ "gateways": ["mesh"], "port": port.number, "sniHosts": [host.host] }]);
            spec.insert("tls".to_owned(), json!([{ "match": matched, "route": in_mesh }]));
            spec.insert("tcp".to_owned(), json!([{ "match": at_gateway, "route": onward }]));
        }
        EgressProtocol::Tcp => {
            let rules = json!([{ "match": first, "route": in_mesh }, { "match": at_gateway, "route": onward }]);
            spec.insert("tcp".to_owned(), rules);
        }
    }
    spec.into()
}

/// Writes a gateway: what it listens for, how it is called, whom it admits.
fn door(plan: &EgressGatewayPlan, through: &[&EgressPlan], objects: &mut Vec<Object>) {
    let (door, origins) = (&plan.door, &plan.origins);
    let name = gateway_name(door);
    let servers: Vec<Value> = through.iter().map(|host| server(host)).collect();
    let spec = fields([("selector", labels(&plan.labels)), ("servers", servers.into())]);
    let kind = &istio_routing::GATEWAY;
    objects.push(Object::new(Stage::Gateways, kind, &door.namespace, name, spec, origins.clone()));

    let subsets: Vec<Value> = through.iter().map(|host| subset(&host.host)).collect();
    let callers = through.iter().flat_map(|host| host.callers.keys().map(String::as_str));
    let seen: BTreeSet<&str> = std::iter::once(".").chain(callers).collect();
    let spec = json!({ "host": door.host(), "exportTo": seen, "subsets": subsets });
    let name = format!("ringfence-gateway-{}", door.name).to_lowercase();
    let kind = &istio_routing::DESTINATION_RULE;
    objects.push(Object::new(Stage::Traffic, kind, &door.namespace, name, spec, origins.clone()));

    let name = format!("ringfence-egress-{}", door.name).to_lowercase();
    for (part, rules) in plan.rules.chunks(authorization::MOST_RULES).enumerate() {
        let spec = fields([
            ("selector", json!({ "matchLabels": labels(&plan.labels) })),
            ("action", "ALLOW".into()),
            ("rules", rules.iter().map(authorization::rule).collect()),
        ]);
        let name = if part == 0 { name.clone() } else { format!("{name}.{}", part + 1) };
        let because = rules.iter().flat_map(|rule| rule.origins.iter().cloned()).collect();
        let mut object = Object::new(Stage::Allow, &authorization::KIND, &door.namespace, name, spec, because);
        // Without it the gateway lets everybody out.
        object.keep = true;
        objects.push(object);
    }
    if let Some(network) = &plan.network {
        let spec = network_policy::spec(&plan.labels, network);
        let mut object = Object::new(Stage::Allow, &network_policy::KIND, &door.namespace, name, spec, origins.clone());
        object.keep = true;
        objects.push(object);
    }
}

/// Writes what a gateway listens for: connections of the mesh for one host, told by the name in their handshake.
fn server(host: &EgressPlan) -> Value {
    let http = host.ports.iter().all(|port| port.protocol == EgressProtocol::Http);
    let word = if http { "https" } else { "tls" };
    let name = format!("{word}-{}", host.host);
    json!({
        "name": name,
        "port": { "number": DOOR, "name": name, "protocol": word.to_uppercase() },
        "hosts": [format!("./{}", host.host)],
        "tls": { "mode": "ISTIO_MUTUAL" },
    })
}

/// The longest name of a subset: it is a label.
const LONGEST: usize = 63;

/// Returns the name of a host's subset, which has no dot: one dash for it, two for a dash.
fn subset_name(host: &str) -> String {
    let name = host.replace('-', "--").replace('.', "-");
    if name.len() <= LONGEST {
        return name;
    }
    // What is cut off is told apart by its checksum (FNV-1a).
    let sum = host
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let kept: String = name.chars().take(LONGEST - 17).collect();
    format!("{kept}-{sum:016x}")
}

/// Writes how sidecars call a gateway for one host.
fn subset(host: &str) -> Value {
    let tls = json!({ "mode": "ISTIO_MUTUAL", "sni": host });
    json!({
        "name": subset_name(host),
        "trafficPolicy": { "portLevelSettings": [{ "port": { "number": DOOR }, "tls": tls }] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_of_two_hosts_have_two_names_that_are_labels() {
        assert_eq!(subset_name("api.cards.example"), "api-cards-example");
        assert_ne!(subset_name("a-b.c"), subset_name("a.b-c"));
        let long = format!("{}.example", "a".repeat(60));
        let (one, other) = (subset_name(&long), subset_name(&format!("b.{long}")));
        assert!(one != other && one.len() <= LONGEST && other.len() <= LONGEST);
    }
}
