//! What is to be enforced, cluster by cluster: leaf decisions with their reasons, before any object is written.
//!
//! In: made by `lower.rs`. Out: read by `emit.rs`. It knows ports, principals and pods, and nothing of YAML.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde_json::Value;

use crate::inventory::Labels;
use crate::resolve::statements::Origin;
use crate::spec::authentication::{Issuer, MtlsMode};
use crate::spec::mandates::EgressMode;

/// Where a thing comes from.
pub type Origins = BTreeSet<Origin>;

/// Everything for one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterPlan {
    /// Its name.
    pub name: String,
    /// The namespace whose policies hold for the whole mesh.
    pub root_namespace: String,
    /// Governed namespaces, sorted.
    pub namespaces: Vec<NamespacePlan>,
    /// Kubernetes users that may write policy objects; empty when none is declared.
    pub writers: Vec<String>,
    /// Where the cluster is declared.
    pub origin: Origin,
    /// Hand-written objects.
    pub raws: Vec<(Value, Origin)>,
}

/// Everything for one namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct NamespacePlan {
    /// Its name.
    pub name: String,
    /// What claims it.
    pub origin: Origin,
    /// How traffic arrives where no unit says otherwise; `None` where no workload has a proxy.
    pub mtls: Option<(MtlsMode, Origins)>,
    /// What ceilings deny at every workload; empty where they differ from unit to unit.
    pub ceilings: Vec<Rule>,
    /// The same for ceilings on trial.
    pub ceilings_on_trial: Vec<Rule>,
    /// Telemetry providers that get an access log from every workload.
    pub access_log: Vec<(String, Origin)>,
    /// Whether NetworkPolicy is enforced.
    pub network_policy: bool,
    /// Its units, sorted by name.
    pub units: Vec<UnitPlan>,
}

impl NamespacePlan {
    /// Tells whether the mesh enforces anything in it: some workload has a proxy, or none is known yet.
    #[must_use]
    pub fn is_meshed(&self) -> bool {
        self.mtls.is_some()
    }
}

/// Everything for one unit of workloads.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitPlan {
    /// Its name.
    pub name: String,
    /// The labels that select its pods.
    pub selector: Labels,
    /// Where its workload was written, and its service's name.
    pub origin: Origin,
    /// What AuthorizationPolicy and the like can enforce at it: `None` without a proxy.
    pub mesh: Option<MeshPlan>,
    /// What NetworkPolicy enforces at it.
    pub network: NetworkPlan,
}

/// What a proxy enforces.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MeshPlan {
    /// Modes that differ from the namespace's: for every port, and for some.
    pub mtls: Option<(MtlsMode, BTreeMap<u16, MtlsMode>, Origins)>,
    /// What is allowed.
    pub allow: Vec<Rule>,
    /// What would be allowed, on trial.
    pub allow_on_trial: Vec<Rule>,
    /// What is denied.
    pub deny: Vec<Rule>,
    /// What would be denied, on trial.
    pub deny_on_trial: Vec<Rule>,
    /// What ceilings deny here, where they differ from unit to unit.
    pub ceilings: Vec<Rule>,
    /// The same for ceilings on trial.
    pub ceilings_on_trial: Vec<Rule>,
    /// Issuers whose tokens are accepted.
    pub issuers: Vec<(Issuer, Origin)>,
    /// What denies requests without a token.
    pub token: Vec<Rule>,
    /// The external authorization provider to ask, and for which requests.
    pub ask: Option<(String, Vec<Rule>)>,
    /// Telemetry providers that get an access log from it, where they differ from the namespace's.
    pub access_log: Vec<(String, Origin)>,
    /// What its sidecar is told about; `None` without one.
    pub sidecar: Option<SidecarPlan>,
}

/// What a sidecar is told about: hygiene, not a boundary.
#[derive(Debug, Clone, PartialEq)]
pub struct SidecarPlan {
    /// Namespaces it calls.
    pub namespaces: BTreeSet<String>,
    /// Whether it may call what it was not told about.
    pub egress: EgressMode,
    /// What says so.
    pub origins: Origins,
}

/// A rule of an AuthorizationPolicy: each part `None` or empty asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Ports of the workload.
    pub ports: Vec<u16>,
    /// Every port but these.
    pub not_ports: Vec<u16>,
    /// HTTP methods.
    pub methods: Vec<String>,
    /// Paths.
    pub paths: Vec<String>,
    /// Every path but these.
    pub not_paths: Vec<String>,
    /// Hosts.
    pub hosts: Vec<String>,
    /// Further conditions: key and values.
    pub when: Vec<(String, Vec<String>)>,
    /// Addresses.
    pub ip_blocks: Vec<String>,
    /// Every address but these.
    pub not_ip_blocks: Vec<String>,
    /// Every identity but these, and none.
    pub not_principals: Vec<String>,
    /// Every token but these, and none.
    pub not_request_principals: Vec<String>,
    /// Identities.
    pub principals: Vec<String>,
    /// What it comes from.
    pub origins: Origins,
}

/// What NetworkPolicy enforces.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkPlan {
    /// Connections that may arrive.
    pub ingress: Vec<Flow>,
    /// Connections that may leave.
    pub egress: Vec<Flow>,
    /// What they come from.
    pub origins: Origins,
}

/// Peers and ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// TCP and UDP ports; none means every port.
    pub ports: Vec<(Transport, u16)>,
    /// The peers; none means every peer.
    pub peers: BTreeSet<Peer>,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Anyone, in the cluster or not.
    Anywhere,
    /// Pods of every namespace.
    EveryPod,
    /// Pods of a namespace: those with these labels, or all.
    Pods {
        /// The namespace.
        namespace: String,
        /// The labels.
        labels: Labels,
    },
    /// Addresses.
    Addresses(IpNet),
}
