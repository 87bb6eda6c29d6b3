//! Who holds which rights in the end.
//!
//! In: [`Rights`]. Out: [`Held`], each with the lines that give it. Roles that are put together by labels give what is in them, those
//! that Kubernetes ships give what it ships (kubernetes/kubernetes
//! `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`, 1.36), and whoever may bind a role where it may make bindings
//! holds that role (`pkg/registry/rbac/rolebinding/policybased/storage.go`).

use std::collections::BTreeSet;

use ringfence_compiler::source::Span;

use super::rights::{Binding, Right, Rights, Role, Subject};
use crate::kubernetes::selector::Known;

/// A right that somebody holds.
#[derive(Debug, Clone)]
pub struct Held {
    /// Who.
    pub subject: Subject,
    /// Where; `None` is the whole cluster.
    pub namespace: Option<String>,
    /// What.
    pub right: Right,
    /// The lines that give it.
    pub places: Vec<(Span, String)>,
}

/// The group that may do anything, whatever is bound.
pub const MASTERS: &str = "system:masters";

impl Held {
    /// Tells whether it lets its holder do something to a resource.
    #[must_use]
    pub fn lets(&self, verbs: &[&str], group: &str, resource: &str) -> bool {
        self.right.lets(verbs, group, resource)
    }

    /// Tells whether it lets its holder do anything to anything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        let any = |words: &[String]| words.iter().any(|word| word == "*");
        let right = &self.right;
        let is_all = any(&right.verbs) && any(&right.groups) && any(&right.resources) && right.names.is_empty();
        is_all && self.namespace.is_none()
    }
}

impl Rights {
    /// Returns every right that somebody holds by a binding at hand.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        let mut held: Vec<Held> = self.bindings.iter().flat_map(|binding| self.bound(binding)).collect();
        // What is bound may let bind again, and no role is bound twice to one holder at one place.
        let mut taken = BTreeSet::new();
        loop {
            let more = self.bindable(&held, &mut taken);
            if more.is_empty() {
                return held;
            }
            held.extend(more);
        }
    }

    /// Returns the bindings of roles that no manifest shows, beside those that Kubernetes ships: what they give nobody knows.
    pub fn unknown(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(|binding| {
            let (kind, name) = &binding.role;
            self.role(kind, name, &binding.namespace).is_none() && built_in(name, binding.span).is_none()
        })
    }

    fn role(&self, kind: &str, name: &str, namespace: &str) -> Option<&Role> {
        let is_it = |role: &&Role| {
            role.kind == kind && role.name == name && (kind == "ClusterRole" || role.namespace == namespace)
        };
        self.roles.iter().find(is_it)
    }

    fn bound(&self, binding: &Binding) -> Vec<Held> {
        let (kind, name) = &binding.role;
        let rules = self.rules(kind, name, &binding.namespace, binding.span);
        let namespace = Some(binding.namespace.clone()).filter(|namespace| !namespace.is_empty());
        let mut held = Vec::new();
        for subject in &binding.subjects {
            for right in &rules {
                let places =
                    vec![(binding.span, format!("binds {kind} `{name}` to it")), (right.span, "lets it".to_owned())];
                held.push(Held {
                    subject: subject.clone(),
                    namespace: namespace.clone(),
                    right: right.clone(),
                    places,
                });
            }
        }
        held
    }

    /// Returns the rules of a role, with those of the roles it takes in.
    fn rules(&self, kind: &str, name: &str, namespace: &str, at: Span) -> Vec<Right> {
        let own = self.role(kind, name, namespace);
        let mut rules: Vec<Right> = own.map(|role| role.rules.clone()).unwrap_or_default();
        if kind == "ClusterRole" {
            rules.extend(built_in(name, at).into_iter().flatten());
            let mut seen: BTreeSet<&str> = BTreeSet::from([name]);
            let mut left: Vec<(&str, Option<&Role>)> = vec![(name, own)];
            while let Some((name, role)) = left.pop() {
                for part in self.roles.iter().filter(|part| part.kind == "ClusterRole" && takes_in(name, role, part)) {
                    if seen.insert(&part.name) {
                        rules.extend(part.rules.iter().cloned());
                        left.push((&part.name, Some(part)));
                    }
                }
            }
        }
        rules
    }

    /// Returns what holders may give themselves beside: roles they may bind where they may make bindings.
    fn bindable(&self, held: &[Held], taken: &mut BTreeSet<(Subject, Option<String>, String)>) -> Vec<Held> {
        const MAKE: [&str; 3] = ["create", "patch", "update"];
        const GROUP: &str = "rbac.authorization.k8s.io";
        let mut more = Vec::new();
        for binds in held.iter().filter(|held| held.lets(&["bind"], GROUP, "clusterroles")) {
            let makes = held.iter().filter(|other| other.subject == binds.subject);
            for makes in makes {
                let is_of_cluster = makes.namespace.is_none();
                let scope = match () {
                    () if is_of_cluster && makes.lets(&MAKE, GROUP, "clusterrolebindings") => None,
                    () if makes.lets(&MAKE, GROUP, "rolebindings") && !is_of_cluster => makes.namespace.clone(),
                    () => continue,
                };
                if binds.namespace.is_some() && binds.namespace != scope {
                    continue;
                }
                let all = ["cluster-admin".to_owned()];
                let names = if binds.right.names.is_empty() { all.as_slice() } else { &binds.right.names };
                for name in names {
                    if !taken.insert((binds.subject.clone(), scope.clone(), name.clone())) {
                        continue;
                    }
                    for right in self.rules("ClusterRole", name, "", binds.right.span) {
                        let places = [
                            binds.places.clone(),
                            vec![(makes.right.span, format!("lets it bind ClusterRole `{name}`"))],
                        ]
                        .concat();
                        more.push(Held { subject: binds.subject.clone(), namespace: scope.clone(), right, places });
                    }
                }
            }
        }
        more
    }
}

