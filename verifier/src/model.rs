//! What there is in one cluster, whoever wrote it: workloads, Services and every object that decides.
//!
//! In: rendered manifests, and a [`ClusterSpec`] with the facts that no manifest tells. Out: [`Model`], in which all questions
//! are look-ups. Policy of our own and plain manifests end here alike.

use std::collections::BTreeMap;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::Document;
use ringfence_compiler::inventory::{ClusterInventory, KubernetesService, Labels, Manifests, Workload};
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::spec::access::Port;
use ringfence_compiler::spec::cluster::{ClusterSpec, DataPlane, GatewaySpec};
use ringfence_compiler::spec::service::Protocol;
use ringfence_compiler::yaml::Node;

use crate::engine::envoy::{Mesh, Reads};
use crate::istio::read::selects;
use crate::kubernetes::network::Network;
use crate::policies::Policies;
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
        let (mut manifests, mut policies) = (Manifests::default(), Policies::default());
        for root in roots {
            policies.add(&root, diagnostics);
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

/// A cluster, ready to be asked.
#[derive(Debug)]
pub struct Model<'a> {
    cluster: Cluster<'a>,
    policies: &'a Policies,
    network: Network<'a>,
    mesh: Mesh,
    strangers: Vec<Stranger>,
}

impl<'a> Model<'a> {
    /// Joins objects with the facts about their cluster.
    #[must_use]
    pub fn of(document: &'a Document<ClusterSpec>, objects: &'a Objects) -> Self {
        let cluster = Cluster { document, inventory: &objects.inventory };
        let trust_domains = cluster.trust_domains();
        let strangers = strangers(&cluster);
        let network = Network::of(&cluster, &objects.policies);
        Self { cluster, policies: &objects.policies, network, mesh: Mesh { trust_domains }, strangers }
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
        let of_one = |gateway: &'a GatewaySpec| {
            let labels = gateway.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            (gateway.namespace.value.0.as_str(), labels)
        };
        gateways.map(of_one).collect()
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

    /// Returns the identity a workload can show; `None` where it has no proxy to show one.
    #[must_use]
    pub fn identity(&self, workload: &Workload) -> Option<Identity> {
        self.cluster.plane_of(workload)?;
        Some(Identity::new(self.cluster.trust_domain(), &workload.namespace, &workload.service_account))
    }

    /// Tells whether a sidecar sees what arrives at a port of a workload.
    #[must_use]
    pub fn is_guarded(&self, workload: &Workload, port: u16) -> bool {
        self.cluster.plane_of(workload).is_some_and(|plane| !workload.is_past_the_proxy(plane, port))
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
    pub fn ports(&self, workload: &Workload) -> BTreeMap<u16, Vec<Reads>> {
        let mut spoken: BTreeMap<u16, Vec<Option<Protocol>>> = BTreeMap::new();
        for port in &workload.ports {
            spoken.entry(port.number).or_default();
        }
        for port in self.services(workload).flat_map(|service| &service.ports) {
            let numbers: Vec<u16> = match &port.target {
                Port::Number(number) => vec![*number],
                Port::Name(name) => {
                    let named = workload.ports.iter().filter(|declared| declared.name.as_ref() == Some(name));
                    named.map(|declared| declared.number).collect()
                }
            };
            for number in numbers {
                spoken.entry(number).or_default().push(port.protocol.as_ref().map(|protocol| protocol.value));
            }
        }
        let reads = |said: Vec<Option<Protocol>>| {
            let is = |http: bool| said.iter().flatten().any(|protocol| protocol.is_http() == http);
            let unsaid = said.is_empty() || said.contains(&None);
            let mut reads = Vec::new();
            if is(true) || unsaid {
                reads.push(Reads::Http);
            }
            if is(false) || unsaid {
                reads.push(Reads::Bytes);
            }
            reads
        };
        spoken.into_iter().map(|(port, said)| (port, reads(said))).collect()
    }

    /// Returns how a proxy may read a port; either way where nobody speaks of it.
    #[must_use]
    pub fn readings(&self, workload: &Workload, port: u16) -> Vec<Reads> {
        self.ports(workload).remove(&port).unwrap_or_else(|| vec![Reads::Http, Reads::Bytes])
    }

    fn services(&self, workload: &Workload) -> impl Iterator<Item = &'a KubernetesService> {
        let here = self.cluster.inventory.services_in(&workload.namespace).iter();
        here.filter(|service| !service.selector.is_empty() && selects(&service.selector, &workload.labels))
    }
}

/// Returns the gateways and identities of a cluster's facts that no workload of its manifests shows.
fn strangers(cluster: &Cluster<'_>) -> Vec<Stranger> {
    let spec = &cluster.document.spec;
    let shown = |namespace: &str, account: &str| {
        cluster.inventory.workloads_in(namespace).any(|(_, workload)| workload.service_account == account)
    };
    let identity = |namespace: &str, account: &str| Identity::new(cluster.trust_domain(), namespace, account);
    let mut strangers = Vec::new();
    for (name, gateway) in &spec.gateways {
        let (namespace, account) = (&gateway.value.namespace.value.0, &gateway.value.service_account.value.0);
        if !shown(namespace, account) {
            let labels: Labels = gateway.value.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
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
