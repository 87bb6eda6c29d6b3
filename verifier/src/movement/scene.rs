//! A cluster as edges of pods and rights are looked for in it: what there is, by namespace.
//!
//! In: a [`Model`] and its [`Surroundings`]. Out: [`Scene`], which names what is there as vertices.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::source::Span;

use super::edge::{Edge, Kind};
use super::vertex::Vertex;
use crate::model::Model;
use crate::request::Identity;
use crate::surroundings::Surroundings;
use crate::surroundings::accounts::Account;
use crate::surroundings::held::{Held, Holdings, MASTERS, Unknown};
use crate::surroundings::rights::Subject;
use crate::surroundings::templates::{Held as Content, Template};

/// The Secrets in which the certificate authority of the mesh keeps its key, its own or one that was given to it.
pub(super) const CA_SECRETS: [&str; 2] = ["cacerts", "istio-ca-secret"];

/// The control plane of the mesh, by its label, and how its names begin.
pub(super) const AUTHORITY: &str = "istiod";

/// The namespace that every cluster has, and in which Kubernetes itself runs: nothing keeps its pods from their node.
pub(super) const SYSTEM: &str = "kube-system";

/// The account there that may write anything into any ClusterRole.
pub(super) const STRONGEST: &str = "clusterrole-aggregation-controller";

/// Accounts of controllers there that may do anything in the end, whether or not somebody made them (kubernetes/kubernetes
/// `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go`): they write into any ClusterRole, make pods or their
/// templates in any namespace, or change objects of any kind.
const STRONG: [&str; 11] = [
    STRONGEST,
    "cronjob-controller",
    "daemon-set-controller",
    "deployment-controller",
    "generic-garbage-collector",
    "job-controller",
    "persistent-volume-binder",
    "replicaset-controller",
    "replication-controller",
    "statefulset-controller",
    "storage-version-migrator-controller",
];

/// A cluster, and what is in it.
pub(super) struct Scene<'s, 'm> {
    /// Its position.
    pub cluster: usize,
    pub model: &'s Model<'m>,
    pub around: &'s Surroundings,
    /// Every right that somebody holds.
    pub held: Vec<Held>,
    /// What somebody holds and nobody shows.
    pub unknown: Vec<Unknown>,
    /// The rights of each holder, by their positions.
    of_subject: BTreeMap<Subject, Vec<usize>>,
    /// What service accounts say of themselves, by namespace and name.
    said: BTreeMap<(&'s str, &'s str), &'s Account>,
    /// Service accounts, by namespace.
    pub accounts: BTreeMap<String, BTreeSet<String>>,
    /// Secrets that something speaks of, by namespace.
    pub secrets: BTreeMap<String, BTreeSet<String>>,
    /// Users and groups that something is bound to.
    pub people: BTreeSet<Subject>,
}

