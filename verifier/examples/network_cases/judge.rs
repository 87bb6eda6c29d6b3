//! What the verifier says of a case.

use std::error::Error;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::Policy;
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Node, Profile};
use ringfence_verifier::kubernetes::network::Network;
use ringfence_verifier::kubernetes::network_policy::PeerMatch;
use ringfence_verifier::kubernetes::passage::{By, Passage};
use ringfence_verifier::kubernetes::peer::{Peer, PodSelector};
use ringfence_verifier::kubernetes::port::PortMatch;
use ringfence_verifier::kubernetes::tier_policy::{Action, Tier};
use ringfence_verifier::model::Objects;
use ringfence_verifier::policies::Policies;
use serde_json::{Map, Value, json};

/// A mistake to be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A peer that names no namespaces is of any.
    Namespaces,
    /// A policy without rules says nothing.
    Isolation,
    /// Nothing is taken out of a block.
    Exceptions,
    /// Rules of a tier are asked from the last one.
    Order,
    /// The highest priority is asked first.
    Priorities,
    /// Pass accepts.
    Passes,
    /// The baseline is asked before NetworkPolicies.
    Baselines,
    /// Every port fits.
    Ports,
    /// A range is its first port.
    Ranges,
    /// A policy of a tier is about every pod.
    Subjects,
    /// What leaves is not asked.
    Egress,
}

impl Fault {
    pub const ALL: [Self; 11] = [
        Self::Namespaces,
        Self::Isolation,
        Self::Exceptions,
        Self::Order,
        Self::Priorities,
        Self::Passes,
        Self::Baselines,
        Self::Ports,
        Self::Ranges,
        Self::Subjects,
        Self::Egress,
    ];

    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Makes the mistake.
    fn make(self, mut policies: Policies) -> Policies {
        for policy in &mut policies.network {
            if self == Self::Isolation {
                policy.ingress.take_if(|rules| rules.is_empty());
                policy.egress.take_if(|rules| rules.is_empty());
            }
            if self == Self::Egress {
                policy.egress = None;
            }
            for rule in policy.ingress.iter_mut().chain(&mut policy.egress).flatten() {
                self.spoil(&mut rule.ports);
                for peer in &mut rule.peers {
                    match peer {
                        PeerMatch::Pods(pods) if self == Self::Namespaces => {
                            pods.namespaces.get_or_insert_default();
                        }
                        PeerMatch::Addresses { except, .. } if self == Self::Exceptions => except.clear(),
                        _ => {}
                    }
                }
            }
        }
        for policy in &mut policies.tiers {
            match self {
                Self::Order => {
                    policy.ingress.reverse();
                    policy.egress.reverse();
                }
                Self::Priorities => policy.priority = 1000 - policy.priority,
                Self::Baselines => policy.tier = Tier::Admin,
                Self::Subjects => {
                    policy.subject = PodSelector { namespaces: Some(Default::default()), pods: Default::default() };
                }
                Self::Egress => policy.egress.clear(),
                _ => {}
            }
            for rule in policy.ingress.iter_mut().chain(&mut policy.egress) {
                self.spoil(&mut rule.ports);
                if self == Self::Passes && rule.action == Action::Pass {
                    rule.action = Action::Accept;
                }
            }
        }
        policies.sorted()
    }

    fn spoil(self, ports: &mut Vec<PortMatch>) {
        if self == Self::Ports {
            ports.clear();
        }
        for port in ports {
            if let (Self::Ranges, PortMatch::Range(first, _)) = (self, &*port) {
                *port = PortMatch::Range(*first, *first);
            }
        }
    }
}

/// What is said of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// `allow`, `depends` or `deny`.
    pub word: &'static str,
    /// What decided where it leaves, and where it arrives.
    pub by: [String; 2],
}

