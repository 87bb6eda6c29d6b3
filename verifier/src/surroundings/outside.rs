//! ServiceEntries (istio/api `networking/v1/service_entry.proto`): hosts that the mesh is told of.
//!
//! In: nodes of manifests. Out: [`ServiceEntry`]. Who sees one is `exportTo`; without it everybody does, unless the mesh says
//! otherwise.

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::yaml::Node;

use crate::istio::read::Fields;
use crate::kubernetes::port::number;
use crate::routing::Named;

/// A ServiceEntry.
#[derive(Debug, Clone)]
pub struct ServiceEntry {
    /// What it is called.
    pub object: Named,
    /// The hosts.
    pub hosts: Vec<String>,
    /// The numbers of its ports.
    pub ports: Vec<u16>,
    /// Whether it is about what is outside the mesh.
    pub is_outside: bool,
    /// Whether calls go to the address that was called, whatever the name.
    pub is_unresolved: bool,
    /// Whether it names addresses.
    pub has_addresses: bool,
    /// The namespaces that see it: `.`, `*` or names; none is everybody.
    pub export_to: Vec<String>,
    /// What it leads to, written down.
    pub leads: String,
}

impl ServiceEntry {
    /// Reads one.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let spec = object.child("spec", diagnostics)?;
        let ports = spec.list("ports", diagnostics)?;
        let resolution = spec.text("resolution", diagnostics)?;
        let addresses = spec.texts("addresses", diagnostics)?;
        let mut leads = vec![format!("{resolution:?} {addresses:?}")];
        for endpoint in spec.list("endpoints", diagnostics)? {
            leads.push(endpoint.text("address", diagnostics)?.unwrap_or_default());
        }
        Ok(Self {
            object: Named::read("ServiceEntry", &object, diagnostics)?,
            hosts: spec.texts("hosts", diagnostics)?,
            ports: ports.iter().filter_map(|port| port.get("number").and_then(number)).collect(),
            is_outside: spec.text("location", diagnostics)?.is_none_or(|location| location == "MESH_EXTERNAL"),
            is_unresolved: resolution.is_none_or(|resolution| resolution == "NONE"),
            has_addresses: !addresses.is_empty(),
            export_to: spec.texts("exportTo", diagnostics)?,
            leads: leads.join(" "),
        })
    }

    /// Tells whether every namespace sees it.
    #[must_use]
    pub fn is_seen_by_all(&self) -> bool {
        self.export_to.is_empty() || self.export_to.iter().any(|to| to == "*")
    }
}
