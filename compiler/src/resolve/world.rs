//! What there is: nodes, clusters, claimed namespaces and services, before any rule is read.
//!
//! In: the documents and inventories. Out: [`World`], in which every later question is a look-up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::diagnostics::Diagnostics;
use crate::document::Document;
use crate::inventory::{ClusterInventory, Labels, OwnProxy, Workload};
use crate::level::Level;
use crate::parse::Parsed;
use crate::source::{Span, Spanned};
use crate::spec::cluster::{ClusterSpec, DataPlane};
use crate::spec::mandates::{Defaults, Mandates};
use crate::spec::names::{Day, Name};
use crate::spec::node::{Glob, NamespaceClaim};
use crate::spec::reference::NodePath;
use crate::spec::service::ServiceSpec;

/// The label that puts a namespace or a pod into ambient mode, or keeps a pod out of it.
const MODE: &str = "istio.io/dataplane-mode";

/// Everything a statement can be about.
#[derive(Debug)]
pub struct World<'a> {
    /// What was parsed.
    pub parsed: &'a Parsed,
    /// The day for which everything is resolved.
    pub as_of: Day,
    /// Nodes by path: the organization first, every parent before its children.
    pub nodes: BTreeMap<NodePath, Node<'a>>,
    /// Clusters by name.
    pub clusters: BTreeMap<&'a str, Cluster<'a>>,
    /// The workspace of each claimed namespace, by cluster and namespace.
    pub claims: BTreeMap<(&'a str, &'a str), NodePath>,
    /// Services, sorted by node and name.
    pub services: Vec<Service<'a>>,
    /// Positions of services by each of their names.
    pub(super) names: BTreeMap<String, Vec<usize>>,
    /// The zones that some reference named so far.
    pub(super) zones_named: Mutex<BTreeSet<String>>,
}

/// A node and what its own file says.
#[derive(Debug)]
pub struct Node<'a> {
    /// Its level.
    pub level: Level,
    /// Where its kind is written.
    pub span: Span,
    /// Its own mandates.
    pub mandates: &'a Mandates,
    /// Its own defaults.
    pub defaults: &'a Defaults,
    /// The profiles it attaches.
    pub profiles: &'a [Spanned<Name>],
    /// For a workspace: the namespaces it claims.
    pub namespaces: &'a [Spanned<NamespaceClaim>],
    /// For a group: the services it claims.
    pub services: &'a [Spanned<Glob>],
}

/// A cluster: its facts and its inventory.
#[derive(Debug)]
pub struct Cluster<'a> {
    /// Its document.
    pub document: &'a Document<ClusterSpec>,
    /// What runs in it.
    pub inventory: &'a ClusterInventory,
}

/// Tells whether Istio injects nothing in a namespace, whatever labels say (istio/istio: pkg/kube/inject/inject.go
/// `IgnoredNamespaces`).
fn is_never_injected(namespace: &str) -> bool {
    ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"].contains(&namespace)
}