/// Returns the verdict on each connection of a case, by the verifier with a mistake in it if one is named.
pub(super) fn judge(case: &Value, fault: Option<Fault>) -> Result<Vec<Verdict>, Box<dyn Error>> {
    let mut sources = Sources::new();
    let mut said = Diagnostics::new();
    let mut read = |object: &Value, profile| -> Vec<Node> {
        let file = sources.add(SourceFile::new("case.yaml", object.to_string().into_bytes()));
        yaml::read(&sources, file, profile, &mut said).into_iter().map(|document| document.root).collect()
    };
    let roots: Vec<Node> = manifests(case).iter().flat_map(|object| read(object, Profile::Manifest)).collect();
    let mut spec = case["facts"].as_object().cloned().unwrap_or_default();
    spec.entry("podCidrs").or_insert_with(|| json!(["10.0.0.0/8"]));
    let facts = json!({
        "apiVersion": "ringfence/v1alpha1", "kind": "Cluster", "metadata": { "name": "east" }, "spec": spec
    });
    let facts = read(&facts, Profile::Policy);
    let mut policy = Policy::default();
    policy.add(&NodePath::root(), facts.first().ok_or("no facts")?, &mut said).map_err(|_| "no cluster")?;
    let mut objects = Objects::read_unasked(roots, &mut said);
    if said.has_errors() {
        let messages: Vec<_> = said.sorted(&sources).iter().map(|one| one.message().to_owned()).collect();
        return Err(messages.join("; ").into());
    }
    if let Some(fault) = fault {
        objects.policies = fault.make(objects.policies);
    }
    let document = policy.clusters.first().ok_or("no cluster")?;
    let network = Network::of(&Cluster { document, inventory: &objects.inventory }, &objects.policies);
    let find = |name: &Value| {
        let (namespace, name) = name.as_str().and_then(|name| name.split_once('/')).ok_or("no pod")?;
        let mut here = objects.inventory.workloads_in(namespace).map(|(_, workload)| workload);
        here.find(|workload| workload.name == name).ok_or(format!("no pod {namespace}/{name}"))
    };
    let mut verdicts = Vec::new();
    for connection in case["connections"].as_array().into_iter().flatten() {
        let to = find(&connection["to"])?;
        let port = u16::try_from(connection["port"].as_u64().unwrap_or(8080))?;
        let (leaves, peer) = match connection["from"].as_str().unwrap_or_default().parse() {
            Ok(address) => (Passage::Open(By::Nobody), Peer::Outside(address)),
            Err(_) if connection["stranger"] != json!(true) => {
                let from = find(&connection["from"])?;
                (network.leaves(from, to, port), Peer::Pods(network.pods(from)))
            }
            Err(_) => {
                let namespace = connection["from"].as_str().unwrap_or_default();
                (Passage::Open(By::Nobody), Peer::Pods(network.strangers(namespace, None)))
            }
        };
        let arrives = network.arrives(peer, to, port);
        let word = match rank(leaves).min(rank(arrives)) {
            0 => "deny",
            1 => "depends",
            _ => "allow",
        };
        verdicts.push(Verdict { word, by: [by(leaves), by(arrives)] });
    }
    Ok(verdicts)
}

fn rank(passage: Passage<'_>) -> u8 {
    match passage {
        Passage::Shut(_) => 0,
        Passage::Unsure { .. } => 1,
        Passage::Open(_) => 2,
    }
}

fn by(passage: Passage<'_>) -> String {
    let word = |by: By<'_>| match by {
        By::Nobody => "nobody".to_owned(),
        By::NotEnforced => "not enforced".to_owned(),
        By::Plugin => "the plugin".to_owned(),
        By::NetworkPolicy(policy, _) => policy.name.clone(),
        By::NoNetworkPolicy => "no NetworkPolicy".to_owned(),
        By::Tier(decision) => {
            let rival = decision.rival.map(|rival| format!(" against {}", rival.name)).unwrap_or_default();
            format!("{} {}{rival}", decision.policy.name, decision.rule.number)
        }
    };
    match passage {
        Passage::Open(by) | Passage::Shut(by) => word(by),
        Passage::Unsure { open, shut } => format!("{} or {}", word(open), word(shut)),
    }
}

/// Makes the manifests of a case.
fn manifests(case: &Value) -> Vec<Value> {
    let mut manifests = Vec::new();
    for (name, labels) in case["namespaces"].as_object().into_iter().flatten() {
        if !labels.is_null() {
            let metadata = json!({ "name": name, "labels": labels });
            manifests.push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata }));
        }
    }
    for (name, pod) in case["pods"].as_object().into_iter().flatten() {
        let (namespace, name) = name.split_once('/').unwrap_or_default();
        let port = |(name, number): (&String, &Value)| json!({ "name": name, "containerPort": number });
        let ports: Vec<Value> = pod["ports"].as_object().into_iter().flatten().map(port).collect();
        let mut spec = Map::new();
        spec.insert("hostNetwork".to_owned(), pod["hostNetwork"].as_bool().unwrap_or_default().into());
        spec.insert("containers".to_owned(), json!([{ "name": "main", "ports": ports }]));
        manifests.push(json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": name, "namespace": namespace },
            "spec": { "template": { "metadata": { "labels": pod["labels"] }, "spec": spec } },
        }));
    }
    manifests.extend(case["objects"].as_array().into_iter().flatten().cloned());
    manifests
}
