//! Workloads: what runs pods, read from the template of each kind.

use super::Labels;
use super::bypass::{self, Bypass};
use super::machine::Machine;
use super::manifests::{Object, labels};
use super::service::number;
use crate::diagnostics::codes::inventory as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::shape::wrong_type;
use crate::source::Span;
use crate::spec::cluster::DataPlane;
use crate::yaml::{Node, Value};

/// Something that runs pods: one Deployment, CronJob, Pod…; or machines outside Kubernetes.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The labels of its pods.
    pub labels: Labels,
    /// The service account of its pods.
    pub service_account: String,
    /// What its containers say they listen on, over TCP.
    pub ports: Vec<ContainerPort>,
    /// Whether its pods share the node's network, where neither sidecar nor NetworkPolicy reaches them.
    pub host_network: bool,
    /// Whether its template asks for a sidecar, refuses one, or says nothing.
    pub injection: Option<bool>,
    /// The proxy that its template holds already, which nobody has to inject.
    pub proxy: Option<OwnProxy>,
    /// Whether its pods say that they were given a sidecar, so that ambient mode leaves them alone.
    pub is_marked: bool,
    /// What its annotations take from its proxy.
    pub bypasses: Vec<Bypass>,
    /// What is known of it where it is no pods but machines outside Kubernetes.
    pub machine: Option<Machine>,
    /// Where its name was written.
    pub span: Span,
}

impl PartialEq for Workload {
    fn eq(&self, other: &Self) -> bool {
        (&self.kind, &self.namespace, &self.name, &self.labels)
            == (&other.kind, &other.namespace, &other.name, &other.labels)
            && (&self.service_account, &self.ports, self.host_network, self.injection, &self.bypasses)
                == (&other.service_account, &other.ports, other.host_network, other.injection, &other.bypasses)
            && (self.proxy, self.is_marked, &self.machine) == (other.proxy, other.is_marked, &other.machine)
    }
}

/// A proxy of Istio that a template holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnProxy {
    /// It stands before the other containers.
    Sidecar,
    /// It is what runs there.
    Gateway,
}

/// What a proxy of Istio is called among the containers of a pod.
const PROXY: &str = "istio-proxy";

/// A TCP port a container says it listens on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerPort {
    /// Its number.
    pub number: u16,
    /// Its name.
    pub name: Option<String>,
}

/// Returns the part of an object that describes its pods (`metadata` and `spec` of a pod); `None` for other kinds.
///
/// # Errors
/// When the object should have one and has not, which is reported.
pub(super) fn template<'a>(
    object: &Object<'a>,
    group: &str,
    diagnostics: &mut Diagnostics,
) -> Result<Option<&'a Node>, Reported> {
    let spec = object.root.get("spec");
    let found = match (group, object.kind) {
        ("", "Pod") => Some(object.root),
        // A Rollout may take its pods from a Deployment, by `workloadRef`.
        ("argoproj.io", "Rollout") => return Ok(spec.and_then(|spec| spec.get("template"))),
        ("", "ReplicationController")
        | ("apps" | "extensions", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job") => spec.and_then(|spec| spec.get("template")),
        ("batch", "CronJob") => spec.and_then(|spec| spec.get("jobTemplate")?.get("spec")?.get("template")),
        _ => return Ok(None),
    };
    found.map(Some).ok_or_else(|| {
        let message = format!("{} `{}` has no template of its pods", object.kind, object.name);
        diagnostics.report(
            code::BROKEN_OBJECT
                .at(object.span, message)
                .label("no `template`")
                .help("render it anew, or take it from the cluster"),
        )
    })
}

/// The label, and the annotation, that asks for a sidecar or refuses one.
const INJECT: &str = "sidecar.istio.io/inject";

/// Says what a value of [`INJECT`] does: asks in any namespace, refuses, or leaves it to the namespace. The label wins over the
/// annotation; the webhook is called for the label `true` wherever it is, and only then other words are looked at
/// (istio/istio: pkg/kube/inject/inject.go `injectRequired`,
/// manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml).
fn injection(value: &str) -> Option<bool> {
    match value.to_lowercase().as_str() {
        _ if value == "true" => Some(true),
        "" | "y" | "yes" | "true" | "on" => None,
        _ => Some(false),
    }
}