/// Tells whether a role takes in another: by its own selectors, or by the label of a role that Kubernetes ships.
fn takes_in(name: &str, role: Option<&Role>, part: &Role) -> bool {
    let shipped = ["admin", "edit", "view"].contains(&name);
    let label = format!("rbac.authorization.k8s.io/aggregate-to-{name}");
    let by_label = shipped && part.labels.get(&label).is_some_and(|on| on == "true");
    let known = Known::of_pods(&part.labels, true);
    by_label || role.is_some_and(|role| role.takes_in.iter().any(|selector| selector.fits(known).may()))
}

/// Returns what a role that Kubernetes ships lets do, as far as it matters here; `None` where it ships none of the name.
fn built_in(name: &str, span: Span) -> Option<Vec<Right>> {
    let right = |groups: &[&str], resources: &[&str], verbs: &[&str]| {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Right { span, groups: words(groups), resources: words(resources), verbs: words(verbs), names: Vec::new() }
    };
    const WRITE: [&str; 6] = ["create", "delete", "deletecollection", "patch", "update", "impersonate"];
    let write: Vec<&str> = WRITE.iter().copied().filter(|verb| *verb != "impersonate").collect();
    let edit = || {
        vec![
            right(
                &[""],
                &[
                    "pods",
                    "replicationcontrollers",
                    "services",
                    "configmaps",
                    "persistentvolumeclaims",
                    "serviceaccounts",
                ],
                &write,
            ),
            right(
                &[""],
                &["pods/attach", "pods/exec", "pods/portforward", "pods/proxy"],
                &["create", "get", "patch", "update"],
            ),
            right(&[""], &["secrets"], &["get", "list", "watch", "create", "patch", "update", "delete"]),
            right(&[""], &["serviceaccounts"], &["impersonate"]),
            right(&[""], &["serviceaccounts/token"], &["create"]),
            right(&["apps"], &["deployments", "statefulsets", "daemonsets", "replicasets"], &write),
            right(&["batch"], &["jobs", "cronjobs"], &write),
            right(&["networking.k8s.io"], &["networkpolicies", "ingresses"], &write),
        ]
    };
    match name {
        "cluster-admin" => Some(vec![right(&["*"], &["*"], &["*"])]),
        "admin" => {
            let mut rules = edit();
            rules.push(right(&["rbac.authorization.k8s.io"], &["roles", "rolebindings"], &write));
            Some(rules)
        }
        "edit" => Some(edit()),
        // What can only be looked at leads nowhere: Secrets are no part of it.
        "view" => Some(Vec::new()),
        "system:auth-delegator"
        | "system:basic-user"
        | "system:discovery"
        | "system:monitoring"
        | "system:public-info-viewer"
        | "system:service-account-issuer-discovery" => Some(Vec::new()),
        _ => None,
    }
}
