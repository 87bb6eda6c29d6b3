//! Machines outside Kubernetes that take part in the mesh.
//!
//! In: WorkloadEntry, WorkloadGroup and the ServiceEntries that stand before them, or a VirtualMachine of the policy tree. Out:
//! workloads without pods. Whether a proxy stands before a machine no entry tells by itself: it is known of machines that
//! registered themselves, which only a proxy does, and of those that policy describes.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::manifests::{Object, labels};
use super::service::{self, KubernetesService, ServicePort};
use super::workload::{ContainerPort, Workload};
use super::{ClusterInventory, Labels};
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::Document;
use crate::source::Spanned;
use crate::spec::access::Port;
use crate::spec::virtual_machine::VirtualMachineSpec;
use crate::yaml::{Node, Value};

/// What is known of machines outside Kubernetes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Their addresses; empty where nobody says.
    pub addresses: BTreeSet<IpNet>,
    /// Whether a proxy stands before each; `None` where no file tells.
    pub proxy: Option<bool>,
}

/// The annotation of an entry that a machine made when it registered itself (istio/istio
/// `pilot/pkg/autoregistration/controller.go`).
const REGISTERED: &str = "istio.io/autoRegistrationGroup";

/// What we write at entries that we emit, and whoever writes one by hand may: whether a proxy stands before the machine.
pub(crate) const PROXY: &str = "ringfence/proxy";

/// The kinds of machines in a dump of a cluster.
const KINDS: [&str; 2] = ["WorkloadEntry", "WorkloadGroup"];

/// Reads a WorkloadEntry or a WorkloadGroup.
pub(super) fn read(object: &Object<'_>, diagnostics: &mut Diagnostics) -> Result<Workload, Reported> {
    let spec = object.root.get("spec");
    let metadata = object.root.get("metadata");
    let of_group = object.kind == "WorkloadGroup";
    let entry = if of_group { spec.and_then(|spec| spec.get("template")) } else { spec };
    let mut worn = labels(entry.and_then(|entry| entry.get("labels")), diagnostics)?;
    if of_group {
        worn.extend(labels(spec.and_then(|spec| spec.get("metadata")?.get("labels")), diagnostics)?);
    } else if worn.is_empty() {
        worn = labels(metadata.and_then(|metadata| metadata.get("labels")), diagnostics)?;
    }
    let text = |name: &str| entry.and_then(|entry| entry.get(name)?.as_str()).filter(|text| !text.is_empty());
    let annotation = |key: &str| metadata.and_then(|metadata| metadata.get("annotations")?.get(key)?.as_str());
    let proxy = match annotation(PROXY) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => (of_group || annotation(REGISTERED).is_some()).then_some(true),
    };
    let address = text("address").filter(|_| !of_group).and_then(|address| address.parse::<IpAddr>().ok());
    let ports = entry.and_then(|entry| entry.get("ports")).and_then(Node::as_mapping);
    let ports = ports.into_iter().flat_map(|ports| ports.entries());
    let port = |entry: &crate::yaml::Entry| {
        Some(ContainerPort { number: service::number(&entry.value)?, name: Some(entry.key.value.clone()) })
    };
    Ok(Workload {
        ports: ports.filter_map(port).collect(),
        machine: Some(Machine { addresses: address.into_iter().map(IpNet::from).collect(), proxy }),
        ..workload(object.kind, &object.namespace, object.name, worn, text("serviceAccount").unwrap_or("default"), {
            metadata.and_then(|metadata| metadata.get("name")).map_or(object.span, |name| name.span)
        })
    })
}

fn workload(
    kind: &str,
    namespace: &str,
    name: &str,
    labels: Labels,
    account: &str,
    span: crate::source::Span,
) -> Workload {
    Workload {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        labels,
        service_account: account.to_owned(),
        ports: Vec::new(),
        host_network: false,
        injection: None,
        proxy: None,
        is_marked: false,
        bypasses: Vec::new(),
        machine: None,
        span,
    }
}

