//! What annotations of a pod take from its proxy: connections that arrive and that no proxy sees.
//!
//! In: the annotations of a pod template. Out: [`Bypass`]es, read as Istio reads them (istio/istio:
//! tools/istio-iptables/pkg/capture/run.go, pkg/kube/inject/validate.go, cni/pkg/plugin/sidecar_redirect.go). Where it is
//! not certain what Istio would capture, the ports count as taken.

use std::collections::BTreeSet;

use super::manifests::Object;
use crate::diagnostics::codes::inventory as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::shape::wrong_type;
use crate::source::Span;
use crate::spec::cluster::DataPlane;
use crate::yaml::{Node, Value};

/// Ports that one annotation takes from the proxy of a pod.
#[derive(Debug, Clone)]
pub struct Bypass {
    /// The annotation.
    pub annotation: &'static str,
    /// The data plane that reads it.
    pub plane: DataPlane,
    /// The ports.
    pub ports: BypassedPorts,
    /// Where its value is written.
    pub span: Span,
}

impl PartialEq for Bypass {
    fn eq(&self, other: &Self) -> bool {
        (self.annotation, self.plane, &self.ports) == (other.annotation, other.plane, &other.ports)
    }
}

/// Which ports the proxy does not see, whether anything declares them or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BypassedPorts {
    /// These.
    Only(BTreeSet<u16>),
    /// Every port but these.
    AllBut(BTreeSet<u16>),
}

impl BypassedPorts {
    /// Tells whether a port is among them.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        match self {
            Self::Only(ports) => ports.contains(&port),
            Self::AllBut(ports) => !ports.contains(&port),
        }
    }
}

const EXCLUDED_PORTS: &str = "traffic.sidecar.istio.io/excludeInboundPorts";
const INCLUDED_PORTS: &str = "traffic.sidecar.istio.io/includeInboundPorts";
const EXCLUDED_INTERFACES: &str = "traffic.sidecar.istio.io/excludeInterfaces";
const STATUS_PORT: &str = "status.sidecar.istio.io/port";
const INTERCEPTION: &str = "sidecar.istio.io/interceptionMode";
const PROXY_CONFIG: &str = "proxy.istio.io/config";
const TEMPLATES: &str = "inject.istio.io/templates";
const AMBIENT: &str = "ambient.istio.io/bypass-inbound-capture";

/// Every annotation that matters, with the data plane that reads it.
const READ: [(&str, DataPlane); 8] = [
    (EXCLUDED_PORTS, DataPlane::Sidecar),
    (INCLUDED_PORTS, DataPlane::Sidecar),
    (EXCLUDED_INTERFACES, DataPlane::Sidecar),
    (STATUS_PORT, DataPlane::Sidecar),
    (INTERCEPTION, DataPlane::Sidecar),
    (PROXY_CONFIG, DataPlane::Sidecar),
    (TEMPLATES, DataPlane::Sidecar),
    (AMBIENT, DataPlane::Ambient),
];

