//! Objects, one by one, into the inventory of a cluster.

use std::collections::BTreeMap;

use super::workload::{self, Workload};
use super::{ClusterInventory, Labels, machine, service};
use crate::diagnostics::codes::inventory as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::shape::wrong_type;
use crate::source::Span;
use crate::yaml::{Node, Value};

/// The objects of a cluster while they are being read.
#[derive(Debug, Default)]
pub struct Manifests {
    inventory: ClusterInventory,
    seen: BTreeMap<(String, String, String), Node>,
}

/// An object's own part of every manifest.
pub(super) struct Object<'a> {
    pub kind: &'a str,
    pub name: &'a str,
    pub namespace: String,
    pub root: &'a Node,
    pub span: Span,
}

impl Manifests {
    /// Adds an object, or every item of a `List`.
    pub fn add(&mut self, root: Node, diagnostics: &mut Diagnostics) {
        let kind = root.get("kind").and_then(Node::as_str).unwrap_or("");
        if kind.ends_with("List") && root.get("items").is_some() {
            if let Node { value: Value::Mapping(mapping), .. } = &root {
                match mapping.get("items").map(|items| &items.value) {
                    Some(Value::Sequence(items)) => items.iter().for_each(|item| self.add(item.clone(), diagnostics)),
                    Some(Value::Null) | None => {}
                    Some(_) => {
                        diagnostics
                            .report(code::BROKEN_OBJECT.at(root.span, "`items` of a list is no list").label("no list"));
                    }
                }
            }
            return;
        }
        // A broken object has said so; the rest of the inventory is still read.
        let _: Result<(), Reported> = self.object(&root, diagnostics);
    }

    fn object(&mut self, root: &Node, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
        let broken = |what: &str| {
            code::BROKEN_OBJECT.at(root.span, format!("a manifest without `{what}`")).label("not a Kubernetes object").help("keep other files out of the inventory: it holds rendered manifests and `kubectl get … -o yaml` dumps")
        };
        let Some(kind) = root.get("kind").and_then(Node::as_str) else {
            return Err(diagnostics.report(broken("kind")));
        };
        let Some(version) = root.get("apiVersion").and_then(Node::as_str) else {
            return Err(diagnostics.report(broken("apiVersion")));
        };
        self.inventory.objects += 1;
        let metadata = root.get("metadata");
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let written = |key: &str| metadata.and_then(|metadata| metadata.get(key)).filter(|it| it.value != Value::Null);
        let is_generated = written("name").is_none();
        let Some(named) = written("name").or_else(|| written("generateName").filter(|_| is_read(group, kind))) else {
            if is_read(group, kind) {
                return Err(diagnostics.report(broken("metadata.name")));
            }
            // Kustomization files and the like have no name, and say nothing about workloads.
            *self.inventory.foreign.entry(kind.to_owned()).or_default() += 1;
            return Ok(());
        };
        let Some(name) = named.as_str() else {
            return Err(diagnostics.report(wrong_type(named, "text, as the name of an object")));
        };
        // What a cluster puts behind a generated name is not known; the service is named after the rest.
        let name = if is_generated { name.trim_end_matches(['-', '.']) } else { name };
        let namespace = match written("namespace") {
            None => "default",
            Some(namespace) => match namespace.as_str() {
                Some(namespace) => namespace,
                None => return Err(diagnostics.report(wrong_type(namespace, "text, as the name of a namespace"))),
            },
        };
        if is_read(group, kind) {
            check_name(name, named.span, if kind == "Namespace" { 63 } else { 253 }, diagnostics)?;
            check_name(namespace, written("namespace").map_or(named.span, |it| it.span), 63, diagnostics)?;
        }
        let object = Object { kind, name, namespace: namespace.to_owned(), root, span: root.span };
        if !is_generated {
            self.check_twice(&object, group, diagnostics)?;
        }
        match (group, kind) {
            ("", "Namespace") => {
                let labels = labels(metadata.and_then(|metadata| metadata.get("labels")), diagnostics)?;
                self.inventory.namespaces.entry(name.to_owned()).or_default().extend(labels);
                self.inventory.declared.insert(name.to_owned());
                return Ok(());
            }
            ("", "ServiceAccount") => {
                self.inventory.accounts.insert((object.namespace.clone(), name.to_owned()));
            }
            ("networking.istio.io", "WorkloadEntry" | "WorkloadGroup") => {
                self.inventory.workloads.push(machine::read(&object, diagnostics)?);
            }
            ("networking.istio.io", "ServiceEntry") if machine::is_inside(root) => {
                self.inventory.services.push(machine::entry(&object, diagnostics)?);
                self.inventory.routing.push(root.clone());
            }
            ("", "Service") => self.inventory.services.push(service::read(&object, diagnostics)?),
            _ => match workload::template(&object, group, diagnostics)? {
                Some(pod) => {
                    self.inventory.workloads.push(Workload::read(&object, pod, diagnostics)?);
                    if metadata.and_then(|metadata| metadata.get("namespace")).is_none() {
                        diagnostics.report(
                            code::DEFAULT_NAMESPACE
                                .at(object.span, format!("{kind} `{name}` names no namespace"))
                                .label("read as one in `default`")
                                .help("write `metadata.namespace`: without it whoever applies the manifest chooses"),
                        );
                    }
                }
                None => {
                    if routes(group, kind) {
                        self.inventory.routing.push(root.clone());
                    }
                    if group == "security.istio.io" && matches!(kind, "AuthorizationPolicy" | "RequestAuthentication") {
                        self.inventory.policies.push(root.clone());
                    }
                    *self.inventory.foreign.entry(kind.to_owned()).or_default() += 1;
                    return Ok(());
                }
            },
        }
        self.inventory.namespaces.entry(object.namespace).or_default();
        Ok(())
    }

