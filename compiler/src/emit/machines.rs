//! Machines outside Kubernetes: WorkloadEntry for each address, WorkloadGroup for those that register themselves, and the
//! ServiceEntry by which callers find them.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::istio_routing::DESTINATION_RULE;
use super::object::{Kind, Object, Stage, fields, labels};
use crate::inventory::PROXY;
use crate::ir::{MachinePlan, NamespacePlan};
use crate::spec::service::Protocol;

const WORKLOAD_ENTRY: Kind = Kind("networking.istio.io/v1", "WorkloadEntry");
const WORKLOAD_GROUP: Kind = Kind("networking.istio.io/v1", "WorkloadGroup");
const SERVICE_ENTRY: Kind = Kind("networking.istio.io/v1", "ServiceEntry");

/// The label that says whether callers speak mTLS to an endpoint.
const TLS_MODE: &str = "security.istio.io/tlsMode";

pub(super) fn emit(namespace: &NamespacePlan, objects: &mut Vec<Object>) {
    for machine in &namespace.machines {
        let mut add = |kind: &Kind, name: String, spec: Value| {
            let mut object = Object::new(Stage::Traffic, kind, &namespace.name, name, spec, machine.origins.clone());
            if kind.1 == WORKLOAD_ENTRY.1 {
                object.annotation(PROXY, machine.proxy.to_string());
            }
            objects.push(object);
        };
        let (single, blocks): (Vec<&IpNet>, Vec<&IpNet>) = machine.addresses.iter().partition(|net| is_single(net));
        for net in &single {
            let mut entry = template(machine);
            entry.insert("address".to_owned(), net.addr().to_string().into());
            let name = match single.len() {
                1 => machine.name.clone(),
                _ => format!("{}-{}", machine.name, net.addr().to_string().replace(['.', ':'], "-").trim_matches('-')),
            };
            add(&WORKLOAD_ENTRY, name, entry.into());
        }
        if !blocks.is_empty() {
            let mut template = template(machine);
            template.remove("labels");
            let spec =
                fields([("metadata", fields([("labels", labels(&machine.labels))])), ("template", template.into())]);
            add(&WORKLOAD_GROUP, machine.name.clone(), spec);
        }
        add(&SERVICE_ENTRY, format!("ringfence-{}", machine.name), service_entry(machine));
        if !machine.proxy {
            // Nothing ends mTLS there, so that callers must not begin it.
            let spec = json!({
                "host": machine.host,
                "exportTo": seen_by(machine),
                "trafficPolicy": { "tls": { "mode": "DISABLE" } },
            });
            add(&DESTINATION_RULE, format!("ringfence-{}", machine.name), spec);
        }
    }
}

/// Writes what every machine has in common.
fn template(machine: &MachinePlan) -> Map<String, Value> {
    let mut template = Map::new();
    let mut worn = labels(&machine.labels);
    if let (false, Some(worn)) = (machine.proxy, worn.as_object_mut()) {
        worn.insert(TLS_MODE.to_owned(), "disabled".into());
    }
    template.insert("labels".to_owned(), worn);
    let ports = machine.ports.iter().map(|(number, name, _)| (name.clone(), Value::from(*number)));
    template.insert("ports".to_owned(), ports.collect::<Map<_, _>>().into());
    if let Some(network) = &machine.network {
        template.insert("network".to_owned(), network.as_str().into());
    }
    if machine.proxy {
        template.insert("serviceAccount".to_owned(), machine.service_account.as_str().into());
    }
    template
}

fn service_entry(machine: &MachinePlan) -> Value {
    let port = |(number, name, protocol): &(u16, String, Protocol)| {
        let spoken = match protocol {
            Protocol::Http => "HTTP",
            Protocol::Http2 => "HTTP2",
            Protocol::Grpc => "GRPC",
            Protocol::Tls => "TLS",
            Protocol::Tcp => "TCP",
        };
        json!({ "number": number, "name": name, "protocol": spoken })
    };
    let address = |net: &IpNet| if is_single(net) { net.addr().to_string() } else { net.to_string() };
    fields([
        ("hosts", json!([machine.host])),
        ("addresses", machine.addresses.iter().map(address).collect::<Vec<_>>().into()),
        ("exportTo", seen_by(machine)),
        ("location", "MESH_INTERNAL".into()),
        ("ports", machine.ports.iter().map(port).collect()),
        ("resolution", "STATIC".into()),
        ("workloadSelector", fields([("labels", labels(&machine.labels))])),
    ])
}

/// Returns who is told of them: their own namespace, and those that call.
fn seen_by(machine: &MachinePlan) -> Value {
    match &machine.seen_by {
        None => json!(["*"]),
        Some(callers) => std::iter::once(".").chain(callers.iter().map(String::as_str)).collect(),
    }
}

fn is_single(net: &IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}
