//! What is to be enforced, cluster by cluster: leaf decisions with their reasons, before any object is written.
//!
//! In: made by `lower.rs`. Out: read by `emit.rs`. It knows ports, principals and pods, and nothing of YAML.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde_json::Value;

use crate::inventory::Labels;
use crate::resolve::exposures::Place;
use crate::resolve::routes::Matched;
use crate::resolve::statements::Origin;
use crate::spec::authentication::{Issuer, MtlsMode};
use crate::spec::cluster::Flavor;
use crate::spec::egress::EgressProtocol;
use crate::spec::exposure::{TlsMode, TlsVersion};
use crate::spec::mandates::EgressMode;
use crate::spec::route::RouteRule;
use crate::spec::service::Protocol;

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
    /// Ingress gateways that exposures name, sorted.
    pub gateways: Vec<GatewayPlan>,
    /// Hosts outside that workloads call.
    pub egresses: Vec<EgressPlan>,
    /// Egress gateways that lead there, sorted.
    pub egress_gateways: Vec<EgressGatewayPlan>,
    /// How requests to services are divided.
    pub routes: Vec<RoutePlan>,
    /// Whether every waypoint of the cluster is one of ours, so that all may be denied by default.
    pub guards_waypoints: bool,
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
    /// Machines outside Kubernetes, sorted by name.
    pub machines: Vec<MachinePlan>,
    /// Its waypoint.
    pub waypoint: Option<WaypointPlan>,
}

/// A waypoint and what it enforces.
#[derive(Debug, Clone, PartialEq)]
pub struct WaypointPlan {
    /// Its name, which is also that of its account.
    pub name: String,
    /// The labels of its pods.
    pub labels: Labels,
    /// The Services that are called through it, sorted by name.
    pub doors: Vec<DoorPlan>,
    /// Whether it is denied by default by itself, because no policy of the class of all waypoints is.
    pub default_deny: bool,
    /// Telemetry providers that get an access log from it.
    pub access_log: Vec<(String, Origin)>,
    /// What NetworkPolicy enforces at it; `None` where it enforces nothing.
    pub network: Option<NetworkPlan>,
    /// What it comes from.
    pub origins: Origins,
}

/// What a waypoint enforces for one Service.
#[derive(Debug, Clone, PartialEq)]
pub struct DoorPlan {
    /// The Kubernetes Service.
    pub service: String,
    /// What is enforced; ports are the Service's.
    pub mesh: MeshPlan,
}

/// Machines outside Kubernetes that are one workload.
#[derive(Debug, Clone, PartialEq)]
pub struct MachinePlan {
    /// Their name.
    pub name: String,
    /// The host by which callers name them.
    pub host: String,
    /// Their addresses; a block is one in which machines register themselves.
    pub addresses: Vec<IpNet>,
    /// What policies select them by.
    pub labels: Labels,
    /// The service account of their identity.
    pub service_account: String,
    /// Their network, where clusters have more than one.
    pub network: Option<String>,
    /// Number, name and protocol of each port.
    pub ports: Vec<(u16, String, Protocol)>,
    /// Whether a proxy stands before them.
    pub proxy: bool,
    /// The namespaces that call them; `None` where everyone may.
    pub seen_by: Option<BTreeSet<String>>,
    /// What they come from.
    pub origins: Origins,
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
    /// What NetworkPolicy enforces at it; `None` at machines outside Kubernetes.
    pub network: Option<NetworkPlan>,
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
    /// Hosts outside and gateways it calls, each as `<namespace>/<host>`.
    pub hosts: BTreeSet<String>,
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
    /// Every host but these.
    pub not_hosts: Vec<String>,
    /// Further conditions: key and values.
    pub when: Vec<(String, Vec<String>)>,
    /// Addresses.
    pub ip_blocks: Vec<String>,
    /// Addresses of clients, as proxies in front hand them on.
    pub remote_ip_blocks: Vec<String>,
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
    /// Addresses without some of them, sorted.
    AddressesBut(IpNet, Vec<IpNet>),
}

/// An ingress gateway and what it lets in.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayPlan {
    /// Its name, as policy has it.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// In which objects it is written.
    pub flavor: Flavor,
    /// The class of its Gateway object.
    pub class: String,
    /// The labels of its pods.
    pub labels: Labels,
    /// The service account of its pods.
    pub service_account: String,
    /// The Kubernetes Service of pods that run already.
    pub service: Option<String>,
    /// Whether others make its Gateway object.
    pub shared: bool,
    /// What it listens for: one a host, sorted.
    pub listeners: Vec<ListenerPlan>,
    /// Where requests go from there.
    pub routes: Vec<EdgeRoutePlan>,
    /// Whose tokens it checks.
    pub issuers: Vec<(Issuer, Origin)>,
    /// What it admits; where it is shared, nothing is asked of it.
    pub rules: Vec<Rule>,
    /// What it comes from.
    pub origins: Origins,
}