    /// Refuses a second manifest of the same object unless it says the same: which one a cluster gets is nobody's choice.
    fn check_twice(&mut self, object: &Object<'_>, group: &str, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
        let key = (format!("{group}/{}", object.kind), object.namespace.clone(), object.name.to_owned());
        match self.seen.get(&key) {
            Some(first) if first != object.root => Err(diagnostics.report(
                code::DUPLICATE_OBJECT
                    .at(object.span, format!("{} `{}/{}` is there twice", object.kind, object.namespace, object.name))
                    .label("again here, with other contents")
                    .and(first.span, "first here")
                    .help("which of the two the cluster gets depends on the order of application: keep one"),
            )),
            Some(_) => Ok(()),
            None => {
                self.seen.insert(key, object.root.clone());
                Ok(())
            }
        }
    }

    /// Returns the inventory, sorted.
    #[must_use]
    pub fn finish(self) -> ClusterInventory {
        let mut inventory = self.inventory;
        inventory.sort();
        inventory
    }
}

/// Tells whether a kind says something about who runs where; all others are counted.
fn is_read(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(kind, "Namespace" | "ServiceAccount" | "Service" | "Pod" | "ReplicationController"),
        "apps" | "extensions" => matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"),
        "batch" => matches!(kind, "Job" | "CronJob"),
        "argoproj.io" => kind == "Rollout",
        "networking.istio.io" => matches!(kind, "WorkloadEntry" | "WorkloadGroup"),
        _ => false,
    }
}

/// Tells whether a kind says what gateways let in.
fn routes(group: &str, kind: &str) -> bool {
    match group {
        "networking.istio.io" => matches!(kind, "Gateway" | "VirtualService" | "DestinationRule" | "ServiceEntry"),
        "gateway.networking.k8s.io" | "gateway.networking.x-k8s.io" => true,
        _ => false,
    }
}

/// Refuses what no object is called: names become those of files and objects.
fn check_name(name: &str, span: Span, longest: usize, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let inner = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if inner && name.len() <= longest && edge(name.chars().next()) && edge(name.chars().last()) {
        return Ok(());
    }
    let broken = code::BROKEN_OBJECT.at(span, format!("`{name}` is not the name of an object"));
    Err(diagnostics.report(broken.label("no cluster takes it").help(format!(
        "a name has at most {longest} letters, digits, dots and hyphens, a letter or digit at each end"
    ))))
}

/// Reads a mapping of texts; an absent one is empty.
pub(super) fn labels(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Result<Labels, Reported> {
    let Some(node) = node.filter(|node| node.value != Value::Null) else {
        return Ok(Labels::new());
    };
    let Some(mapping) = node.as_mapping() else {
        return Err(diagnostics.report(wrong_type(node, "a mapping of labels")));
    };
    let text = |node: &Node| node.as_str().map(str::to_owned);
    let entries = mapping.entries().iter();
    let read: Vec<_> = entries
        .map(|entry| match text(&entry.value) {
            Some(value) => Ok((entry.key.value.clone(), value)),
            None => Err(diagnostics.report(wrong_type(&entry.value, "text, as the value of a label"))),
        })
        .collect();
    read.into_iter().collect()
}
