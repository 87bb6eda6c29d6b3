//! Who may change what, as far as files say: roles of Kubernetes and what binds them.
//!
//! In: nodes of manifests. Out: [`Rights`]. Roles that are put together by labels are held by whoever holds the whole.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

use crate::istio::read::Fields;
use crate::kubernetes::selector::LabelSelector;

/// Roles and bindings.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    /// Roles and ClusterRoles, by where they were written.
    pub roles: Vec<Role>,
    /// What binds them.
    pub bindings: Vec<Binding>,
}

/// A Role or a ClusterRole.
#[derive(Debug, Clone)]
pub struct Role {
    /// The kind.
    pub kind: String,
    /// The namespace; empty for a ClusterRole.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Where its name was written.
    pub span: Span,
    /// Labels by which it becomes part of other roles: `rbac.authorization.k8s.io/aggregate-to-edit`.
    pub aggregates: BTreeSet<String>,
    /// Its labels.
    pub labels: Labels,
    /// The labels of the roles it is put together of: all of one entry must be there.
    pub takes_in: Vec<LabelSelector>,
    /// What it lets its holders do.
    pub rules: Vec<Right>,
}

/// A rule of a role.
#[derive(Debug, Clone)]
pub struct Right {
    /// Where it was written.
    pub span: Span,
    /// The API groups.
    pub groups: Vec<String>,
    /// The resources.
    pub resources: Vec<String>,
    /// The verbs.
    pub verbs: Vec<String>,
    /// The objects it is about; none is all.
    pub names: Vec<String>,
}

/// A RoleBinding or a ClusterRoleBinding.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The namespace; empty for a ClusterRoleBinding.
    pub namespace: String,
    /// Where its role is named.
    pub span: Span,
    /// The role: kind and name.
    pub role: (String, String),
    /// Who holds it.
    pub subjects: Vec<Subject>,
}

/// Who holds a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// `ServiceAccount`, `User` or `Group`.
    pub kind: String,
    /// The namespace of an account.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Subject {
    /// Returns the groups that it is in whatever anybody says (kubernetes.io "Authenticating", on what service accounts are in).
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let everybody = "system:authenticated";
        match self.kind.as_str() {
            "ServiceAccount" => {
                let all = "system:serviceaccounts";
                vec![all.to_owned(), format!("{all}:{}", self.namespace), everybody.to_owned()]
            }
            // Whoever has no name is in another.
            "User" | "Group" if ["system:anonymous", "system:unauthenticated"].contains(&self.name.as_str()) => {
                Vec::new()
            }
            "Group" if self.name == everybody => Vec::new(),
            _ => vec![everybody.to_owned()],
        }
    }
}

impl Rights {
    /// Adds an object; tells whether it is of these kinds.
    pub(super) fn add(&mut self, root: &Node, group: &str, kind: &str) -> bool {
        if group != "rbac.authorization.k8s.io" {
            return false;
        }
        match kind {
            "Role" | "ClusterRole" => self.roles.extend(Role::read(root, kind)),
            "RoleBinding" | "ClusterRoleBinding" => self.bindings.extend(Binding::read(root, kind)),
            _ => {}
        }
        true
    }

    /// Brings roles into the order of their places, bindings into that of what they say.
    pub(super) fn sort(&mut self) {
        self.roles.sort_by_key(|role| (role.span.file, role.span.start));
        self.bindings.sort_by(|a, b| (&a.namespace, &a.role).cmp(&(&b.namespace, &b.role)));
    }

    /// Returns the bindings of the role that Kubernetes lets do anything everywhere.
    pub fn of_everything(&self) -> impl Iterator<Item = &Binding> {
        let is_it = |binding: &&Binding| binding.role == ("ClusterRole".to_owned(), "cluster-admin".to_owned());
        self.bindings.iter().filter(is_it).filter(|binding| binding.namespace.is_empty())
    }

    /// Returns who holds a role by a binding at hand, each once.
    #[must_use]
    pub fn holders(&self, role: &Role) -> BTreeSet<&Subject> {
        let is_it = |binding: &&Binding| {
            binding.role.0 == role.kind
                && binding.role.1 == role.name
                && (role.kind == "ClusterRole" || binding.namespace == role.namespace)
        };
        self.bindings.iter().filter(is_it).flat_map(|binding| &binding.subjects).collect()
    }
}