impl<'s, 'm> Scene<'s, 'm> {
    pub fn of(cluster: usize, model: &'s Model<'m>, around: &'s Surroundings) -> Self {
        let Holdings { held, unknown } = around.rights.held();
        let mut of_subject: BTreeMap<Subject, Vec<usize>> = BTreeMap::new();
        for (at, held) in held.iter().enumerate() {
            of_subject.entry(held.subject.clone()).or_default().push(at);
        }
        let said = around.accounts.iter().map(|it| ((it.namespace.as_str(), it.name.as_str()), it)).collect();
        let inventory = model.cluster().inventory;
        let mut accounts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut add = |namespace: &str, name: &str| {
            accounts.entry(namespace.to_owned()).or_default().insert(name.to_owned());
        };
        model.workloads().filter(|it| it.machine.is_none()).for_each(|it| add(&it.namespace, &it.service_account));
        inventory.accounts.iter().for_each(|(namespace, name)| add(namespace, name));
        let bound = || around.rights.bindings.iter().flat_map(|binding| &binding.subjects);
        bound().filter(|it| it.kind == "ServiceAccount").for_each(|it| add(&it.namespace, &it.name));
        // Callers that nobody shows running, the facts name or somebody supposes.
        let domain = model.cluster().trust_domain();
        let own = model.strangers().iter().map(|it| &it.identity).filter(|it| it.trust_domain == domain);
        own.for_each(|it| add(&it.namespace, &it.service_account));
        let mut secrets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut add = |namespace: &str, name: &str| {
            secrets.entry(namespace.to_owned()).or_default().insert(name.to_owned());
        };
        around.secrets.iter().for_each(|it| add(&it.namespace, &it.name));
        around.accounts.iter().for_each(|it| it.pulls_with.iter().for_each(|(name, _)| add(&it.namespace, name)));
        for ((_, namespace, _), template) in &around.templates {
            let mounted = template.volumes.iter().flat_map(|volume| &volume.holds);
            for (content, _) in mounted {
                if let Content::Secret(name) = content {
                    add(namespace, name);
                }
            }
            let named = template.containers.iter().flat_map(|it| &it.secrets).chain(&template.of_node);
            named.for_each(|(name, _)| add(namespace, name));
        }
        // Where the mesh keeps the key that it signs identities with (istio/istio `security/pkg/pki/ca/selfsignedca.go`).
        let root = model.cluster().root_namespace();
        CA_SECRETS.iter().for_each(|name| add(root, name));
        let people = bound().filter(|it| it.kind != "ServiceAccount");
        let people = people.map(|it| Subject { namespace: String::new(), ..it.clone() }).collect();
        Self { cluster, model, around, held, unknown, of_subject, said, accounts, secrets, people }
    }

    /// Returns the workloads of a namespace, or of all.
    pub fn workloads(&self, namespace: Option<&str>) -> impl Iterator<Item = (Vertex, &'m Workload)> + use<'_, 's, 'm> {
        let all = &self.model.cluster().inventory.workloads;
        let first = |ends: &dyn Fn(&str, &str) -> bool| {
            namespace.map(|namespace| all.partition_point(|it| ends(it.namespace.as_str(), namespace)))
        };
        let start = first(&|own, namespace| own < namespace).unwrap_or(0);
        let end = first(&|own, namespace| own <= namespace).unwrap_or(all.len());
        let here = (start..).zip(all.get(start..end).unwrap_or_default()).filter(|(_, it)| it.machine.is_none());
        here.map(|(workload, it)| (Vertex::Workload { cluster: self.cluster, workload }, it))
    }

    /// Returns every right of the holder of one.
    pub fn own<'a>(&'a self, held: &Held) -> impl Iterator<Item = &'a Held> + use<'a, 's, 'm> {
        let all = self.of_subject.get(&held.subject).map_or(&[][..], Vec::as_slice);
        all.iter().filter_map(|at| self.held.get(*at))
    }

