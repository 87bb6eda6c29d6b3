//! What there is in one cluster, whoever wrote it: workloads, Services and every object that decides.
//!
//! In: rendered manifests, and a [`ClusterSpec`] with the facts that no manifest tells. Out: [`Model`], in which all questions
//! are look-ups. Policy of our own and plain manifests end here alike.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::Document;
use ringfence_compiler::inventory::{ClusterInventory, KubernetesService, Labels, Manifests, Workload};
use ringfence_compiler::resolve::units::MESH_PORTS;
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::spec::access::Port;
use ringfence_compiler::spec::cluster::{ClusterSpec, DataPlane};
use ringfence_compiler::spec::service::Protocol;
use ringfence_compiler::yaml::Node;

pub(crate) use crate::engine::envoy::EITHER;
use crate::engine::envoy::{Mesh, Reads, ZTUNNEL, unreadable};
use crate::istio::peer_authentication::Modes;
use crate::istio::read::selects;
use crate::istio::request_authentication::JwtRule;
use crate::istio::sidecar::Sidecar;
use crate::kubernetes::network::Network;
use crate::policies::Policies;
use crate::reach::is_gateway;
use crate::request::Identity;

/// The objects of a cluster.
#[derive(Debug, Default)]
pub struct Objects {
    /// What runs.
    pub inventory: ClusterInventory,
    /// What decides.
    pub policies: Policies,
}

impl Objects {
    /// Reads objects, in any order; one that is broken is reported and left out.
    pub fn read(roots: impl IntoIterator<Item = Node>, diagnostics: &mut Diagnostics) -> Self {
        Self::with(roots, Policies::add, diagnostics)
    }

    /// Reads objects as [`Objects::read`] does, those that a cluster refuses among them.
    pub fn read_unasked(roots: impl IntoIterator<Item = Node>, diagnostics: &mut Diagnostics) -> Self {
        Self::with(roots, Policies::add_unasked, diagnostics)
    }

    fn with(
        roots: impl IntoIterator<Item = Node>,
        add: fn(&mut Policies, &Node, &mut Diagnostics),
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let (mut manifests, mut policies) = (Manifests::default(), Policies::default());
        for root in roots {
            add(&mut policies, &root, diagnostics);
            manifests.add(root, diagnostics);
        }
        Self { inventory: manifests.finish(), policies: policies.sorted() }
    }
}

/// A caller that no manifest shows, and the facts about the cluster name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// What answers call it: `gateway:public`, `mon/prometheus`.
    pub name: String,
    /// Its identity.
    pub identity: Identity,
    /// The labels of its pods, where somebody says them.
    pub labels: Option<Labels>,
}

/// What stands before a port, beside the policies of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// A sidecar, of which everything is known.
    Sidecar,
    /// The ztunnel of its node, of which everything is known.
    Ztunnel,
    /// Something of which nothing is known: why.
    NotModelled(&'static str),
}

/// A cluster, ready to be asked.
#[derive(Debug)]
pub struct Model<'a> {
    cluster: Cluster<'a>,
    policies: &'a Policies,
    network: Network<'a>,
    mesh: Mesh,
    strangers: Vec<Stranger>,
    /// Whether a policy may select labels that are added later, one holds a path that no Envoy can read, or a Sidecar says how
    /// something arrives: most clusters have none of these, and every port asks.
    is_sometimes_unsure: bool,
    is_unreadable: bool,
    receives: bool,
}

impl<'a> Model<'a> {
    /// Joins objects with the facts about their cluster.
    #[must_use]
    pub fn of(document: &'a Document<ClusterSpec>, objects: &'a Objects) -> Self {
        Self::joining(Cluster { document, inventory: &objects.inventory }, &objects.policies)
    }

    /// Joins what is known of a cluster with what decides there.
    #[must_use]
    pub fn joining(cluster: Cluster<'a>, policies: &'a Policies) -> Self {
        let trust_domains = cluster.trust_domains();
        let strangers = strangers(&cluster);
        Self::made(cluster, policies, Mesh { trust_domains }, strangers)
    }

