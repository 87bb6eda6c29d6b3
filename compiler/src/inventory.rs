//! What runs where: workloads, Services, accounts and namespaces of each cluster.
//!
//! In: rendered Kubernetes manifests, read as kubectl reads them. Out: an [`Inventory`]. Workloads come from templates: a
//! GitOps repository holds no Pods of its Deployments. Kinds that say nothing about this are counted, never fatal.

mod bypass;
mod machine;
mod manifests;
mod service;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use crate::yaml::Node;

pub use bypass::{Bypass, BypassedPorts};
pub use machine::Machine;
pub(crate) use machine::PROXY;
pub use manifests::Manifests;
pub use service::{KubernetesService, Opened, ServicePort};
pub use workload::{ContainerPort, OwnProxy, Workload};

/// Labels of a pod, a namespace or a selector.
pub type Labels = BTreeMap<String, String>;

/// The inventories of all clusters, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inventory {
    /// Each cluster's own.
    pub clusters: BTreeMap<String, ClusterInventory>,
}

/// What the manifests of one cluster show.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterInventory {
    /// Namespaces that have a manifest or hold an object, with their labels.
    pub namespaces: BTreeMap<String, Labels>,
    /// Namespaces that have a manifest of their own.
    pub declared: BTreeSet<String>,
    /// Service accounts that have a manifest, as (namespace, name).
    pub accounts: BTreeSet<(String, String)>,
    /// Workloads, sorted by namespace, name and kind.
    pub workloads: Vec<Workload>,
    /// Kubernetes Services, sorted by namespace and name.
    pub services: Vec<KubernetesService>,
    /// Objects that say what gateways let in, as they are written: nothing here is known of them.
    pub routing: Vec<Node>,
    /// AuthorizationPolicies and RequestAuthentications, as they are written: they hold at pods that nobody governs.
    pub policies: Vec<Node>,
    /// How many objects of each other kind there are.
    pub foreign: BTreeMap<String, usize>,
    /// How many objects there are in all.
    pub objects: usize,
}

impl ClusterInventory {
    /// Returns the workloads of a namespace with their positions in [`ClusterInventory::workloads`].
    pub fn workloads_in<'a>(&'a self, namespace: &str) -> impl Iterator<Item = (usize, &'a Workload)> + use<'a> {
        let start = self.workloads.partition_point(|workload| workload.namespace.as_str() < namespace);
        let end = self.workloads.partition_point(|workload| workload.namespace.as_str() <= namespace);
        (start..).zip(self.workloads.get(start..end).unwrap_or_default())
    }

    /// Tells whether a workload of a namespace has a service account.
    #[must_use]
    pub fn shows(&self, namespace: &str, account: &str) -> bool {
        self.workloads_in(namespace).any(|(_, workload)| workload.service_account == account)
    }

    /// Returns the Kubernetes Services of a namespace.
    #[must_use]
    pub fn services_in(&self, namespace: &str) -> &[KubernetesService] {
        let start = self.services.partition_point(|service| service.namespace.as_str() < namespace);
        let end = self.services.partition_point(|service| service.namespace.as_str() <= namespace);
        self.services.get(start..end).unwrap_or_default()
    }
}
