//! Connections that no statement grants and every pod needs: probes, metrics, names, the control plane.

use std::collections::BTreeSet;

use crate::inventory::Labels;
use crate::ir::{Flow, Peer, Transport};
use crate::resolve::units::{MESH_PORTS, Unit};
use crate::resolve::world::Cluster;
use crate::spec::cluster::DataPlane;
use crate::spec::mandates::EgressMode;

/// The addresses ambient mode gives the kubelet's probes (istio.io: ambient/usage/networkpolicy).
const AMBIENT_PROBES: [&str; 2] = ["169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128"];
/// Where metrics are collected: those of workload and proxy together, and the proxy's own.
const METRICS: [u16; 2] = [MESH_PORTS[0], MESH_PORTS[2]];
/// istiod's port for certificates and configuration.
const CONTROL: u16 = 15012;

/// Returns what the data plane needs to be reached: probes and metrics.
pub(super) fn arriving(cluster: &Cluster<'_>, unit: &Unit<'_>) -> Vec<Flow> {
    let ports: Vec<u16> = unit.ports.keys().copied().collect();
    watched(cluster, unit.data_plane, &ports)
}

/// Returns what probes and metrics need of pods with these ports.
pub(in crate::lower) fn watched(cluster: &Cluster<'_>, plane: Option<DataPlane>, ports: &[u16]) -> Vec<Flow> {
    let spec = &cluster.document.spec;
    let tcp = |ports: &[u16]| ports.iter().map(|port| (Transport::Tcp, *port)).collect::<Vec<_>>();
    let mut flows = Vec::new();
    let nodes: BTreeSet<Peer> = spec.node_cidrs.iter().map(|net| Peer::Addresses(net.value.0)).collect();
    let probed = match plane {
        // The injector rewrites probes to 15020; readiness of the sidecar itself is on 15021.
        Some(DataPlane::Sidecar) => &[15020, 15021],
        _ => ports,
    };
    if !nodes.is_empty() && !probed.is_empty() {
        flows.push(Flow { ports: tcp(probed), peers: nodes });
    }
    if plane == Some(DataPlane::Ambient) {
        let probes = AMBIENT_PROBES.iter().filter_map(|net| net.parse().ok()).map(Peer::Addresses).collect();
        flows.push(Flow { ports: Vec::new(), peers: probes });
    }
    let scrapers: BTreeSet<Peer> = spec
        .scrapers
        .iter()
        .map(|namespace| Peer::Pods { namespace: namespace.value.0.clone(), labels: Labels::new() })
        .collect();
    if !scrapers.is_empty() && plane == Some(DataPlane::Sidecar) {
        flows.push(Flow { ports: tcp(&METRICS), peers: scrapers });
    }
    flows
}

/// Returns where names are looked up.
pub(in crate::lower) fn names(cluster: &Cluster<'_>) -> Flow {
    let dns = cluster.document.spec.dns.as_ref();
    let namespace = dns.map_or("kube-system", |dns| &dns.namespace.value.0);
    let labels: Labels =
        dns.map(|dns| dns.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()).unwrap_or_default();
    let port = dns.and_then(|dns| dns.port.as_ref()).and_then(|port| u16::try_from(port.value.0).ok()).unwrap_or(53);
    Flow {
        ports: vec![(Transport::Tcp, port), (Transport::Udp, port)],
        peers: [Peer::Pods { namespace: namespace.to_owned(), labels }].into(),
    }
}

/// Returns where a proxy gets certificates and configuration.
pub(in crate::lower) fn control(cluster: &Cluster<'_>) -> Flow {
    let root = Peer::Pods { namespace: cluster.root_namespace().to_owned(), labels: Labels::new() };
    Flow { ports: vec![(Transport::Tcp, CONTROL)], peers: [root].into() }
}

/// Returns what every workload needs to call: names, the control plane of its sidecar, and what it scrapes.
pub(super) fn leaving(cluster: &Cluster<'_>, unit: &Unit<'_>, egress: EgressMode) -> Vec<Flow> {
    let mut flows = vec![names(cluster)];
    if unit.data_plane == Some(DataPlane::Sidecar) {
        flows.push(control(cluster));
    }
    // Whoever scrapes finds its targets by itself, those of namespaces nobody governs among them.
    if cluster.document.spec.scrapers.iter().any(|namespace| namespace.value.0 == unit.namespace) {
        let ports = METRICS.iter().map(|port| (Transport::Tcp, *port)).collect();
        flows.push(Flow { ports, peers: [Peer::EveryPod].into() });
    }
    if egress == EgressMode::Any {
        flows.push(Flow { ports: Vec::new(), peers: BTreeSet::new() });
    }
    flows
}