    fn made(cluster: Cluster<'a>, policies: &'a Policies, mesh: Mesh, strangers: Vec<Stranger>) -> Self {
        Self {
            network: Network::of(&cluster, policies),
            cluster,
            policies,
            mesh,
            strangers,
            is_sometimes_unsure: policies.is_sometimes_unsure(),
            is_unreadable: !unreadable(&policies.authorization.iter().collect::<Vec<_>>()).is_empty(),
            receives: policies.sidecars.iter().any(|sidecar| !sidecar.listeners.is_empty()),
        }
    }

    /// Adds callers that neither manifests nor facts show.
    #[must_use]
    pub fn supposing(mut self, strangers: impl IntoIterator<Item = Stranger>) -> Self {
        self.strangers.extend(strangers);
        self
    }

    /// Returns the same cluster with other policies.
    #[must_use]
    pub fn with(&self, policies: &'a Policies) -> Self {
        let cluster = Cluster { document: self.cluster.document, inventory: self.cluster.inventory };
        Self::made(cluster, policies, self.mesh.clone(), self.strangers.clone())
    }

    /// Returns the name of the cluster.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.cluster.document.name()
    }

    /// Returns the callers that only the facts name.
    #[must_use]
    pub fn strangers(&self) -> &[Stranger] {
        &self.strangers
    }

    /// Returns the namespace and the labels of each gateway that the facts name.
    #[must_use]
    pub fn gateways(&self) -> Vec<(&'a str, Labels)> {
        let gateways = self.cluster.document.spec.gateways.values().map(|gateway| &gateway.value);
        gateways.map(|gateway| (gateway.namespace.value.0.as_str(), gateway.pod_labels())).collect()
    }

    /// Returns the facts and the inventory.
    #[must_use]
    pub fn cluster(&self) -> &Cluster<'a> {
        &self.cluster
    }

    /// Returns what decides.
    #[must_use]
    pub fn policies(&self) -> &'a Policies {
        self.policies
    }

    /// Returns the trust domains that count as one.
    #[must_use]
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Returns the workloads, by namespace, name and kind.
    pub fn workloads(&self) -> impl Iterator<Item = &'a Workload> {
        self.cluster.inventory.workloads.iter()
    }

    /// Returns what the policies of the network say.
    #[must_use]
    pub fn network(&self) -> &Network<'a> {
        &self.network
    }

    /// Returns the identity a workload can show; `None` where it has no proxy to show one. A gateway is a proxy itself.
    #[must_use]
    pub fn identity(&self, workload: &Workload) -> Option<Identity> {
        // A machine of which no file tells whether it has a proxy may show what its entry says.
        let may = is_gateway(workload) || workload.machine.as_ref().is_some_and(|machine| machine.proxy.is_none());
        if !may {
            self.cluster.plane_of(workload)?;
        }
        Some(Identity::new(self.cluster.trust_domain(), &workload.namespace, &workload.service_account))
    }

    /// Tells whether a proxy sees what arrives at a port of a workload. What a sidecar serves itself it does not capture.
    #[must_use]
    pub fn is_guarded(&self, workload: &Workload, port: u16) -> bool {
        self.cluster.plane_of(workload).is_some_and(|plane| {
            let own = plane == DataPlane::Sidecar && MESH_PORTS.contains(&port);
            !own && !workload.is_past_the_proxy(plane, port)
        })
    }

    /// Says what stands before a port. Everything that judges a port asks this, so that all judge it alike.
    #[must_use]
    pub fn before(&self, workload: &Workload, port: u16) -> Before {
        match self.plane(workload) {
            _ if is_gateway(workload) => Before::NotModelled("gateways"),
            _ if workload.machine.as_ref().is_some_and(|machine| machine.proxy.is_none()) => {
                Before::NotModelled("a machine of which no file tells whether it has a proxy")
            }
            Some(DataPlane::Sidecar) if self.is_guarded(workload, port) => {
                let other = || {
                    let sidecars = self.receiving(workload)?;
                    if sidecars.iter().flatten().any(|sidecar| sidecar.doubtful) {
                        return Some("a Sidecar with a field that its kind does not have");
                    }
                    let mut listeners = sidecars.into_iter().flatten().flat_map(|sidecar| &sidecar.listeners);
                    let is_other = listeners.any(|listener| listener.port == port && listener.is_other);
                    is_other.then_some("a port at which a Sidecar ends TLS itself, or that it does not capture")
                };
                let why = self.obscured(&workload.namespace, &workload.labels).or_else(other);
                why.map_or(Before::Sidecar, Before::NotModelled)
            }
            Some(DataPlane::Ambient) if self.is_guarded(workload, port) => {
                self.unsure(&workload.namespace, &workload.labels).map_or(Before::Ztunnel, Before::NotModelled)
            }
            _ => Before::Nothing,
        }
    }

    /// Says why nothing is known of the rules that a proxy of pods enforces; `None` where they are known.
    #[must_use]
    pub fn obscured(&self, namespace: &str, labels: &Labels) -> Option<&'static str> {
        if let Some(why) = self.unsure(namespace, labels) {
            return Some(why);
        }
        if !self.is_unreadable {
            return None;
        }
        let selected = self.policies.authorizing(namespace, labels, self.cluster.root_namespace());
        (!unreadable(&selected).is_empty()).then_some("a path that no Envoy can read")
    }

    /// Says why some policy may hold for pods or not; `None` where none is so.
    fn unsure(&self, namespace: &str, labels: &Labels) -> Option<&'static str> {
        if !self.is_sometimes_unsure {
            return None;
        }
        self.policies.unsure(namespace, labels, self.cluster.root_namespace())
    }

    /// Returns the modes of a workload's ports, as what enforces them takes them.
    #[must_use]
    pub fn modes(&self, workload: &Workload) -> Modes {
        let root = self.cluster.root_namespace();
        match self.plane(workload) {
            Some(DataPlane::Ambient) => self.policies.modes_in_ambient(&workload.namespace, &workload.labels, root),
            _ => self.policies.modes(&workload.namespace, &workload.labels, root),
        }
    }

    /// Returns the rules by which a workload's proxy takes tokens; ztunnel looks at none.
    #[must_use]
    pub fn tokens(&self, workload: &Workload) -> Vec<&'a JwtRule> {
        match self.plane(workload) {
            Some(DataPlane::Ambient) => Vec::new(),
            _ => {
                let root = self.cluster.root_namespace();
                self.policies.tokens_at(&workload.namespace, &workload.labels, root)
            }
        }
    }

    /// Returns what enforces policy at a workload.
    #[must_use]
    pub fn plane(&self, workload: &Workload) -> Option<DataPlane> {
        self.cluster.plane_of(workload)
    }

    /// Returns the ports of a workload that containers declare or Services lead to, each with how a proxy may read it.
    ///
    /// Where nobody says what a port speaks, or Services disagree, a proxy may read it either way.
    #[must_use]
    pub fn ports(&self, workload: &Workload) -> BTreeMap<u16, &'static [Reads]> {
        let in_ambient = self.plane(workload) == Some(DataPlane::Ambient);
        let mut spoken: BTreeMap<u16, Speech> =
            workload.ports.iter().map(|port| (port.number, Speech::default())).collect();
        for port in self.services(workload).flat_map(|service| &service.ports) {
            for number in numbered(workload, &port.target) {
                spoken.entry(number).or_default().say(port.protocol.as_ref().map(|said| said.value));
            }
        }
        let readings = |spoken: &Speech| if in_ambient { ZTUNNEL } else { spoken.readings() };
        let mut ports: BTreeMap<u16, &'static [Reads]> =
            spoken.into_iter().map(|(port, spoken)| (port, readings(&spoken))).collect();
        if let Some(sidecars) = self.receiving(workload) {
            let listened = sidecars.iter().flatten().flat_map(|sidecar| &sidecar.listeners).map(|it| it.port);
            listened.for_each(|port| _ = ports.entry(port).or_insert(EITHER));
            for (port, readings) in &mut ports {
                let mut said =
                    sidecars.iter().map(|sidecar| sidecar.and_then(|it| it.reads(*port)).unwrap_or(readings));
                let first = said.next().unwrap_or(EITHER);
                *readings = if said.all(|other| other == first) { first } else { EITHER };
            }
        }
        ports
    }

    /// Returns the Sidecars of which one may say how the proxy of a workload takes what arrives; `None` where none does.
    fn receiving(&self, workload: &Workload) -> Option<Vec<Option<&'a Sidecar>>> {
        if !self.receives || self.plane(workload) != Some(DataPlane::Sidecar) {
            return None;
        }
        let root = self.cluster.root_namespace();
        let sidecars = self.policies.receiving(&workload.namespace, &workload.labels, root);
        sidecars.iter().flatten().any(|sidecar| !sidecar.listeners.is_empty()).then_some(sidecars)
    }

    /// Returns how a proxy may read a port; either way where nobody speaks of it.
    #[must_use]
    pub fn readings(&self, workload: &Workload, port: u16) -> &'static [Reads] {
        let unspoken = if self.plane(workload) == Some(DataPlane::Ambient) { ZTUNNEL } else { EITHER };
        self.ports(workload).remove(&port).unwrap_or(unspoken)
    }

    /// Returns the Services in front of a workload.
    pub fn services(&self, workload: &Workload) -> impl Iterator<Item = &'a KubernetesService> {
        let here = self.cluster.inventory.services_in(&workload.namespace).iter();
        here.filter(|service| !service.selector.is_empty() && selects(&service.selector, &workload.labels))
    }
}

