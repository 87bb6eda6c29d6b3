//! Random cases: few names, so that policies and connections meet. Half of them have no blocks that hold addresses of pods,
//! where the verifier has to be sure.

use serde_json::{Map, Value, json};

use crate::random::Random;

const NAMESPACES: [&str; 3] = ["shop", "pay", "ops"];
const PODS: [&str; 8] = ["shop/web", "shop/db", "shop/job", "pay/web", "pay/card", "ops/watch", "ops/web", "ops/bare"];
const PORTS: [u16; 5] = [80, 81, 90, 8080, 8081];
const OUTSIDE: [&str; 4] = ["203.0.113.9/32", "203.0.113.200/32", "198.51.100.1/32", "192.0.2.77/32"];
const BLOCKS: [&str; 5] = ["203.0.113.0/24", "203.0.113.128/25", "198.51.100.0/24", "192.0.2.64/26", "192.0.2.77/32"];
const POD_BLOCKS: [&str; 4] = ["0.0.0.0/0", "10.0.0.0/8", "10.0.1.0/24", "10.0.0.2/32"];

/// Makes a case with connections of every pod, and some addresses, to every pod.
pub(super) fn case(id: &str, random: &mut Random) -> Value {
    let mut pods = Map::new();
    for (number, name) in PODS.iter().enumerate() {
        let (namespace, app) = name.split_once('/').expect("a pod has a namespace");
        let mut labels = Map::new();
        if app != "bare" {
            labels.insert("app".to_owned(), app.into());
        }
        if random.chance(40) {
            labels.insert("tier".to_owned(), random.one(&["front", "back"]).into());
        }
        let ports = json!({ "http": random.one(&PORTS[..2]), "admin": random.one(&PORTS[2..]) });
        let third = NAMESPACES.iter().position(|known| *known == namespace).unwrap_or_default();
        let address = format!("10.0.{third}.{}", number + 1);
        pods.insert((*name).to_owned(), json!({ "labels": labels, "ports": ports, "address": address }));
    }
    let apart = random.chance(50);
    let blocks: Vec<&str> = if apart { BLOCKS.to_vec() } else { [&BLOCKS[..], &POD_BLOCKS].concat() };
    let cluster = random.chance(50);
    let count = 1 + random.below(7);
    let objects: Vec<Value> = (0..count)
        .map(|number| match (random.below(10), cluster) {
            (0..5, _) => network_policy(number, &blocks, random),
            (_, true) => tier_policy("ClusterNetworkPolicy", number, &blocks, random),
            (5..8, false) => tier_policy("AdminNetworkPolicy", number, &blocks, random),
            (_, false) => tier_policy("BaselineAdminNetworkPolicy", number, &blocks, random),
        })
        .collect();
    let mut connections = Vec::new();
    for to in PODS {
        for from in PODS.iter().chain(&OUTSIDE).filter(|from| **from != to) {
            connections.push(json!({ "from": from, "to": to, "port": random.one(&PORTS) }));
        }
    }
    json!({
        "id": id,
        "facts": { "podCidrs": ["10.0.0.0/22"] },
        "namespaces": { "shop": { "team": "shop", "live": "yes" }, "pay": { "team": "pay", "live": "yes" }, "ops": {} },
        "pods": pods,
        "objects": objects,
        "connections": connections,
    })
}

fn selector(keys: &[(&str, &[&str])], random: &mut Random) -> Value {
    let mut written = Map::new();
    if random.chance(60) {
        let (key, values) = random.one(keys);
        written.insert("matchLabels".to_owned(), json!({ key: random.one(values) }));
    }
    if random.chance(25) {
        let (key, values) = random.one(keys);
        let expression = match random.below(4) {
            0 => json!({ "key": key, "operator": "In", "values": random.some(values, 2) }),
            1 => json!({ "key": key, "operator": "NotIn", "values": random.some(values, 2) }),
            2 => json!({ "key": key, "operator": "Exists" }),
            _ => json!({ "key": key, "operator": "DoesNotExist" }),
        };
        written.insert("matchExpressions".to_owned(), json!([expression]));
    }
    written.into()
}

fn pods(random: &mut Random) -> Value {
    selector(&[("app", &["web", "db", "card", "job", "watch"]), ("tier", &["front", "back"])], random)
}

fn namespaces(random: &mut Random) -> Value {
    selector(&[("team", &["shop", "pay"]), ("live", &["yes"]), ("kubernetes.io/metadata.name", &NAMESPACES)], random)
}

/// Makes up to three of something; none as often as one.
fn some(random: &mut Random, make: impl Fn(&mut Random) -> Value) -> Vec<Value> {
    let count = random.below(4);
    (0..count).map(|_| make(random)).collect()
}

