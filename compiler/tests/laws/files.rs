//! From a repository to its files.
//!
//! In: a [`Repository`] and a [`Layout`]. Out: policy and inventory as people and clusters write them. The laws say that the
//! layout means nothing.

use std::collections::BTreeMap;

use ringfence_compiler::yaml::emit::emit;
use serde_json::{Map, Value, json};

use super::repository::*;
use crate::support::Files;

/// One document, where it must stand, and under which file name if that matters.
pub struct Document {
    pub folder: String,
    pub file: Option<&'static str>,
    pub value: Value,
}

/// Which file each document goes to, and the order within it.
#[derive(Debug, Clone)]
pub struct Layout {
    pub files: Vec<usize>,
    pub keys: Vec<u16>,
}

impl Layout {
    /// One file for all that stands in a folder, in the order of the documents.
    pub fn plain() -> Self {
        Self { files: vec![0], keys: vec![0] }
    }
}

impl Repository {
    /// Returns the files of the repository, laid out in some way.
    pub fn files(&self, layout: &Layout) -> Files {
        let mut parts: BTreeMap<String, Vec<(u16, usize, String)>> = BTreeMap::new();
        for (at, document) in self.documents().iter().enumerate() {
            let names = ["all.yaml", "b.yml", "zz.yaml", "m-1.yaml", "own"];
            let chosen = names[layout.files[at % layout.files.len()] % names.len()];
            let own = self.nodes.iter().find(|node| document.folder == format!("policy{}", slashed(&node.path)));
            let file = match (document.file, chosen, own) {
                (Some(file), ..) => file,
                (None, "own", Some(node)) => node.level().1,
                (None, "own", None) => "all.yaml",
                (None, chosen, _) => chosen,
            };
            let key = layout.keys[at % layout.keys.len()];
            let path = format!("{}/{file}", document.folder);
            parts.entry(path).or_default().push((key, at, emit(&document.value).unwrap()));
        }
        let mut files = Files::new();
        for (path, mut texts) in parts {
            texts.sort();
            let texts: Vec<String> = texts.into_iter().map(|(_, _, text)| text).collect();
            files.insert(path, texts.join("---\n").into_bytes());
        }
        files.insert("ringfence.yaml".to_owned(), emit(&document("Project", "laws", json!({}))).unwrap().into_bytes());
        files
    }

    /// Returns every document of policy and inventory.
    pub fn documents(&self) -> Vec<Document> {
        let mut all = Vec::new();
        let mut add = |node: &str, file, value| {
            all.push(Document { folder: format!("policy{}", slashed(node)), file, value });
        };
        for node in &self.nodes {
            let (kind, file) = node.level();
            let name = node.path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("laws");
            add(&node.path, Some(file), document(kind, name, node.spec()));
        }
        for cluster in &self.clusters {
            let plane = if cluster.ambient { "ambient" } else { "sidecar" };
            let spec = json!({ "trustDomain": cluster.trust_domain, "dataPlane": plane, "istioVersion": "1.29" });
            add("/", None, document("Cluster", &cluster.name, spec));
        }
        for service in &self.services {
            if let Some((mode, port)) = service.mtls {
                let mtls = match port {
                    Some(port) => json!({ "mode": "strict", "ports": { port.to_string(): mode } }),
                    None => json!(mode),
                };
                add(&service.workspace, None, document("Service", &service.name, json!({ "mtls": mtls })));
            }
        }
        for zone in &self.zones {
            let mut rules = Map::new();
            put(&mut rules, "from", zone.from.as_ref().map(|from| json!({ "atMost": list(from, Source::value) })));
            put(&mut rules, "to", zone.to.as_ref().map(|to| json!({ "atMost": list(to, Ref::value) })));
            let spec = json!({ "members": list(&zone.members, Ref::value), "rules": rules });
            add(&zone.node, None, document("Zone", &zone.name, spec));
        }
        for access in &self.accesses {
            let mut spec = Map::new();
            put(&mut spec, "to", access.to.as_ref().map(|to| list(to, Ref::value)));
            put(&mut spec, "allow", (!access.allow.is_empty()).then(|| list(&access.allow, Entry::value)));
            put(&mut spec, "deny", (!access.deny.is_empty()).then(|| list(&access.deny, Entry::value)));
            put(&mut spec, "uses", (!access.uses.is_empty()).then(|| list(&access.uses, Ref::value)));
            add(&access.node, None, document("Access", &access.name, spec.into()));
        }
        for statement in &self.authentications {
            let keys = json!({ "issuer": ISSUER, "jwksUri": "https://login.example/keys" });
            let mut spec = Map::new();
            put(&mut spec, "to", statement.to.as_ref().map(|to| list(to, Ref::value)));
            put(&mut spec, "issuers", Some(json!([keys])));
            put(&mut spec, "required", statement.required.then(|| json!(true)));
            put(&mut spec, "exempt", statement.exempt.as_ref().map(|paths| json!(paths)));
            add(&statement.node, None, document("Authentication", &statement.name, spec.into()));
        }
        for exception in &self.exceptions {
            let mut scope = Map::new();
            put(&mut scope, "service", Some(exception.service.value()));
            put(&mut scope, "ports", exception.ports.as_ref().map(|ports| json!(ports)));
            let spec = json!({
                "waives": exception.waives, "scope": scope, "widenTo": exception.widen_to, "category": "waiver",
                "reason": "a law", "owner": "team:laws", "expires": exception.expires,
            });
            add(&exception.node, None, document("Exception", &exception.name, spec));
        }
        for (at, cluster) in self.clusters.iter().enumerate() {
            let folder = format!("inventory/{}", cluster.name);
            for value in self.manifests(at, cluster.ambient) {
                all.push(Document { folder: folder.clone(), file: None, value });
            }
        }
        all
    }