impl<'a> Cluster<'a> {
    /// Returns the trust domain of its identities.
    #[must_use]
    pub fn trust_domain(&self) -> &'a str {
        self.document.spec.trust_domain.as_ref().map_or("cluster.local", |domain| &domain.value.0)
    }

    /// Returns the trust domains that count as one: its own, then the older ones.
    #[must_use]
    pub fn trust_domains(&self) -> Vec<String> {
        let aliases = self.document.spec.trust_domain_aliases.iter().map(|alias| alias.value.0.as_str());
        std::iter::once(self.trust_domain()).chain(aliases).map(str::to_owned).collect()
    }

    /// Returns the namespace whose policies hold for the whole mesh.
    #[must_use]
    pub fn root_namespace(&self) -> &'a str {
        self.document.spec.root_namespace.as_ref().map_or("istio-system", |namespace| &namespace.value.0)
    }

    /// Returns what enforces policy in a namespace: its own fact, its label, or what holds for the cluster.
    #[must_use]
    pub fn data_plane(&self, namespace: &str) -> DataPlane {
        if let Some(facts) = self.document.spec.namespaces.get(namespace) {
            return facts.data_plane.value;
        }
        let label = self.inventory.namespaces.get(namespace).and_then(|labels| labels.get(MODE));
        if label.is_some_and(|mode| mode == "ambient") {
            return DataPlane::Ambient;
        }
        self.document.spec.data_plane.as_ref().map_or(DataPlane::Sidecar, |plane| plane.value)
    }

    /// Returns what enforces policy at a workload, as far as manifests say; `None` where it has no proxy. A namespace
    /// without a manifest is taken at the cluster's word.
    #[must_use]
    pub fn plane_of(&self, workload: &Workload) -> Option<DataPlane> {
        if workload.host_network {
            return None;
        }
        if let Some(machine) = &workload.machine {
            return (machine.proxy == Some(true)).then_some(DataPlane::Sidecar);
        }
        // What is there needs nobody's leave.
        if workload.proxy == Some(OwnProxy::Sidecar) {
            return Some(DataPlane::Sidecar);
        }
        let declared = self.inventory.declared.contains(&workload.namespace);
        let injection = self.label(&workload.namespace, "istio-injection");
        let mode = workload.labels.get(MODE).map(String::as_str);
        // Either side may refuse; only labels ask (istio.io: setup/additional-setup/sidecar-injection).
        let refused = is_never_injected(&workload.namespace)
            || injection == Some("disabled")
            || workload.injection == Some(false);
        let asked = !refused && (workload.injection == Some(true) || injection == Some("enabled"));
        match self.data_plane(&workload.namespace) {
            // A pod with a sidecar is left to it (istio/istio: cni/pkg/util/podutil.go).
            DataPlane::Ambient if asked && (workload.injection == Some(true) || !self.has_facts(workload)) => {
                Some(DataPlane::Sidecar)
            }
            DataPlane::Ambient => {
                let captured = match mode {
                    _ if workload.is_marked => false,
                    Some(mode) => mode != "none",
                    None => !declared || self.label(&workload.namespace, MODE) == Some("ambient"),
                };
                captured.then_some(DataPlane::Ambient)
            }
            DataPlane::Sidecar => {
                let injected =
                    asked || !refused && (!declared || self.label(&workload.namespace, "istio.io/rev").is_some());
                match mode {
                    _ if asked => Some(DataPlane::Sidecar),
                    Some("ambient") if !workload.is_marked => Some(DataPlane::Ambient),
                    _ => injected.then_some(DataPlane::Sidecar),
                }
            }
        }
    }

    /// Says why a workload has no proxy.
    #[must_use]
    pub fn why_without_proxy(&self, workload: &Workload) -> &'static str {
        if let Some(machine) = &workload.machine {
            return match machine.proxy {
                None => "no file tells that its machine has one",
                Some(_) => "it is a machine that is said to have none",
            };
        }
        let plane = self.data_plane(&workload.namespace);
        match plane {
            _ if workload.host_network => "its pods share the node's network",
            DataPlane::Sidecar if is_never_injected(&workload.namespace) => {
                "Istio injects no sidecars in its namespace"
            }
            DataPlane::Ambient if workload.is_marked => "its pods say that they have a sidecar, and hold none",
            DataPlane::Ambient if workload.labels.contains_key(MODE) => "its pods stay out of ambient mode",
            DataPlane::Ambient => "its namespace is not labelled for ambient mode",
            DataPlane::Sidecar if workload.injection == Some(false) => "its pods refuse a sidecar",
            DataPlane::Sidecar if self.label(&workload.namespace, "istio-injection") == Some("disabled") => {
                "its namespace refuses sidecars"
            }
            DataPlane::Sidecar => "its namespace is not labelled for injection",
        }
    }

    /// Tells whether mesh traffic may travel in tunnels here: where some workloads are in ambient mode, sidecars use
    /// them, too (istio/istio: `ISTIO_META_ENABLE_HBONE` of the ambient profile).
    #[must_use]
    pub fn has_tunnels(&self) -> bool {
        let spec = &self.document.spec;
        let labelled = |labels: &Labels| labels.get(MODE).is_some_and(|mode| mode == "ambient");
        let ambient = |plane: &Spanned<DataPlane>| plane.value == DataPlane::Ambient;
        spec.data_plane.as_ref().is_some_and(ambient)
            || spec.namespaces.values().any(|facts| ambient(&facts.data_plane))
            || self.inventory.namespaces.values().any(labelled)
            || self.inventory.workloads.iter().any(|workload| labelled(&workload.labels))
    }

    /// Returns a label of a namespace that has a manifest.
    fn label(&self, namespace: &str, key: &str) -> Option<&str> {
        let labels = self.inventory.namespaces.get(namespace).filter(|_| self.inventory.declared.contains(namespace));
        labels.and_then(|labels| labels.get(key)).map(String::as_str)
    }

    fn has_facts(&self, workload: &Workload) -> bool {
        self.document.spec.namespaces.get(&workload.namespace).is_some()
    }
}

