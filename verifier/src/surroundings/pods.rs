//! What pod templates take from their proxy of the calls that leave.
//!
//! In: nodes of manifests. Out: [`Uncaptured`]. The rules that lead calls to the sidecar pass over what its own user sends, and
//! over ports and addresses that annotations name (istio/istio `tools/istio-iptables/pkg/capture/run.go`).

use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

use super::{containers, template};

/// The user and the group of the sidecar.
const PROXY: u64 = 1337;

/// The annotations that name calls which are left alone, or those that are not.
const ANNOTATIONS: [&str; 3] = [
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
];

/// Calls that no sidecar sees.
#[derive(Debug, Clone)]
pub struct Uncaptured {
    /// Which.
    pub calls: Calls,
    /// Where it was written.
    pub span: Span,
}

/// Which calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Calls {
    /// All of a container, which runs as the user or the group of the sidecar: its name, and the field.
    OfContainer(String, &'static str),
    /// Those an annotation names: which, and its value.
    Annotated(&'static str, String),
}

/// Reads what the template of an object says.
pub(super) fn uncaptured(root: &Node, kind: &str) -> Vec<Uncaptured> {
    let Some(pod) = template(root, kind) else { return Vec::new() };
    let mut found = Vec::new();
    let of_pod = pod.get("spec").and_then(|spec| spec.get("securityContext"));
    for container in containers(root, kind) {
        let name = container.get("name").and_then(Node::as_str).unwrap_or_default();
        if name == "istio-proxy" {
            continue;
        }
        for field in ["runAsUser", "runAsGroup"] {
            let own = container.get("securityContext").and_then(|context| context.get(field));
            let said = own.or_else(|| of_pod.and_then(|context| context.get(field)));
            let is_proxy = |node: &&Node| matches!(&node.value, Value::Number(it) if it.as_u64() == Some(PROXY));
            if let Some(said) = said.filter(is_proxy) {
                found.push(Uncaptured { calls: Calls::OfContainer(name.to_owned(), field), span: said.span });
                break;
            }
        }
    }
    let annotations = pod.get("metadata").and_then(|metadata| metadata.get("annotations"));
    for annotation in ANNOTATIONS {
        let Some(node) = annotations.and_then(|annotations| annotations.get(annotation)) else { continue };
        let Some(value) = node.as_str().map(str::trim) else { continue };
        let is_all = annotation.contains("/include") && value == "*";
        let is_none = !annotation.contains("/include") && value.is_empty();
        if !is_all && !is_none {
            found.push(Uncaptured { calls: Calls::Annotated(annotation, value.to_owned()), span: node.span });
        }
    }
    found
}