    fn manifests(&self, cluster: usize, ambient: bool) -> Vec<Value> {
        let (key, value) =
            if ambient { ("istio.io/dataplane-mode", "ambient") } else { ("istio-injection", "enabled") };
        let mut all = Vec::new();
        for namespace in self.nodes.iter().filter(|node| node.level().0 == "Workspace").flat_map(|node| &node.claims) {
            let metadata = json!({ "name": namespace, "labels": { key: value } });
            all.push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata }));
        }
        for service in self.services.iter().filter(|service| service.clusters.contains(&cluster)) {
            let metadata = json!({ "name": service.name, "namespace": service.namespace });
            let labels = json!({ "app": service.name });
            let mut containers = vec![json!({ "containerPort": 8080 })];
            let mut ports = vec![json!({ "name": "http-api", "port": 80, "targetPort": 8080 })];
            if service.tcp {
                containers.push(json!({ "containerPort": 9000 }));
                ports.push(json!({ "name": "tcp-raw", "port": 9000 }));
            }
            let spec = json!({ "selector": labels, "ports": ports });
            all.push(json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec }));
            let pod = json!({
                "serviceAccountName": service.account,
                "containers": [{ "name": "main", "image": "example/main", "ports": containers }],
            });
            let template = json!({ "metadata": { "labels": labels }, "spec": pod });
            let spec = json!({ "selector": { "matchLabels": labels }, "template": template });
            all.push(json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec }));
        }
        all
    }
}

/// Returns the part of a node's path behind the root of the policy folder.
fn slashed(path: &str) -> &str {
    path.trim_end_matches('/')
}

fn document(kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "ringfence/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    map.extend(value.map(|value| (key.to_owned(), value)));
}

fn list<T>(items: &[T], value: impl Fn(&T) -> Value) -> Value {
    items.iter().map(value).collect()
}

impl Node {
    /// Returns its kind and the name of its file.
    pub fn level(&self) -> (&'static str, &'static str) {
        match slashed(&self.path).matches('/').count() {
            0 => ("Organization", "organization.yaml"),
            1 => ("Tenant", "tenant.yaml"),
            2 => ("Workspace", "workspace.yaml"),
            _ => ("Group", "group.yaml"),
        }
    }