fn network_policy(number: usize, blocks: &[&str], random: &mut Random) -> Value {
    let mut spec = Map::new();
    spec.insert("podSelector".to_owned(), pods(random));
    match random.below(4) {
        0 => _ = spec.insert("policyTypes".to_owned(), json!(["Ingress"])),
        1 => _ = spec.insert("policyTypes".to_owned(), json!(["Egress"])),
        2 => _ = spec.insert("policyTypes".to_owned(), json!(["Ingress", "Egress"])),
        _ => {}
    }
    for (direction, end) in [("ingress", "from"), ("egress", "to")] {
        if random.chance(75) {
            let rules = some(random, |random| {
                let mut rule = Map::new();
                if random.chance(85) {
                    rule.insert(end.to_owned(), some(random, |random| peer(blocks, random)).into());
                }
                if random.chance(50) {
                    rule.insert("ports".to_owned(), some(random, port).into());
                }
                rule.into()
            });
            spec.insert(direction.to_owned(), rules.into());
        }
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": { "name": format!("p{number}"), "namespace": random.one(&NAMESPACES) },
        "spec": spec,
    })
}

fn peer(blocks: &[&str], random: &mut Random) -> Value {
    match random.below(4) {
        0 => json!({ "podSelector": pods(random) }),
        1 => json!({ "namespaceSelector": namespaces(random) }),
        2 => json!({ "namespaceSelector": namespaces(random), "podSelector": pods(random) }),
        _ => {
            let cidr = random.one(blocks);
            let except = match cidr {
                "203.0.113.0/24" if random.chance(60) => json!(["203.0.113.128/25"]),
                "192.0.2.64/26" if random.chance(60) => json!(["192.0.2.77/32"]),
                _ => json!([]),
            };
            json!({ "ipBlock": { "cidr": cidr, "except": except } })
        }
    }
}

fn port(random: &mut Random) -> Value {
    match random.below(6) {
        0 => json!({ "protocol": random.one(&["TCP", "UDP"]) }),
        1 => json!({ "port": random.one(&["http", "admin"]) }),
        2 => json!({ "port": 80, "endPort": random.one(&[80, 81, 90]) }),
        3 => json!({ "port": random.one(&PORTS), "protocol": "UDP" }),
        _ => json!({ "port": random.one(&PORTS) }),
    }
}

fn tier_policy(kind: &str, number: usize, blocks: &[&str], random: &mut Random) -> Value {
    let mut spec = Map::new();
    let cluster = kind == "ClusterNetworkPolicy";
    let baseline = kind == "BaselineAdminNetworkPolicy";
    if cluster {
        spec.insert("tier".to_owned(), random.one(&["Admin", "Admin", "Baseline"]).into());
    }
    if !baseline {
        spec.insert("priority".to_owned(), random.one(&[0, 1, 2, 30, 1000]).into());
    }
    spec.insert("subject".to_owned(), selected(random));
    for (direction, end) in [("ingress", "from"), ("egress", "to")] {
        let rules = some(random, |random| {
            let allow = if cluster { "Accept" } else { "Allow" };
            let action = match random.below(if baseline { 2 } else { 3 }) {
                0 => allow,
                1 => "Deny",
                _ => "Pass",
            };
            let mut rule = json!({ "action": action });
            let count = 1 + random.below(2);
            let peers: Vec<Value> = (0..count)
                .map(|_| match end {
                    "to" if random.chance(25) => json!({ "networks": [random.one(blocks)] }),
                    _ => selected(random),
                })
                .collect();
            rule[end] = peers.into();
            if random.chance(40) {
                rule[if cluster { "protocols" } else { "ports" }] = json!([tier_port(cluster, random)]);
            }
            rule
        });
        spec.insert(direction.to_owned(), rules.into());
    }
    json!({
        "apiVersion": if cluster { "policy.networking.k8s.io/v1alpha2" } else { "policy.networking.k8s.io/v1alpha1" },
        "kind": kind,
        "metadata": { "name": format!("p{number}") },
        "spec": spec,
    })
}

fn selected(random: &mut Random) -> Value {
    if random.chance(50) {
        json!({ "namespaces": namespaces(random) })
    } else {
        json!({ "pods": { "namespaceSelector": namespaces(random), "podSelector": pods(random) } })
    }
}

fn tier_port(cluster: bool, random: &mut Random) -> Value {
    let number = random.one(&PORTS);
    match (random.below(4), cluster) {
        (0, true) => json!({ "destinationNamedPort": random.one(&["http", "admin"]) }),
        (1, true) => json!({ "tcp": { "destinationPort": { "range": { "start": 80, "end": 90 } } } }),
        (2, true) => json!({ "udp": { "destinationPort": { "number": number } } }),
        (_, true) => json!({ "tcp": { "destinationPort": { "number": number } } }),
        (0, false) => json!({ "namedPort": random.one(&["http", "admin"]) }),
        (1, false) => json!({ "portRange": { "start": 80, "end": 90 } }),
        (2, false) => json!({ "portNumber": { "protocol": "UDP", "port": number } }),
        (_, false) => json!({ "portNumber": { "protocol": "TCP", "port": number } }),
    }
}