impl Role {
    fn read(root: &Node, kind: &str) -> Option<Self> {
        let metadata = root.get("metadata")?;
        let name = metadata.get("name")?;
        let labels = metadata.get("labels").and_then(Node::as_mapping);
        let labels = labels.map_or(&[][..], |labels| labels.entries());
        let joins = labels
            .iter()
            .filter(|entry| entry.key.value.contains("/aggregate-to-") && entry.value.as_str() == Some("true"));
        let own = labels.iter().filter_map(|entry| Some((entry.key.value.clone(), entry.value.as_str()?.to_owned())));
        let selectors = root.get("aggregationRule").and_then(|rule| rule.get("clusterRoleSelectors"));
        // One that cannot be read takes in nothing that is known.
        let selectors =
            items(selectors).iter().filter_map(|it| LabelSelector::of(&Fields::of(it), &mut Diagnostics::new()).ok());
        let rules = items(root.get("rules")).iter().map(|rule| Right {
            span: rule.span,
            groups: texts(rule.get("apiGroups")),
            resources: texts(rule.get("resources")),
            verbs: texts(rule.get("verbs")),
            names: texts(rule.get("resourceNames")),
        });
        Some(Self {
            kind: kind.to_owned(),
            namespace: namespace(metadata, kind == "ClusterRole"),
            name: name.as_str()?.to_owned(),
            span: name.span,
            aggregates: joins.map(|entry| entry.key.value.clone()).collect(),
            labels: own.collect(),
            takes_in: selectors.collect(),
            rules: rules.collect(),
        })
    }

    /// Returns what people call it.
    #[must_use]
    pub fn called(&self) -> String {
        match self.namespace.as_str() {
            "" => format!("{} `{}`", self.kind, self.name),
            namespace => format!("{} `{namespace}/{}`", self.kind, self.name),
        }
    }
}

impl Binding {
    fn read(root: &Node, kind: &str) -> Option<Self> {
        let role = root.get("roleRef")?;
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
        let own = namespace(root.get("metadata")?, kind == "ClusterRoleBinding");
        let subjects = items(root.get("subjects")).iter().map(|subject| {
            let (kind, name) = (text(subject, "kind"), text(subject, "name"));
            // An account is a user of this name (kubernetes.io "Using RBAC Authorization", "Referring to subjects").
            match name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')) {
                Some((namespace, name)) if kind == "User" => Subject {
                    kind: "ServiceAccount".to_owned(),
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                },
                // Users and groups are the same everywhere.
                _ if kind != "ServiceAccount" => Subject { kind, namespace: String::new(), name },
                _ => {
                    let namespace = subject.get("namespace").and_then(Node::as_str).unwrap_or(&own).to_owned();
                    Subject { kind, namespace, name }
                }
            }
        });
        let subjects = subjects.collect();
        Some(Self { span: role.span, role: (text(role, "kind"), text(role, "name")), subjects, namespace: own })
    }
}

impl Right {
    /// Tells whether it lets its holders do something to a resource.
    #[must_use]
    pub fn lets(&self, verbs: &[&str], group: &str, resource: &str) -> bool {
        let has = |list: &[String], word: &str| list.iter().any(|it| it == "*" || it == word);
        // `*/exec` is every resource that has such a part.
        let part = resource.split_once('/').map(|(_, part)| format!("*/{part}"));
        let is_meant = has(&self.resources, resource) || part.is_some_and(|part| self.resources.contains(&part));
        verbs.iter().any(|verb| has(&self.verbs, verb)) && has(&self.groups, group) && is_meant
    }

    /// Tells whether it is about an object of this name.
    #[must_use]
    pub fn is_about(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|it| it == name)
    }
}

/// Returns the namespace of an object; none of what belongs to the whole cluster.
fn namespace(metadata: &Node, of_cluster: bool) -> String {
    match of_cluster {
        true => String::new(),
        false => metadata.get("namespace").and_then(Node::as_str).unwrap_or("default").to_owned(),
    }
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::Sequence(items)) => items,
        _ => &[],
    }
}

fn texts(node: Option<&Node>) -> Vec<String> {
    items(node).iter().filter_map(Node::as_str).map(str::to_owned).collect()
}