impl Workload {
    /// Tells whether annotations take a port from the proxy that a data plane gives the pods.
    #[must_use]
    pub fn is_past_the_proxy(&self, plane: DataPlane, port: u16) -> bool {
        self.bypasses.iter().any(|bypass| bypass.plane == plane && bypass.ports.contains(port))
    }

    /// Reads a workload from its pod template.
    pub(super) fn read(object: &Object<'_>, pod: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let Some(spec) = pod.get("spec") else {
            let broken = code::BROKEN_OBJECT.at(pod.span, format!("the pods of `{}` have no `spec`", object.name));
            return Err(diagnostics
                .report(broken.label("no `spec`").help("a template holds `metadata` and `spec` of its pods")));
        };
        let metadata = pod.get("metadata");
        let pod_labels = labels(metadata.and_then(|metadata| metadata.get("labels")), diagnostics)?;
        let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
        let annotated = annotations.and_then(|annotations| annotations.get(INJECT)?.as_str());
        let of_revision = pod_labels.contains_key("istio.io/rev").then_some(true);
        let asked = match (pod_labels.get(INJECT), annotated.and_then(injection)) {
            (Some(label), _) => injection(label).or(of_revision),
            // An annotation is read after the webhook was called: it may refuse, and never asks.
            (None, Some(false)) => Some(false),
            (None, _) => of_revision,
        };
        let annotation = |key: &str| annotations.and_then(|annotations| annotations.get(key)?.as_str());
        let is_gateway = annotation("inject.istio.io/templates")
            .is_some_and(|templates| templates.split(',').any(|name| name.trim() == "gateway"));
        let mut proxy = is_gateway.then_some(OwnProxy::Gateway);
        let account = spec.get("serviceAccountName").or_else(|| spec.get("serviceAccount")).and_then(Node::as_str);
        let mut ports = Vec::new();
        for key in ["containers", "initContainers"] {
            let Some(list) = spec.get(key).filter(|list| list.value != Value::Null) else { continue };
            let Some(containers) = list.as_sequence() else {
                return Err(diagnostics.report(wrong_type(list, "a list of containers")));
            };
            // Of the init containers only sidecars (restartPolicy: Always) listen while the workload runs.
            let runs = |container: &&Node| {
                key == "containers" || container.get("restartPolicy").and_then(Node::as_str) == Some("Always")
            };
            for container in containers.iter().filter(runs) {
                ports.extend(container_ports(container));
                if container.get("name").and_then(Node::as_str) == Some(PROXY) {
                    proxy = proxy.or(Some(own_proxy(container)));
                }
            }
        }
        ports.sort();
        ports.dedup();
        Ok(Self {
            kind: object.kind.to_owned(),
            namespace: object.namespace.clone(),
            name: object.name.to_owned(),
            labels: pod_labels,
            service_account: account.filter(|account| !account.is_empty()).unwrap_or("default").to_owned(),
            ports,
            host_network: matches!(spec.get("hostNetwork"), Some(Node { value: Value::Bool(true), .. })),
            injection: asked,
            proxy,
            is_marked: annotations.is_some_and(|annotations| annotations.get("sidecar.istio.io/status").is_some()),
            bypasses: bypass::read(object, annotations, diagnostics)?,
            machine: None,
            span: object
                .root
                .get("metadata")
                .and_then(|metadata| metadata.get("name"))
                .map_or(object.span, |name| name.span),
        })
    }
}

/// Tells a gateway from a sidecar: it is started as a router.
fn own_proxy(container: &Node) -> OwnProxy {
    let said = |key: &str| container.get(key).and_then(Node::as_sequence).unwrap_or_default();
    let is_router = said("args").iter().chain(said("command")).any(|word| word.as_str() == Some("router"));
    if is_router { OwnProxy::Gateway } else { OwnProxy::Sidecar }
}

fn container_ports(container: &Node) -> Vec<ContainerPort> {
    let ports = container.get("ports").and_then(Node::as_sequence).unwrap_or_default();
    let tcp = |port: &&Node| port.get("protocol").and_then(Node::as_str).is_none_or(|protocol| protocol == "TCP");
    let read = |port: &Node| {
        let name = port.get("name").and_then(Node::as_str).map(str::to_owned);
        Some(ContainerPort { number: number(port.get("containerPort")?)?, name })
    };
    ports.iter().filter(tcp).filter_map(read).collect()
}
