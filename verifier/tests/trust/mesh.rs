//! Random small meshes, as data that both the verifier and the naive rules can be given.
//!
//! In: a seed and names. Out: [`Mesh`], which writes itself down as manifests. Few names, so that policies meet pods.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::random::Random;

pub type Labels = BTreeMap<String, String>;

/// What things are called.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// The last one has no proxies.
    pub namespaces: [&'static str; 3],
    pub accounts: [&'static str; 2],
    pub label: &'static str,
    pub values: [&'static str; 2],
}

pub const NAMES: Names =
    Names { namespaces: ["shop", "bank", "old"], accounts: ["web", "db"], label: "app", values: ["a", "b"] };

pub const ROOT: &str = "istio-system";

#[derive(Debug, Clone)]
pub struct Mesh {
    pub names: Names,
    pub pods: Vec<Pod>,
    pub authorizations: Vec<Authorization>,
    pub peers: Vec<Peers>,
    pub networks: Vec<Network>,
}

#[derive(Debug, Clone)]
pub struct Pod {
    pub namespace: &'static str,
    pub name: String,
    pub account: &'static str,
    pub labels: Labels,
    pub quirk: Quirk,
}

/// What is odd about a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    Nothing,
    /// It is on the network of its node.
    HostNetwork,
    /// It wants no proxy.
    NoProxy,
    /// Its port 8080 is kept from its proxy.
    Excluded,
    /// Nobody says what its port 8080 speaks.
    Unsaid,
}

/// Values, and values that must not match.
pub type Both = (Vec<String>, Vec<String>);

#[derive(Debug, Clone)]
pub struct Authorization {
    pub namespace: &'static str,
    pub name: String,
    pub action: &'static str,
    pub selector: Labels,
    pub dry_run: bool,
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// By field; `principals` and `namespaces`.
    pub from: Vec<BTreeMap<&'static str, Both>>,
    /// By field; `methods`, `paths` and `ports`.
    pub to: Vec<BTreeMap<&'static str, Both>>,
    /// By key; `source.principal`, `source.namespace` and `destination.port`.
    pub when: Vec<(&'static str, Both)>,
}

#[derive(Debug, Clone)]
pub struct Peers {
    pub namespace: &'static str,
    pub name: String,
    pub selector: Labels,
    pub mode: Option<&'static str>,
    pub ports: BTreeMap<u16, &'static str>,
}

#[derive(Debug, Clone)]
pub struct Network {
    pub namespace: &'static str,
    pub name: String,
    pub pods: Labels,
    pub ingress: Option<Vec<NetworkRule>>,
    pub egress: Option<Vec<NetworkRule>>,
}

#[derive(Debug, Clone, Default)]
pub struct NetworkRule {
    pub ports: Vec<Value>,
    pub peers: Vec<NetworkPeer>,
}

#[derive(Debug, Clone)]
pub enum NetworkPeer {
    Pods { namespaces: Option<Labels>, pods: Option<Labels> },
    Block { block: &'static str, except: Vec<&'static str> },
}

impl Mesh {
    pub fn of(seed: u64, names: Names) -> Self {
        let random = &mut Random::new(seed);
        let labels = |random: &mut Random, percent| {
            let value = random.one(&names.values);
            if random.chance(percent) { Labels::from([(names.label.into(), value.into())]) } else { Labels::new() }
        };
        let pods = (0..4 + random.below(3)).map(|number| Pod {
            namespace: random.one(&[0, 0, 0, 1, 1, 2].map(|at| names.namespaces[at])),
            name: format!("p{number}"),
            account: random.one(&names.accounts),
            labels: labels(random, 90),
            quirk: match random.below(20) {
                0 => Quirk::HostNetwork,
                1 => Quirk::NoProxy,
                2 => Quirk::Excluded,
                3 => Quirk::Unsaid,
                _ => Quirk::Nothing,
            },
        });
        let pods = pods.collect();
        let authorizations = (0..random.below(5)).map(|number| {
            let action = random.one(&["ALLOW", "ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "AUDIT", "CUSTOM"]);
            let least = usize::from(matches!(action, "DENY" | "CUSTOM"));
            Authorization {
                namespace: random.one(&[names.namespaces[0], names.namespaces[0], names.namespaces[1], ROOT]),
                name: format!("a{number}"),
                action,
                selector: labels(random, 40),
                dry_run: matches!(action, "ALLOW" | "DENY") && random.chance(8),
                rules: (0..least + random.below(3)).map(|_| Rule::of(random, &names)).collect(),
            }
        });
        let authorizations = authorizations.collect();
        let modes = ["STRICT", "STRICT", "PERMISSIVE", "DISABLE"];
        let peers = (0..random.below(4)).map(|number| {
            let selector = labels(random, 40);
            let ports = if !selector.is_empty() && random.chance(50) {
                BTreeMap::from([(random.one(&[8080, 9090]), random.one(&modes))])
            } else {
                BTreeMap::new()
            };
            Peers {
                namespace: random.one(&[names.namespaces[0], names.namespaces[1], ROOT]),
                name: format!("m{number}"),
                selector,
                mode: random.chance(80).then(|| random.one(&modes)),
                ports,
            }
        });
        let peers = peers.collect();
        let networks = (0..[0, 0, 1, 2, 3][random.below(5)]).map(|number| {
            let rules = |random: &mut Random| (0..random.below(3)).map(|_| NetworkRule::of(random, &names)).collect();
            Network {
                namespace: random.one(&names.namespaces),
                name: format!("n{number}"),
                pods: labels(random, 60),
                ingress: random.chance(75).then(|| rules(random)),
                egress: random.chance(35).then(|| rules(random)),
            }
        });
        let networks = networks.collect();
        Self { names, pods, authorizations, peers, networks }
    }

    /// Tells whether a pod has a proxy.
    pub fn has_proxy(&self, pod: &Pod) -> bool {
        self.has_proxies(pod.namespace) && !matches!(pod.quirk, Quirk::HostNetwork | Quirk::NoProxy)
    }

    fn has_proxies(&self, namespace: &str) -> bool {
        namespace != self.names.namespaces[2]
    }

    /// Returns each object as a manifest.
    pub fn manifests(&self) -> Vec<Value> {
        let object = |version: &str, kind: &str, namespace: &str, name: &str, spec: Value| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name, "namespace": namespace }, "spec": spec });
        let mut all: Vec<Value> = self
            .names
            .namespaces
            .iter()
            .map(|name| {
                let injected = if self.has_proxies(name) { "enabled" } else { "disabled" };
                json!({ "apiVersion": "v1", "kind": "Namespace",
                    "metadata": { "name": name, "labels": { "istio-injection": injected } } })
            })
            .collect();
        for pod in &self.pods {
            let mut labels = pod.labels.clone();
            labels.insert("pod".into(), pod.name.clone());
            let ports = json!([{ "name": "web", "containerPort": 8080 }, { "name": "raw", "containerPort": 9090 }]);
            let mut template = json!({ "metadata": { "labels": labels },
                "spec": { "serviceAccountName": pod.account, "containers": [{ "name": "c", "ports": ports }] } });
            let metadata = &mut template["metadata"];
            match pod.quirk {
                Quirk::Excluded => {
                    metadata["annotations"] = json!({ "traffic.sidecar.istio.io/excludeInboundPorts": "8080" });
                }
                Quirk::NoProxy => metadata["labels"]["sidecar.istio.io/inject"] = "false".into(),
                Quirk::HostNetwork => template["spec"]["hostNetwork"] = true.into(),
                Quirk::Nothing | Quirk::Unsaid => {}
            }
            let speaks = if pod.quirk == Quirk::Unsaid { "web" } else { "http" };
            all.push(object("apps/v1", "Deployment", pod.namespace, &pod.name, json!({ "template": template })));
            let ports = json!([{ "name": speaks, "port": 80, "targetPort": 8080 },
                { "name": "tcp", "port": 90, "targetPort": 9090 }]);
            let service = json!({ "selector": { "pod": pod.name }, "ports": ports });
            all.push(object("v1", "Service", pod.namespace, &pod.name, service));
        }
        for policy in &self.authorizations {
            let mut spec =
                json!({ "action": policy.action, "rules": policy.rules.iter().map(Rule::written).collect::<Vec<_>>() });
            select(&mut spec, &policy.selector);
            if policy.action == "CUSTOM" {
                spec["provider"] = json!({ "name": "someone" });
            }
            let mut written =
                object("security.istio.io/v1", "AuthorizationPolicy", policy.namespace, &policy.name, spec);
            if policy.dry_run {
                written["metadata"]["annotations"] = json!({ "istio.io/dry-run": "true" });
            }
            all.push(written);
        }
        for policy in &self.peers {
            let mut spec = json!({});
            select(&mut spec, &policy.selector);
            if let Some(mode) = policy.mode {
                spec["mtls"] = json!({ "mode": mode });
            }
            for (port, mode) in &policy.ports {
                spec["portLevelMtls"][port.to_string()] = json!({ "mode": mode });
            }
            all.push(object("security.istio.io/v1", "PeerAuthentication", policy.namespace, &policy.name, spec));
        }
        for policy in &self.networks {
            let mut spec = json!({ "podSelector": { "matchLabels": policy.pods } });
            let mut types = Vec::new();
            for (word, field, peers, rules) in
                [("Ingress", "ingress", "from", &policy.ingress), ("Egress", "egress", "to", &policy.egress)]
            {
                if let Some(rules) = rules {
                    types.push(word);
                    spec[field] = rules.iter().map(|rule| rule.written(peers)).collect();
                }
            }
            // Without types it would be about ingress.
            if !types.is_empty() {
                spec["policyTypes"] = json!(types);
                all.push(object("networking.k8s.io/v1", "NetworkPolicy", policy.namespace, &policy.name, spec));
            }
        }
        all
    }
}

fn select(spec: &mut Value, selector: &Labels) {
    if !selector.is_empty() {
        spec["selector"] = json!({ "matchLabels": selector });
    }
}

impl Rule {
    pub fn of(random: &mut Random, names: &Names) -> Self {
        let principal = |namespace: &str, account: &str| format!("cluster.local/ns/{namespace}/sa/{account}");
        let [first, second, third] = names.namespaces;
        let principals = vec![
            "*".to_owned(),
            principal(first, names.accounts[0]),
            principal(first, names.accounts[1]),
            principal(second, names.accounts[0]),
            format!("cluster.local/ns/{first}/*"),
            format!("*/sa/{}", names.accounts[1]),
        ];
        let namespaces = vec![first.to_owned(), second.to_owned(), third.to_owned(), format!("{}*", &first[..2])];
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (methods, paths) = (texts(&["GET", "POST", "*"]), texts(&["/a", "/b", "/a*", "*b", "/c/{*}"]));
        let ports = texts(&["8080", "9090"]);
        let mut rule = Self::default();
        let fields = |random: &mut Random, of: &[(&'static str, &[String])]| {
            let mut fields = BTreeMap::new();
            for _ in 0..1 + random.below(2) {
                let (name, values) = random.one(of);
                fields.insert(name, both(random, values));
            }
            fields
        };
        if random.chance(70) {
            for _ in 0..1 + random.below(2) {
                rule.from.push(fields(random, &[("principals", &principals), ("namespaces", &namespaces)]));
            }
        }
        if random.chance(50) {
            for _ in 0..1 + random.below(2) {
                rule.to.push(fields(random, &[("methods", &methods), ("paths", &paths), ("ports", &ports)]));
            }
        }
        if random.chance(20) {
            let keys: [(&'static str, &[String]); 3] =
                [("source.principal", &principals), ("source.namespace", &namespaces), ("destination.port", &ports)];
            let (key, values) = random.one(&keys);
            rule.when.push((key, both(random, values)));
        }
        rule
    }

    fn written(&self) -> Value {
        let fields = |fields: &BTreeMap<&'static str, Both>| {
            let mut written = Map::new();
            for (name, (values, not_values)) in fields {
                let (head, tail) = name.split_at(1);
                for (name, values) in
                    [((*name).to_owned(), values), (format!("not{}{tail}", head.to_uppercase()), not_values)]
                {
                    if !values.is_empty() {
                        written.insert(name, json!(values));
                    }
                }
            }
            Value::Object(written)
        };
        let mut rule = Map::new();
        if !self.from.is_empty() {
            rule.insert("from".into(), self.from.iter().map(|one| json!({ "source": fields(one) })).collect());
        }
        if !self.to.is_empty() {
            rule.insert("to".into(), self.to.iter().map(|one| json!({ "operation": fields(one) })).collect());
        }
        if !self.when.is_empty() {
            let condition = |(key, (values, not_values)): &(&str, Both)| {
                let mut written = json!({ "key": key });
                for (name, values) in [("values", values), ("notValues", not_values)] {
                    if !values.is_empty() {
                        written[name] = json!(values);
                    }
                }
                written
            };
            rule.insert("when".into(), self.when.iter().map(condition).collect());
        }
        Value::Object(rule)
    }
}

fn both(random: &mut Random, values: &[String]) -> Both {
    let some = |random: &mut Random| (0..1 + random.below(2)).map(|_| random.one(values)).collect();
    match random.below(10) {
        0..=6 => (some(random), Vec::new()),
        7 | 8 => (Vec::new(), some(random)),
        _ => (some(random), some(random)),
    }
}

impl NetworkRule {
    pub fn of(random: &mut Random, names: &Names) -> Self {
        let ports = [
            json!({ "port": 8080 }),
            json!({ "protocol": "TCP", "port": 9090 }),
            json!({ "port": "web" }),
            json!({ "port": 8000, "endPort": 8100 }),
            json!({ "protocol": "UDP", "port": 8080 }),
        ];
        let of_pods = Some(Labels::from([(names.label.to_owned(), random.one(&names.values).to_owned())]));
        let of_namespace =
            Some(Labels::from([("kubernetes.io/metadata.name".to_owned(), random.one(&names.namespaces).to_owned())]));
        let pods = |namespaces, pods| NetworkPeer::Pods { namespaces, pods };
        let block = |block, except: &[&'static str]| NetworkPeer::Block { block, except: except.to_vec() };
        let peers = [
            pods(None, of_pods.clone()),
            pods(of_namespace.clone(), None),
            pods(of_namespace, of_pods.clone()),
            pods(Some(Labels::new()), of_pods),
            pods(None, Some(Labels::new())),
            block("0.0.0.0/0", &[]),
            block("203.0.113.0/24", &[]),
            block("0.0.0.0/0", &["203.0.113.0/24"]),
        ];
        Self {
            ports: (0..random.below(3)).map(|_| random.one(&ports)).collect(),
            peers: (0..random.below(3)).map(|_| random.one(&peers)).collect(),
        }
    }

    fn written(&self, peers: &str) -> Value {
        let mut rule = json!({});
        if !self.ports.is_empty() {
            rule["ports"] = json!(self.ports);
        }
        if !self.peers.is_empty() {
            rule[peers] = self.peers.iter().map(NetworkPeer::written).collect();
        }
        rule
    }
}

impl NetworkPeer {
    fn written(&self) -> Value {
        match self {
            Self::Block { block, except } if except.is_empty() => json!({ "ipBlock": { "cidr": block } }),
            Self::Block { block, except } => json!({ "ipBlock": { "cidr": block, "except": except } }),
            Self::Pods { namespaces, pods } => {
                let mut written = json!({});
                for (name, labels) in [("namespaceSelector", namespaces), ("podSelector", pods)] {
                    if let Some(labels) = labels {
                        written[name] = json!({ "matchLabels": labels });
                    }
                }
                written
            }
        }
    }
}