/// Tells whether a ServiceEntry stands before workloads of the mesh rather than hosts outside.
pub(super) fn is_inside(root: &Node) -> bool {
    let selector = root.get("spec").and_then(|spec| spec.get("workloadSelector"));
    selector.is_some_and(|selector| selector.value != Value::Null)
}

/// Reads a ServiceEntry that stands before workloads of its namespace.
pub(super) fn entry(object: &Object<'_>, diagnostics: &mut Diagnostics) -> Result<KubernetesService, Reported> {
    let spec = object.root.get("spec");
    let selector = spec.and_then(|spec| spec.get("workloadSelector")?.get("labels"));
    let ports = spec.and_then(|spec| spec.get("ports")).and_then(Node::as_sequence).unwrap_or_default();
    let port = |node: &Node| {
        let number = service::number(node.get("number")?)?;
        let target = node.get("targetPort").and_then(service::number).unwrap_or(number);
        let said = node.get("protocol");
        let protocol = said.and_then(Node::as_str).and_then(|word| service::by_word(&word.to_ascii_lowercase()));
        let protocol = protocol.zip(said).map(|(protocol, said)| Spanned::new(protocol, said.span));
        Some(ServicePort { port: number, target: Port::Number(target), protocol })
    };
    let metadata = object.root.get("metadata");
    Ok(KubernetesService {
        namespace: object.namespace.clone(),
        name: object.name.to_owned(),
        labels: labels(metadata.and_then(|metadata| metadata.get("labels")), diagnostics)?,
        selector: labels(selector, diagnostics)?,
        ports: ports.iter().filter_map(port).collect(),
        headless: false,
        is_entry: true,
        opened: None,
        span: object.span,
    })
}

impl ClusterInventory {
    /// Adds the machines that a document of the policy tree describes, in the stead of what a dump of the cluster shows of them.
    pub(crate) fn add_machine(&mut self, document: &Document<VirtualMachineSpec>) {
        let (spec, name) = (&document.spec, document.name());
        let namespace = &spec.namespace.value.0;
        let worn = spec.labels(name);
        self.workloads.retain(|other| {
            !(KINDS.contains(&other.kind.as_str()) && other.namespace == *namespace && other.labels == worn)
        });
        self.services.retain(|other| !(other.is_entry && other.namespace == *namespace && other.selector == worn));
        let account = spec.service_account.as_ref().map_or("default", |account| &account.value.0);
        let ports = || spec.ports.0.iter().map(|port| &port.value);
        let machine = Machine {
            addresses: spec.addresses.0.iter().map(|block| block.value.0).collect(),
            proxy: Some(spec.has_proxy()),
        };
        self.workloads.push(Workload {
            ports: ports().map(|port| ContainerPort { number: port.number(), name: Some(port.name()) }).collect(),
            machine: Some(machine),
            ..workload("VirtualMachine", namespace, name, worn.clone(), account, document.metadata.name.span)
        });
        let port = |port: &crate::spec::virtual_machine::MachinePort| ServicePort {
            port: port.number(),
            target: Port::Number(port.number()),
            protocol: Some(port.protocol),
        };
        self.services.push(KubernetesService {
            namespace: namespace.clone(),
            name: name.to_owned(),
            labels: Labels::new(),
            selector: worn,
            ports: ports().map(port).collect(),
            headless: false,
            is_entry: true,
            opened: None,
            span: document.span,
        });
        self.namespaces.entry(namespace.clone()).or_default();
        self.sort();
    }

    /// Brings workloads and Services into an order that does not depend on that of files.
    pub(super) fn sort(&mut self) {
        self.workloads.sort_by(|a, b| (&a.namespace, &a.name, &a.kind).cmp(&(&b.namespace, &b.name, &b.kind)));
        self.workloads.dedup();
        self.services.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self.services.dedup();
    }
}