/// Returns the ports of a workload that a number or a name stands for.
#[must_use]
pub fn numbered(workload: &Workload, port: &Port) -> BTreeSet<u16> {
    match port {
        Port::Number(number) => [*number].into(),
        Port::Name(name) => {
            let named = workload.ports.iter().filter(|declared| declared.name.as_ref() == Some(name));
            named.map(|declared| declared.number).collect()
        }
    }
}

/// What Services say that a port speaks.
#[derive(Debug, Default)]
struct Speech {
    http: bool,
    bytes: bool,
    unsaid: bool,
}

impl Speech {
    fn say(&mut self, protocol: Option<Protocol>) {
        match protocol {
            Some(protocol) if protocol.is_http() => self.http = true,
            Some(_) => self.bytes = true,
            None => self.unsaid = true,
        }
    }

    fn readings(&self) -> &'static [Reads] {
        match (self.http, self.bytes) {
            (true, false) if !self.unsaid => &[Reads::Http],
            (false, true) if !self.unsaid => &[Reads::Bytes],
            _ => EITHER,
        }
    }
}

/// Returns the gateways and identities of a cluster's facts that no workload of its manifests shows.
fn strangers(cluster: &Cluster<'_>) -> Vec<Stranger> {
    let spec = &cluster.document.spec;
    let shown = |namespace: &str, account: &str| cluster.inventory.shows(namespace, account);
    let identity = |namespace: &str, account: &str| Identity::new(cluster.trust_domain(), namespace, account);
    let mut strangers = Vec::new();
    for (name, gateway) in &spec.gateways {
        let (namespace, account) = (&gateway.value.namespace.value.0, &gateway.value.service_account.value.0);
        if !shown(namespace, account) {
            let labels = gateway.value.pod_labels();
            strangers.push(Stranger {
                name: format!("gateway:{name}"),
                identity: identity(namespace, account),
                labels: (!labels.is_empty()).then_some(labels),
            });
        }
    }
    for known in &spec.identities {
        let namespace = &known.namespace.value.0;
        for account in known.service_accounts.0.iter().map(|account| &account.value.0) {
            if !shown(namespace, account) {
                strangers.push(Stranger {
                    name: format!("{namespace}/{account}"),
                    identity: identity(namespace, account),
                    labels: None,
                });
            }
        }
    }
    strangers.sort_by(|a, b| a.name.cmp(&b.name));
    strangers
}
