//! VirtualMachine: a workload outside Kubernetes that takes part in the mesh.

use indexmap::IndexMap;

use super::exposure::Hostname;
use super::names::Name;
use super::reference::Cidr;
use super::service::Protocol;
use crate::inventory::Labels;
use crate::shape::scalar::Count;
use crate::shape::{OneOrMany, record};
use crate::source::Spanned;

record! {
    /// A workload outside Kubernetes: a virtual machine, a mainframe, a server in a rack. It is a service like any other: it is
    /// granted access and grants it, and belongs to the workspace that claims its namespace.
    pub struct VirtualMachineSpec {
        /// The cluster whose mesh it is part of.
        pub cluster: Spanned<Name>,
        /// Its namespace there, which the workspace claims.
        pub namespace: Spanned<Name>,
        /// Its addresses: each machine its own, or a block in which machines register themselves, which takes a proxy.
        pub addresses: OneOrMany<Spanned<Cidr>>,
        /// The service account of its identity; `default` when absent.
        pub service_account: Option<Spanned<Name>>,
        /// What policies select it by; `app` with its name when absent. No pods of the namespace carry the same.
        pub labels: IndexMap<String, String>,
        /// The ports it listens on.
        pub ports: OneOrMany<Spanned<MachinePort>>,
        /// The host by which callers name it; `<name>.<namespace>.mesh.internal` when absent.
        pub host: Option<Spanned<Hostname>>,
        /// The network it is on; that of its cluster when absent, and no other yet.
        pub network: Option<Spanned<Name>>,
        /// Whether a proxy of the mesh stands before it and takes everything that arrives. `false` when absent, for no manifest tells: without one nothing enforces policy at it, and whatever asks for more is refused.
        pub proxy: Option<Spanned<bool>>,
    }
}

record! {
    /// A port of a machine.
    pub struct MachinePort {
        /// Its number.
        pub number: Spanned<Count<65535>>,
        /// What it speaks.
        pub protocol: Spanned<Protocol>,
        /// Its name; protocol and number when absent.
        pub name: Option<Spanned<Name>>,
    }
}

impl VirtualMachineSpec {
    /// Tells whether a proxy stands before it.
    #[must_use]
    pub fn has_proxy(&self) -> bool {
        self.proxy.as_ref().is_some_and(|proxy| proxy.value)
    }

    /// Returns what policies select it by.
    #[must_use]
    pub fn labels(&self, name: &str) -> Labels {
        if self.labels.is_empty() {
            return [("app".to_owned(), name.to_owned())].into();
        }
        self.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Returns the host by which callers name it.
    #[must_use]
    pub fn host(&self, name: &str) -> String {
        let absent = || format!("{}.{}.mesh.internal", name.to_lowercase(), self.namespace.value.0);
        self.host.as_ref().map_or_else(absent, |host| host.value.0.clone())
    }
}

impl MachinePort {
    /// Returns its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        u16::try_from(self.number.value.0).unwrap_or_default()
    }

    /// Returns its name, which begins with what it speaks unless somebody chose another.
    #[must_use]
    pub fn name(&self) -> String {
        let absent = || format!("{}-{}", self.protocol.value.word(), self.number());
        self.name.as_ref().map_or_else(absent, |name| name.value.0.clone())
    }
}