/// A host a gateway listens for.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerPlan {
    /// The host, perhaps with a leading `*.`.
    pub host: String,
    /// Who ends TLS.
    pub mode: TlsMode,
    /// The oldest version of TLS.
    pub min_version: TlsVersion,
    /// The namespace and name of the Secret.
    pub secret: Option<(String, String)>,
    /// Where the listener itself stands: the gateway's namespace, or that of its ListenerSet.
    pub namespace: String,
    /// The name of its ListenerSet, where the gateway is shared.
    pub set: String,
    /// The namespaces whose routes it takes.
    pub namespaces: BTreeSet<String>,
    /// The kind of routes it takes.
    pub kind: RouteKind,
    /// What it comes from.
    pub origins: Origins,
}

/// What a route is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// Requests of HTTP.
    Http,
    /// Calls of gRPC.
    Grpc,
    /// Connections of TLS that is not ended.
    Tls,
}

/// Where requests for some hosts go, to services of one namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeRoutePlan {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What it is about.
    pub kind: RouteKind,
    /// The hosts.
    pub hosts: Vec<String>,
    /// The paths, the most specific first.
    pub paths: Vec<EdgePathPlan>,
    /// What it comes from.
    pub origins: Origins,
}

/// A path and what answers it.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgePathPlan {
    /// The path.
    pub at: Place,
    /// What it becomes.
    pub rewrite: Option<String>,
    /// What answers.
    pub backends: Vec<BackendPlan>,
}

/// A share of requests.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendPlan {
    /// The Kubernetes Service.
    pub service: String,
    /// The subset of a DestinationRule.
    pub subset: Option<String>,
    /// The port of the Service.
    pub port: u16,
    /// The share in percent.
    pub weight: u32,
}

/// How requests to a service are divided.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutePlan {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// In which objects it is written.
    pub flavor: Flavor,
    /// The Kubernetes Service that callers name.
    pub service: String,
    /// The port of the Service.
    pub port: u16,
    /// Whether the Service has further ports, so that rules name theirs.
    pub names_port: bool,
    /// What the port speaks.
    pub kind: RouteKind,
    /// The labels of each subset.
    pub subsets: BTreeMap<String, Labels>,
    /// The rules, in order; the last one takes what is left.
    pub rules: Vec<RouteRulePlan>,
    /// What it comes from.
    pub origins: Origins,
}

/// Which requests go where.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteRulePlan {
    /// The requests; all when empty.
    pub matches: Vec<Matched>,
    /// Where they go.
    pub backends: Vec<BackendPlan>,
    /// Who gets a copy, and of how many in a hundred.
    pub mirror: Option<(BackendPlan, u32)>,
    /// What the rule says besides.
    pub spec: Option<RouteRule>,
}

/// A host outside that some workloads of a cluster call.
#[derive(Debug, Clone, PartialEq)]
pub struct EgressPlan {
    /// The host, perhaps with a leading `*.`.
    pub host: String,
    /// Its ports.
    pub ports: Vec<EgressPortPlan>,
    /// Its addresses, where a port of bare TCP is told by nothing else.
    pub addresses: Vec<IpNet>,
    /// Where TLS begins on the way: with the certificate of a Secret, or with none.
    pub originates: Option<Option<String>>,
    /// The gateway that leads there.
    pub via: Option<EgressDoor>,
    /// Who calls it: namespaces, and the selectors of their pods.
    pub callers: BTreeMap<String, BTreeSet<(String, Labels)>>,
    /// What it comes from.
    pub origins: Origins,
}

/// A port of a host outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EgressPortPlan {
    /// The port that workloads call.
    pub number: u16,
    /// The port of the host.
    pub outside: u16,
    /// What workloads speak.
    pub protocol: EgressProtocol,
}

/// Where an egress gateway is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EgressDoor {
    /// Its name, as policy has it.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its Kubernetes Service.
    pub service: String,
}

/// An egress gateway and whom it lets out.
#[derive(Debug, Clone, PartialEq)]
pub struct EgressGatewayPlan {
    /// Where it is reached.
    pub door: EgressDoor,
    /// The labels of its pods.
    pub labels: Labels,
    /// Whom it admits, and to which hosts.
    pub rules: Vec<Rule>,
    /// What NetworkPolicy enforces at it; `None` where it enforces nothing.
    pub network: Option<NetworkPlan>,
    /// What it comes from.
    pub origins: Origins,
}