    fn spec(&self) -> Value {
        let mut spec = Map::new();
        match self.level().0 {
            "Workspace" => {
                let claims: Vec<String> = self.claims.iter().map(|namespace| format!("*/{namespace}")).collect();
                put(&mut spec, "namespaces", Some(json!(claims)));
            }
            "Group" => put(&mut spec, "services", Some(json!(self.claims))),
            _ => {}
        }
        let mandates = self.mandates.value();
        put(&mut spec, "mandates", (!mandates.is_empty()).then(|| mandates.into()));
        let mut defaults = Map::new();
        put(&mut defaults, "mtls", self.defaults.mtls.map(Value::from));
        put(&mut defaults, "access", self.defaults.within.map(|within| json!({ "within": within })));
        put(&mut defaults, "egress", self.defaults.egress.map(Value::from));
        put(&mut spec, "defaults", (!defaults.is_empty()).then(|| defaults.into()));
        spec.into()
    }
}

impl Mandates {
    fn value(&self) -> Map<String, Value> {
        let mut mandates = Map::new();
        put(&mut mandates, "mtls", self.mtls.map(|mode| json!({ "atMost": mode })));
        let mut access = Map::new();
        put(&mut access, "from", self.from.as_ref().map(|from| json!({ "atMost": list(from, Source::value) })));
        put(&mut access, "atMost", self.at_most.as_ref().map(|entries| list(entries, Entry::value)));
        put(&mut access, "atLeast", (!self.at_least.is_empty()).then(|| list(&self.at_least, Entry::value)));
        put(&mut access, "crossTenant", self.cross_tenant.then(|| json!("mutual")));
        if self.trial && !access.is_empty() {
            put(&mut access, "mode", Some(json!("dryRun")));
            put(&mut access, "until", Some(json!("2026-12-31")));
        }
        put(&mut mandates, "access", (!access.is_empty()).then(|| access.into()));
        put(&mut mandates, "trustDomains", self.trust_domains.as_ref().map(|words| json!({ "atMost": words })));
        put(&mut mandates, "jwt", self.issuers.then(|| json!({ "issuers": { "atMost": [ISSUER] } })));
        put(&mut mandates, "egress", self.egress.map(|mode| json!({ "atMost": mode })));
        mandates
    }
}

impl Ref {
    pub fn value(&self) -> Value {
        match self {
            Self::Node(path) => json!(path),
            Self::Service(workspace, name) => json!(format!("{workspace}:{name}")),
            Self::Zone(name) => json!(format!("zone:{name}")),
            Self::Account(cluster, namespace, name) => json!(format!("sa:{cluster}/{namespace}/{name}")),
            Self::Cidr(net) => json!(format!("cidr:{net}")),
            Self::Mesh => json!("mesh"),
            Self::Anyone => json!("anyone"),
        }
    }
}

impl Source {
    /// A caller without a token.
    pub fn plain(who: Ref) -> Self {
        Self { who: Some(who), roles: None }
    }

    fn value(&self) -> Value {
        let who = self.who.as_ref().map(Ref::value);
        let Some(roles) = &self.roles else { return who.unwrap_or_else(|| json!("anyone")) };
        let mut source = Map::new();
        put(&mut source, "who", who);
        put(&mut source, "jwt", Some(json!({ "issuer": ISSUER, "claims": { "role": roles } })));
        source.into()
    }
}

impl Entry {
    fn value(&self) -> Value {
        let mut entry = Map::new();
        let Condition { ports, methods, paths, hosts, header } = &self.condition;
        put(&mut entry, "from", self.from.as_ref().map(|from| list(from, Source::value)));
        put(&mut entry, "ports", ports.as_ref().map(|ports| json!(ports)));
        put(&mut entry, "methods", methods.as_ref().map(|methods| json!(methods)));
        put(&mut entry, "paths", paths.as_ref().map(|paths| json!(paths)));
        put(&mut entry, "hosts", hosts.as_ref().map(|hosts| json!(hosts)));
        put(&mut entry, "headers", header.as_ref().map(|values| json!({ "x-team": values })));
        put(&mut entry, "clip", self.clip.then(|| json!(true)));
        if self.trial {
            put(&mut entry, "mode", Some(json!("dryRun")));
            put(&mut entry, "until", Some(json!("2026-12-31")));
        }
        entry.into()
    }
}