/// Reads what the annotations of a pod take from its proxy.
pub(super) fn read(
    object: &Object<'_>,
    annotations: Option<&Node>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Bypass>, Reported> {
    let mut bypasses = Vec::new();
    for (annotation, plane) in READ {
        let Some(node) = annotations.and_then(|annotations| annotations.get(annotation)) else { continue };
        let text = match &node.value {
            Value::Null => "",
            _ => node.as_str().ok_or_else(|| diagnostics.report(wrong_type(node, "text, as an annotation is")))?,
        };
        match taken(annotation, text) {
            Ok(Some(ports)) => bypasses.push(Bypass { annotation, plane, ports, span: node.span }),
            Ok(None) => {}
            Err(NotPorts) => {
                let broken = code::BROKEN_OBJECT
                    .at(node.span, format!("`{annotation}` of `{}` is no list of ports", object.name));
                return Err(diagnostics.report(
                    broken
                        .label("not numbers with commas between them")
                        .help("Istio does not inject a proxy where it cannot read this: write `9090,9091`"),
                ));
            }
        }
    }
    Ok(bypasses)
}

/// A text that is not a list of ports.
#[derive(Debug, PartialEq, Eq)]
struct NotPorts;

/// Returns the ports an annotation takes from the proxy; `None` where it takes none.
fn taken(annotation: &str, text: &str) -> Result<Option<BypassedPorts>, NotPorts> {
    let all = || BypassedPorts::AllBut(BTreeSet::new());
    let only = |ports: BTreeSet<u16>| (!ports.is_empty()).then_some(BypassedPorts::Only(ports));
    Ok(match (annotation, text.trim()) {
        (EXCLUDED_PORTS, "*") => Some(all()),
        (EXCLUDED_PORTS, list) => only(ports(list)?),
        (INCLUDED_PORTS, "*") => None,
        (INCLUDED_PORTS, list) => Some(BypassedPorts::AllBut(ports(list)?)),
        // Which interface carries what nothing here knows; NetworkPolicy sees the pod's own.
        (EXCLUDED_INTERFACES, list) => (!list.is_empty()).then(all),
        // What serves probes and merged metrics is excluded beside what is listed.
        (STATUS_PORT, list) => only(ports(list)?),
        (INTERCEPTION, mode) => (mode == "NONE").then(all),
        (PROXY_CONFIG, config) => (config.contains("interceptionMode") && config.contains("NONE")).then(all),
        // A proxyless gRPC workload has an agent and no proxy.
        (TEMPLATES, list) => list.split(',').any(|name| name.trim() == "grpc-agent").then(all),
        (AMBIENT, flag) => matches!(flag, "1" | "t" | "T" | "true" | "TRUE" | "True").then(all),
        _ => None,
    })
}

fn ports(list: &str) -> Result<BTreeSet<u16>, NotPorts> {
    if list.is_empty() {
        return Ok(BTreeSet::new());
    }
    let port = |text: &str| text.trim().parse::<u16>().map_err(|_| NotPorts);
    Ok(list.split(',').map(port).collect::<Result<BTreeSet<_>, _>>()?.into_iter().filter(|port| *port > 0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_take_the_ports_that_istio_leaves_alone() {
        let only = |ports: &[u16]| Ok(Some(BypassedPorts::Only(ports.iter().copied().collect())));
        let all_but = |ports: &[u16]| Ok(Some(BypassedPorts::AllBut(ports.iter().copied().collect())));
        let cases = [
            (EXCLUDED_PORTS, "", Ok(None)),
            (EXCLUDED_PORTS, "9090", only(&[9090])),
            (EXCLUDED_PORTS, " 9090, 22", only(&[22, 9090])),
            (EXCLUDED_PORTS, "*", all_but(&[])),
            (EXCLUDED_PORTS, "9090,", Err(NotPorts)),
            (EXCLUDED_PORTS, "metrics", Err(NotPorts)),
            (EXCLUDED_PORTS, "70000", Err(NotPorts)),
            (INCLUDED_PORTS, "*", Ok(None)),
            (INCLUDED_PORTS, "", all_but(&[])),
            (INCLUDED_PORTS, "8080,8081", all_but(&[8080, 8081])),
            (INCLUDED_PORTS, "80,*", Err(NotPorts)),
            (EXCLUDED_INTERFACES, "net1", all_but(&[])),
            (STATUS_PORT, "9000", only(&[9000])),
            (STATUS_PORT, "0", Ok(None)),
            (INTERCEPTION, "REDIRECT", Ok(None)),
            (INTERCEPTION, "TPROXY", Ok(None)),
            (INTERCEPTION, "NONE", all_but(&[])),
            (PROXY_CONFIG, "concurrency: 2\ninterceptionMode: NONE\n", all_but(&[])),
            (PROXY_CONFIG, "concurrency: 2\n", Ok(None)),
            (TEMPLATES, "sidecar,custom", Ok(None)),
            (TEMPLATES, "grpc-agent", all_but(&[])),
            (AMBIENT, "true", all_but(&[])),
            (AMBIENT, "no", Ok(None)),
        ];
        for (annotation, text, expected) in cases {
            assert_eq!(taken(annotation, text), expected, "{annotation}: {text:?}");
        }
    }
}
