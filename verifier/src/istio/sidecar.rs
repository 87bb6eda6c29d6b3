//! Sidecars (istio/api `networking/v1alpha3/sidecar.proto`): how a proxy takes what arrives, where one says so.
//!
//! In: nodes of manifests. Out: [`Sidecar`]. What it says of calls that leave is
//! no boundary; `mesh/left-out` asks for it. With listeners of
//! its own a proxy reads their ports as they say, and any other port in whichever way it finds (istio/istio
//! `pilot/pkg/networking/core/listener_inbound.go`); policies hold at both.

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::Node;

use super::read::Fields;
use crate::engine::envoy::{EITHER, Reads};
use crate::kubernetes::port::number;
use crate::routing::matching::name;

/// A Sidecar, as far as it is about what arrives.
#[derive(Debug, Clone)]
pub struct Sidecar {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The labels of the pods it is about; empty means every pod.
    pub selector: Labels,
    /// The ports it speaks of; where there are none a proxy goes by Services.
    pub listeners: Vec<Listener>,
    /// The hosts to which calls are led as the mesh knows them, `namespace/host` each; `None` where nothing is said, or nothing
    /// that is read.
    pub knows: Option<Vec<String>>,
    /// Where its name was written.
    pub span: Span,
    /// Whether it has a field that its kind does not have, so that nobody knows what the cluster has of it.
    pub doubtful: bool,
}

/// A port at which a Sidecar says how connections are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// How it is read.
    pub reads: &'static [Reads],
    /// Whether it ends TLS by keys of its own, or binds to its port beside the captured ones: how callers then arrive is not
    /// modelled.
    pub is_other: bool,
}

impl Sidecar {
    /// Reads one.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let (metadata, spec) = (object.child("metadata", diagnostics)?, object.child("spec", diagnostics)?);
        let mut listeners = Vec::new();
        for listener in spec.list("ingress", diagnostics)? {
            let port = listener.child("port", diagnostics)?;
            let number = port.get("number").and_then(number);
            // Without a number it is bound to no port.
            let Some(number) = number.filter(|number| *number > 0) else { continue };
            let protocol = port.text("protocol", diagnostics)?.unwrap_or_default();
            let is_bound = listener.text("captureMode", diagnostics)?.is_some_and(|mode| mode == "NONE");
            listeners.push(Listener {
                port: number,
                reads: read_as(&protocol),
                is_other: is_bound || listener.get("tls").is_some(),
            });
        }
        let egress = spec.list("egress", diagnostics)?;
        let mut knows = (!egress.is_empty()).then(Vec::new);
        for listener in &egress {
            let hosts = listener.texts("hosts", diagnostics)?;
            match ["port", "bind", "captureMode"].iter().any(|field| listener.get(field).is_some()) {
                true => knows = None,
                false => knows.iter_mut().for_each(|knows| knows.extend(hosts.iter().cloned())),
            }
        }
        Ok(Self {
            namespace: metadata.namespace(diagnostics)?,
            name: metadata.required("name", diagnostics)?,
            span: metadata.span_of("name"),
            knows,
            selector: spec.child("workloadSelector", diagnostics)?.labels("labels", diagnostics)?,
            listeners,
            doubtful: false,
        })
    }

    /// Tells whether calls of a namespace for a host of another are led as the mesh knows it; where it says nothing, they may
    /// be. A dot is the namespace of who calls, also where the Sidecar is of the whole mesh.
    #[must_use]
    pub fn may_know(&self, caller: &str, namespace: &str, host: &str) -> bool {
        let is_it = |known: &String| {
            let Some((from, dns)) = known.split_once('/') else { return true };
            let is_from = from == "*" || from == namespace || from == "." && caller == namespace;
            is_from && name(dns).matches(host)
        };
        self.knows.as_ref().is_none_or(|knows| knows.iter().any(is_it))
    }

    /// Returns how a proxy reads a port; `None` where this does not change it.
    #[must_use]
    pub fn reads(&self, port: u16) -> Option<&'static [Reads]> {
        let listener = self.listeners.iter().find(|listener| listener.port == port);
        match listener {
            Some(listener) => Some(listener.reads),
            None if self.listeners.is_empty() => None,
            None => Some(EITHER),
        }
    }
}

/// Returns how a protocol is read (istio/istio `pkg/config/protocol/instance.go`); one that nobody knows is found out.
fn read_as(protocol: &str) -> &'static [Reads] {
    match protocol.to_ascii_lowercase().as_str() {
        "http" | "http2" | "http_proxy" | "grpc" | "grpc-web" => &[Reads::Http],
        "tcp" | "tls" | "https" | "mongo" | "redis" | "mysql" => &[Reads::Bytes],
        _ => EITHER,
    }
}
