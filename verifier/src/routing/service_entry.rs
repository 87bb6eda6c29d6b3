//! ServiceEntries (istio/api `networking/v1/service_entry.proto`): hosts that stand for pods, for machines or for something outside.
//!
//! In: nodes of manifests. Out: [`ServiceEntry`], with what it says of who is behind its hosts.

use std::net::IpAddr;

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::yaml::Node;

use super::{Named, Target};
use crate::engine::envoy::{EITHER, Reads};
use crate::istio::read::Fields;
use crate::kubernetes::port::number;

/// A ServiceEntry.
#[derive(Debug, Clone)]
pub struct ServiceEntry {
    /// What it is called.
    pub object: Named,
    /// Its labels, by which it may use a waypoint.
    pub labels: Labels,
    /// The hosts it is about.
    pub hosts: Vec<String>,
    /// Its ports.
    pub ports: Vec<EntryPort>,
    /// The labels of the pods and machines of its namespace that are behind it; `None` where it selects none.
    pub selector: Option<Labels>,
    /// Whom it names instead.
    pub endpoints: Vec<Endpoint>,
}

/// A port of a ServiceEntry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPort {
    /// The port that clients call.
    pub port: u16,
    /// The port behind it, where an endpoint says nothing else.
    pub target: u16,
    /// Its name.
    pub name: String,
    /// How a proxy may read it.
    pub reads: &'static [Reads],
}

/// An endpoint of a ServiceEntry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is.
    pub at: At,
    /// Ports behind those of these names.
    pub ports: Vec<(String, u16)>,
}

/// Where an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// At an address.
    Address(IpAddr),
    /// Behind a Service of Kubernetes, or a host of another kind.
    Named(Target),
}

impl ServiceEntry {
    /// Reads one.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let spec = object.child("spec", diagnostics)?;
        let named = Named::read("ServiceEntry", &object, diagnostics)?;
        let labels = object.child("metadata", diagnostics)?.labels("labels", diagnostics)?;
        let mut ports = Vec::new();
        for port in spec.list("ports", diagnostics)? {
            let Some(at) = port.get("number").and_then(number) else { continue };
            let target = port.get("targetPort").and_then(number).unwrap_or(at);
            let name = port.text("name", diagnostics)?.unwrap_or_default();
            let reads: &[Reads] =
                match port.text("protocol", diagnostics)?.unwrap_or_default().to_ascii_uppercase().as_str() {
                    "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" => &[Reads::Http],
                    "" => EITHER,
                    _ => &[Reads::Bytes],
                };
            ports.push(EntryPort { port: at, target, name, reads });
        }
        let selector = spec.child("workloadSelector", diagnostics)?;
        let selector = if selector.is_there() { Some(selector.labels("labels", diagnostics)?) } else { None };
        let mut endpoints = Vec::new();
        for endpoint in spec.list("endpoints", diagnostics)? {
            let Some(address) = endpoint.text("address", diagnostics)?.filter(|it| !it.is_empty()) else { continue };
            let own = endpoint.child("ports", diagnostics)?;
            let own = ports.iter().filter_map(|port| Some((port.name.clone(), own.get(&port.name).and_then(number)?)));
            let at = match address.parse() {
                Ok(address) => At::Address(address),
                Err(_) => At::Named(Target::of_host(&address, "")),
            };
            endpoints.push(Endpoint { at, ports: own.collect() });
        }
        Ok(Self { object: named, labels, hosts: spec.texts("hosts", diagnostics)?, ports, selector, endpoints })
    }

    /// Tells whether it is about a host.
    #[must_use]
    pub fn is_about(&self, host: &str) -> bool {
        let host = host.as_bytes();
        let fits = |own: &String| match own.strip_prefix('*').map(str::as_bytes) {
            // Names are compared without their case; one that begins with a star has more before the rest.
            Some(end) => {
                host.len() > end.len()
                    && host.get(host.len() - end.len()..).is_some_and(|it| it.eq_ignore_ascii_case(end))
            }
            None => host.eq_ignore_ascii_case(own.as_bytes()),
        };
        self.hosts.iter().any(|own| own.as_bytes() == host || fits(own))
    }
}

impl ServiceEntry {
    /// Finds the port by which clients call it, or that is called behind it.
    #[must_use]
    pub fn port(&self, called: u16) -> Option<&EntryPort> {
        let by = |of: fn(&EntryPort) -> u16| self.ports.iter().find(move |port| of(port) == called);
        by(|port| port.port).or_else(|| by(|port| port.target))
    }
}

impl Endpoint {
    /// Returns the port behind one of the entry.
    #[must_use]
    pub fn port(&self, port: &EntryPort) -> u16 {
        self.ports.iter().find(|(name, _)| *name == port.name).map_or(port.target, |(_, own)| *own)
    }
}
