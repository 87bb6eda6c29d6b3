//! A policy repository as plain data: what a generator or a test puts together.

/// Today, in every law.
pub const TODAY: &str = "2026-11-22";
/// The only issuer of tokens.
pub const ISSUER: &str = "https://login.example";

#[derive(Debug, Clone, Default)]
pub struct Repository {
    pub clusters: Vec<Cluster>,
    pub nodes: Vec<Node>,
    pub services: Vec<Service>,
    pub zones: Vec<Zone>,
    pub accesses: Vec<Access>,
    pub authentications: Vec<Authentication>,
    pub exceptions: Vec<Exception>,
}

#[derive(Debug, Clone)]
pub struct Cluster {
    pub name: String,
    pub trust_domain: String,
    pub ambient: bool,
}

/// The root, a tenant, a workspace or a group, by the length of its path.
#[derive(Debug, Clone, Default)]
pub struct Node {
    pub path: String,
    /// Namespaces of a workspace, in every cluster; services of a group.
    pub claims: Vec<String>,
    pub mandates: Mandates,
    pub defaults: Defaults,
}

#[derive(Debug, Clone, Default)]
pub struct Mandates {
    pub mtls: Option<&'static str>,
    pub from: Option<Vec<Source>>,
    pub at_most: Option<Vec<Entry>>,
    pub at_least: Vec<Entry>,
    /// Whether who crosses tenants must say so on both sides.
    pub cross_tenant: bool,
    pub trial: bool,
    pub trust_domains: Option<Vec<String>>,
    pub issuers: bool,
    pub egress: Option<&'static str>,
}

#[derive(Debug, Clone, Default)]
pub struct Defaults {
    pub mtls: Option<&'static str>,
    pub within: Option<&'static str>,
    pub egress: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Ref {
    Node(String),
    /// By the path of its workspace, and its name, which no other service has.
    Service(String, String),
    Zone(String),
    Account(String, String, String),
    Cidr(&'static str),
    Mesh,
    Anyone,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Anyone when absent.
    pub who: Option<Ref>,
    /// A token whose `role` is one of these.
    pub roles: Option<Vec<&'static str>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Condition {
    pub ports: Option<Vec<u16>>,
    pub methods: Option<Vec<&'static str>>,
    pub paths: Option<Vec<&'static str>>,
    pub hosts: Option<Vec<&'static str>>,
    /// Values of the header `x-team`.
    pub header: Option<Vec<&'static str>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    pub from: Option<Vec<Source>>,
    pub condition: Condition,
    pub trial: bool,
    pub clip: bool,
}

/// A service: one Kubernetes Service and Deployment of its name in each of its clusters.
#[derive(Debug, Clone)]
pub struct Service {
    pub name: String,
    pub workspace: String,
    pub group: Option<String>,
    pub namespace: String,
    pub clusters: Vec<usize>,
    pub account: String,
    /// Whether it has the TCP port 9000 beside the HTTP port 8080.
    pub tcp: bool,
    /// The mode its document asks for, and for which port alone.
    pub mtls: Option<(&'static str, Option<u16>)>,
}

#[derive(Debug, Clone)]
pub struct Zone {
    pub node: String,
    pub name: String,
    pub members: Vec<Ref>,
    pub from: Option<Vec<Source>>,
    pub to: Option<Vec<Ref>>,
}

#[derive(Debug, Clone, Default)]
pub struct Access {
    pub node: String,
    pub name: String,
    pub to: Option<Vec<Ref>>,
    pub allow: Vec<Entry>,
    pub deny: Vec<Entry>,
    /// What everything in the node calls elsewhere.
    pub uses: Vec<Ref>,
}

#[derive(Debug, Clone)]
pub struct Authentication {
    pub node: String,
    pub name: String,
    pub to: Option<Vec<Ref>>,
    pub required: bool,
    pub exempt: Option<Vec<&'static str>>,
}

#[derive(Debug, Clone)]
pub struct Exception {
    pub node: String,
    pub name: String,
    pub waives: String,
    pub service: Ref,
    pub ports: Option<Vec<u16>>,
    pub widen_to: Vec<String>,
    pub expires: &'static str,
}

/// Returns a path and all above it, the root first.
pub fn lineage(path: &str) -> Vec<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let join = |count: usize| format!("/{}", parts[..count].join("/"));
    (0..=parts.len()).map(join).collect()
}
