//! Kubernetes Services: which pods they select and what their ports speak.

use super::Labels;
use super::manifests::{Object, labels};
use crate::diagnostics::codes::inventory as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::shape::wrong_type;
use crate::source::{Span, Spanned};
use crate::spec::access::Port;
use crate::spec::service::Protocol;
use crate::yaml::{Node, Value};

/// A Kubernetes Service.
#[derive(Debug, Clone)]
pub struct KubernetesService {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its own labels, those that are texts.
    pub labels: Labels,
    /// The labels of the pods behind it; empty selects none.
    pub selector: Labels,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// How whoever is outside the cluster may call it, if it may.
    pub opened: Option<Opened>,
    /// Whether it has no address of its own, so that callers are told those of its pods.
    pub headless: bool,
    /// Whether it is a ServiceEntry of Istio, which stands before pods and machines of its namespace as a Service does.
    pub is_entry: bool,
    /// Where it was written.
    pub span: Span,
}

/// How whoever is outside a cluster may call a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Opened {
    /// By a load balancer.
    LoadBalancer,
    /// By a port of every node.
    NodePort,
    /// By addresses that lead to it.
    ExternalIps,
}

impl std::fmt::Display for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::LoadBalancer => "LoadBalancer",
            Self::NodePort => "NodePort",
            Self::ExternalIps => "externalIPs",
        })
    }
}

impl KubernetesService {
    /// Reads a Service by itself.
    ///
    /// # Errors
    /// When it cannot be read, which is reported.
    pub fn of_manifest(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let text = |name: &str| root.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Node::as_str);
        let namespace = text("namespace").unwrap_or("default").to_owned();
        let name = text("name").unwrap_or_default();
        read(&Object { kind: "Service", name, namespace, root, span: root.span }, diagnostics)
    }
}

impl PartialEq for KubernetesService {
    fn eq(&self, other: &Self) -> bool {
        let parts = |it: &Self| (it.is_entry, it.opened, it.headless);
        (&self.namespace, &self.name, &self.labels, &self.selector, &self.ports)
            == (&other.namespace, &other.name, &other.labels, &other.selector, &other.ports)
            && parts(self) == parts(other)
    }
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Its number at the Service.
    pub port: u16,
    /// The port of the pod behind it.
    pub target: Port,
    /// What it speaks, where name or `appProtocol` says so; Istio sniffs otherwise.
    pub protocol: Option<Spanned<Protocol>>,
}

/// Reads a Service.
pub(super) fn read(object: &Object<'_>, diagnostics: &mut Diagnostics) -> Result<KubernetesService, Reported> {
    let spec = object.root.get("spec");
    let selector = labels(spec.and_then(|spec| spec.get("selector")), diagnostics)?;
    let mut ports = Vec::new();
    match spec.and_then(|spec| spec.get("ports")) {
        None => {}
        Some(Node { value: Value::Null, .. }) => {}
        Some(list) => {
            let Some(items) = list.as_sequence() else {
                return Err(diagnostics.report(wrong_type(list, "a list of ports")));
            };
            for item in items {
                ports.extend(port(item, diagnostics)?);
            }
        }
    }
    let own = object.root.get("metadata").and_then(|metadata| metadata.get("labels")).and_then(Node::as_mapping);
    let own = own.into_iter().flat_map(|labels| labels.entries());
    let own = own.filter_map(|label| Some((label.key.value.clone(), label.value.as_str()?.to_owned())));
    Ok(KubernetesService {
        namespace: object.namespace.clone(),
        name: object.name.to_owned(),
        labels: own.collect(),
        selector,
        ports,
        opened: spec.and_then(opened),
        headless: spec.and_then(|spec| spec.get("clusterIP")).and_then(Node::as_str) == Some("None"),
        is_entry: false,
        span: object.span,
    })
}