/// A service: workloads with one name within a node.
#[derive(Debug)]
pub struct Service<'a> {
    /// The workspace or group it belongs to.
    pub node: NodePath,
    /// Its name there.
    pub name: String,
    /// Other names for the very same workloads.
    pub aliases: Vec<String>,
    /// The document that speaks of it.
    pub document: Option<&'a Document<ServiceSpec>>,
    /// Its workloads, by cluster and place in the inventory.
    pub workloads: Vec<WorkloadRef<'a>>,
}

/// A workload of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadRef<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The position in the cluster's list of workloads.
    pub index: usize,
}

impl<'a> World<'a> {
    /// Looks at everything that was parsed.
    pub fn of(parsed: &'a Parsed, as_of: Day, diagnostics: &mut Diagnostics) -> Self {
        let clusters = clusters(parsed);
        let nodes = nodes(parsed);
        let claims = super::claims::claim(&nodes, &clusters, diagnostics);
        let services = super::services::find(parsed, &nodes, &clusters, &claims, diagnostics);
        let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, service) in services.iter().enumerate() {
            for name in std::iter::once(&service.name).chain(&service.aliases) {
                names.entry(name.clone()).or_default().push(index);
            }
        }
        Self { parsed, as_of, nodes, clusters, claims, services, names, zones_named: Mutex::default() }
    }

    /// Returns a workload.
    #[must_use]
    pub fn workload(&self, reference: WorkloadRef<'a>) -> Option<&'a Workload> {
        self.clusters.get(reference.cluster)?.inventory.workloads.get(reference.index)
    }

    /// Returns the identity of a workload as (trust domain, namespace, service account).
    #[must_use]
    pub fn identity(&self, reference: WorkloadRef<'a>) -> Option<(&'a str, &'a str, &'a str)> {
        let workload = self.workload(reference)?;
        let cluster = self.clusters.get(reference.cluster)?;
        Some((cluster.trust_domain(), &workload.namespace, &workload.service_account))
    }

    /// Returns the full name of a service: `/payments/checkout:api`.
    #[must_use]
    pub fn service_name(service: &Service<'_>) -> String {
        format!("{}:{}", service.node, service.name)
    }

    /// Returns the tenant a node belongs to; the organization has none.
    #[must_use]
    pub fn tenant(path: &NodePath) -> Option<NodePath> {
        path.lineage().into_iter().nth(1)
    }

    /// Returns the workspace a node belongs to, if it is one or lies below one.
    #[must_use]
    pub fn workspace(path: &NodePath) -> Option<NodePath> {
        path.lineage().into_iter().nth(2)
    }
}

fn clusters(parsed: &Parsed) -> BTreeMap<&str, Cluster<'_>> {
    let with_inventory =
        |document| Some(Cluster { document, inventory: parsed.inventory.clusters.get(document.name())? });
    parsed.policy.clusters.iter().filter_map(|document| Some((document.name(), with_inventory(document)?))).collect()
}

fn nodes<'a>(parsed: &'a Parsed) -> BTreeMap<NodePath, Node<'a>> {
    let policy = &parsed.policy;
    let mut nodes = BTreeMap::new();
    macro_rules! add {
        ($list:ident, $level:ident, $namespaces:expr, $services:expr) => {
            for document in &policy.$list {
                let spec = &document.spec;
                let node = Node {
                    level: Level::$level,
                    span: document.span,
                    mandates: &spec.mandates,
                    defaults: &spec.defaults,
                    profiles: &spec.profiles,
                    namespaces: $namespaces(spec),
                    services: $services(spec),
                };
                nodes.insert(document.node.clone(), node);
            }
        };
    }
    add!(organizations, Organization, |_| &[][..], |_| &[][..]);
    add!(tenants, Tenant, |_| &[][..], |_| &[][..]);
    add!(workspaces, Workspace, |spec: &'a crate::spec::node::WorkspaceSpec| &spec.namespaces.0[..], |_| &[][..]);
    add!(groups, Group, |_| &[][..], |spec: &'a crate::spec::node::GroupSpec| &spec.services.0[..]);
    nodes
}