    /// Returns what the account of a workload says of itself.
    pub fn said_of(&self, workload: &Workload) -> Option<&'s Account> {
        self.said.get(&(workload.namespace.as_str(), workload.service_account.as_str())).copied()
    }

    /// Returns what the template of a workload says.
    pub fn template(&self, workload: &Workload) -> Option<&'s Template> {
        let key = (workload.kind.clone(), workload.namespace.clone(), workload.name.clone());
        self.around.templates.get(&key)
    }

    /// Returns the pairs of a namespace and a name of one of these, in a namespace or in all.
    pub fn listed<'l>(
        all: &'l BTreeMap<String, BTreeSet<String>>,
        namespace: Option<&'l str>,
    ) -> impl Iterator<Item = (&'l str, &'l str)> {
        let (from, to) = match namespace {
            Some(namespace) => (Bound::Included(namespace), Bound::Included(namespace)),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        let here = all.range::<str, _>((from, to));
        here.flat_map(|(namespace, names)| names.iter().map(move |name| (namespace.as_str(), name.as_str())))
    }

    pub fn account(&self, namespace: &str, name: &str) -> Vertex {
        self.subject("ServiceAccount", namespace, name)
    }

    pub fn subject(&self, kind: &str, namespace: &str, name: &str) -> Vertex {
        let subject = Subject { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() };
        Vertex::Subject { cluster: self.cluster, subject }
    }

    /// Tells whether a right may be about an account of Kubernetes itself that does anything: one of those that are known to, or one that
    /// it names and no manifest shows.
    pub fn is_about_strong(&self, held: &Held) -> bool {
        let shown = |name: &String| Self::listed(&self.accounts, held.namespace.as_deref()).any(|(_, it)| it == name);
        STRONG.iter().any(|name| held.right.is_about(name)) || held.right.names.iter().any(|name| !shown(name))
    }

    /// Returns the group that may do anything.
    pub fn masters(&self) -> Vertex {
        self.subject("Group", "", MASTERS)
    }

    /// Returns the vertex of whoever holds a right.
    pub fn holder(&self, subject: &Subject) -> Vertex {
        let Subject { kind, namespace, name } = subject;
        self.subject(kind, if kind == "ServiceAccount" { namespace } else { "" }, name)
    }

    pub fn identity(&self, namespace: &str, account: &str) -> Vertex {
        Vertex::Identity(Identity::new(self.model.cluster().trust_domain(), namespace, account))
    }

    pub fn secret(&self, namespace: &str, name: &str) -> Vertex {
        Vertex::Secret { cluster: self.cluster, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub fn any_node(&self) -> Vertex {
        Vertex::Nodes { cluster: self.cluster, placement: BTreeMap::new() }
    }

    pub fn control(&self) -> Vertex {
        Vertex::Control { cluster: self.cluster }
    }

    /// Tells whether manifests show the control plane of the mesh.
    pub fn shows_authority(&self) -> bool {
        self.workloads(Some(self.model.cluster().root_namespace())).any(|(_, workload)| is_authority(workload))
    }

    /// Returns what keeps pods of a namespace from their node: nothing unless Pod Security says so.
    pub fn lets_privileged(&self, namespace: &str) -> bool {
        let labels = self.model.cluster().inventory.namespaces.get(namespace);
        let level = labels.and_then(|labels| labels.get("pod-security.kubernetes.io/enforce"));
        level.is_none_or(|level| level != "baseline" && level != "restricted")
    }
}

/// Tells whether a workload of the root namespace is the control plane of the mesh.
pub(super) fn is_authority(workload: &Workload) -> bool {
    workload.labels.get("app").is_some_and(|app| app == AUTHORITY)
}

/// What makes an edge one: its ends, its kind, whether it is sure, and the line that makes it.
type Key = (Vertex, Vertex, Kind, bool, Option<Span>);

/// Edges, each pair of ends once for each kind and each line that makes it: when one goes the others are still there.
#[derive(Default)]
pub(super) struct Found {
    edges: BTreeMap<Key, Vec<(Span, String)>>,
}

impl Found {
    /// Adds an edge; of several that say the same by the same line the first keeps its places.
    pub fn add(&mut self, from: &Vertex, to: Vertex, kind: Kind, may: bool, places: &[(Span, String)]) {
        if *from != to {
            let line = places.first().map(|(span, _)| *span);
            self.edges.entry((from.clone(), to, kind, may, line)).or_insert_with(|| places.to_vec());
        }
    }

    /// Returns the sets of nodes that something is known of.
    pub fn nodes(&self) -> BTreeSet<Vertex> {
        let all = self.edges.keys().flat_map(|(from, to, ..)| [from, to]);
        all.filter(|vertex| matches!(vertex, Vertex::Nodes { .. })).cloned().collect()
    }

    /// Tells whether some edge leads to a vertex.
    pub fn leads_to(&self, vertex: &Vertex) -> bool {
        self.edges.keys().any(|(_, to, ..)| to == vertex)
    }

    pub fn into_edges(self) -> impl Iterator<Item = Edge> {
        self.edges.into_iter().map(|((from, to, kind, may, _), places)| Edge { from, to, kind, may, places })
    }
}