/// Reads how it is opened to the outside.
fn opened(spec: &Node) -> Option<Opened> {
    match spec.get("type").and_then(Node::as_str) {
        Some("LoadBalancer") => Some(Opened::LoadBalancer),
        Some("NodePort") => Some(Opened::NodePort),
        _ => {
            let addresses = spec.get("externalIPs").and_then(Node::as_sequence);
            addresses.filter(|addresses| !addresses.is_empty()).map(|_| Opened::ExternalIps)
        }
    }
}

/// Reads a port; UDP and SCTP pass the mesh by and are left out.
fn port(item: &Node, diagnostics: &mut Diagnostics) -> Result<Option<ServicePort>, Reported> {
    if item.get("protocol").and_then(Node::as_str).is_some_and(|protocol| protocol != "TCP") {
        return Ok(None);
    }
    let Some(port) = item.get("port").and_then(number) else {
        return Err(diagnostics.report(
            code::BROKEN_OBJECT
                .at(item.span, "a port of a Service without `port`")
                .label("no number")
                .help("write the port as a number from 1 to 65535"),
        ));
    };
    let target = match item.get("targetPort") {
        None | Some(Node { value: Value::Null, .. }) => Port::Number(port),
        Some(target) => match (number(target), target.as_str()) {
            (Some(number), _) => Port::Number(number),
            (None, Some(name)) => Port::Name(name.to_owned()),
            (None, None) => return Err(diagnostics.report(wrong_type(target, "a port"))),
        },
    };
    let named = |key: &str| item.get(key).filter(|node| node.as_str().is_some());
    let (app, name) = (named("appProtocol"), named("name"));
    let spoken = protocol(app.and_then(Node::as_str), name.and_then(Node::as_str));
    let protocol = spoken.zip(app.or(name)).map(|(protocol, said)| Spanned::new(protocol, said.span));
    Ok(Some(ServicePort { port, target, protocol }))
}

/// Returns a port number.
pub(super) fn number(node: &Node) -> Option<u16> {
    match &node.value {
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0),
        _ => None,
    }
}

/// Returns what a port speaks by Istio's rules: `appProtocol` first, then the name up to its first hyphen
/// (istio/istio: pkg/config/kube/conversion.go, pkg/config/protocol/instance.go).
fn protocol(app_protocol: Option<&str>, name: Option<&str>) -> Option<Protocol> {
    if let Some(word) = app_protocol {
        return match word.to_ascii_lowercase().as_str() {
            "kubernetes.io/h2c" => Some(Protocol::Http2),
            "kubernetes.io/ws" | "kubernetes.io/wss" => Some(Protocol::Http),
            word => by_word(word),
        };
    }
    let name = name?.to_ascii_lowercase();
    if name == "grpc-web" || name.starts_with("grpc-web-") {
        return Some(Protocol::Http);
    }
    by_word(name.split('-').next().unwrap_or(&name))
}

pub(super) fn by_word(word: &str) -> Option<Protocol> {
    match word {
        "http" => Some(Protocol::Http),
        "http2" => Some(Protocol::Http2),
        "grpc" => Some(Protocol::Grpc),
        "grpc-web" => Some(Protocol::Http),
        "https" | "tls" => Some(Protocol::Tls),
        "tcp" | "mongo" | "mysql" | "redis" => Some(Protocol::Tcp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_follow_the_naming_of_istio() {
        let cases = [
            (None, Some("http"), Some(Protocol::Http)),
            (None, Some("http-web"), Some(Protocol::Http)),
            (None, Some("grpc-api"), Some(Protocol::Grpc)),
            (None, Some("grpc-web"), Some(Protocol::Http)),
            (None, Some("HTTP2"), Some(Protocol::Http2)),
            (None, Some("web"), None),
            (None, None, None),
            (None, Some("tcp-redis"), Some(Protocol::Tcp)),
            (None, Some("https"), Some(Protocol::Tls)),
            (Some("http"), Some("tcp"), Some(Protocol::Http)),
            (Some("kubernetes.io/h2c"), None, Some(Protocol::Http2)),
            (None, Some("httpx"), None),
        ];
        for (app, name, expected) in cases {
            assert_eq!(protocol(app, name), expected, "{app:?} {name:?}");
        }
    }
}
