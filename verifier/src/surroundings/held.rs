//! Who holds which rights in the end.
//!
//! In: [`Rights`]. Out: [`Holdings`], each with the lines that give it. Roles that are put together by labels give what is in them, those
//! that Kubernetes ships give what it ships, and whoever may bind a role where it may make bindings holds that role (kubernetes/kubernetes
//! `pkg/registry/rbac/rolebinding/policybased/storage.go`).

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::source::Span;

use super::rights::{Binding, Right, Rights, Role, Subject};
use super::shipped::{AGGREGATING, built_in};
use crate::kubernetes::selector::Known;

/// What everybody holds.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// Every right that somebody holds.
    pub held: Vec<Held>,
    /// What somebody holds by roles that no manifest shows, beside those that Kubernetes ships: what they give nobody knows.
    pub unknown: Vec<Unknown>,
}

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

/// A role that nobody shows, in somebody's hands.
#[derive(Debug, Clone)]
pub struct Unknown {
    /// Who has it.
    pub subject: Subject,
    /// Where; `None` is the whole cluster.
    pub namespace: Option<String>,
    /// The line that gives it.
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

    /// Tells whether it may be half of something: to read what else than Secrets is not.
    fn is_part(&self) -> bool {
        let reads = |verb: &String| ["get", "list", "watch"].contains(&verb.as_str());
        !self.right.verbs.iter().all(reads) || self.lets(&["get", "list", "watch"], "", "secrets")
    }

    /// Tells whether it holds wherever another does.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.namespace.is_none() || self.namespace == other.namespace
    }
}

impl Rights {
    /// Returns what everybody holds by bindings at hand.
    #[must_use]
    pub fn held(&self) -> Holdings {
        let roles = Roles::of(self);
        let mut found = Holdings::default();
        for binding in &self.bindings {
            roles.bound(binding, &mut found);
        }
        found.held.extend(by_groups(&found.held));
        // What is bound may let bind again, and no role is bound twice to one holder at one place.
        let (mut taken, mut from) = (BTreeSet::new(), 0);
        while from < found.held.len() {
            from = found.held.len();
            roles.bindable(&mut found, &mut taken);
        }
        found
    }
}

/// A role as bindings name it: kind, namespace and name.
type Name = (String, String, String);

/// What somebody has bound to itself: who, where, and the role.
type Taken = (Subject, Option<String>, (String, String));

const MAKE: [&str; 3] = ["create", "patch", "update"];

const GROUP: &str = "rbac.authorization.k8s.io";

/// Roles, by their names.
struct Roles<'r> {
    /// Of several manifests of one role any may be the one that is there.
    by_name: BTreeMap<Name, Vec<&'r Role>>,
    of_cluster: Vec<&'r Role>,
}

impl<'r> Roles<'r> {
    fn of(rights: &'r Rights) -> Self {
        let mut by_name: BTreeMap<Name, Vec<&'r Role>> = BTreeMap::new();
        for role in &rights.roles {
            let name = (role.kind.clone(), role.namespace.clone(), role.name.clone());
            by_name.entry(name).or_default().push(role);
        }
        let of_cluster = rights.roles.iter().filter(|role| role.kind == "ClusterRole").collect();
        Self { by_name, of_cluster }
    }

    fn named(&self, kind: &str, namespace: &str, name: &str) -> &[&'r Role] {
        let namespace = if kind == "ClusterRole" { "" } else { namespace };
        self.by_name.get(&(kind.to_owned(), namespace.to_owned(), name.to_owned())).map_or(&[], Vec::as_slice)
    }

    fn bound(&self, binding: &Binding, found: &mut Holdings) {
        let (kind, name) = &binding.role;
        let namespace = Some(binding.namespace.clone()).filter(|namespace| !namespace.is_empty());
        let rules = self.rules(kind, &binding.namespace, name, binding.span);
        for subject in &binding.subjects {
            let (subject, namespace) = (subject.clone(), namespace.clone());
            let Some(rules) = &rules else {
                let places = vec![(binding.span, format!("binds {kind} `{name}` to it, which no manifest shows"))];
                found.unknown.push(Unknown { subject, namespace, places });
                continue;
            };
            for right in rules {
                let places =
                    vec![(binding.span, format!("binds {kind} `{name}` to it")), (right.span, "lets it".to_owned())];
                let (subject, namespace) = (subject.clone(), namespace.clone());
                found.held.push(Held { subject, namespace, right: right.clone(), places });
            }
        }
    }

    /// Returns the rules of a role, with those of the roles it takes in; `None` where nobody shows it.
    fn rules(&self, kind: &str, namespace: &str, name: &str, at: Span) -> Option<Vec<Right>> {
        let own = self.named(kind, namespace, name);
        let shipped = built_in(name, at).filter(|_| kind == "ClusterRole");
        if own.is_empty() && shipped.is_none() {
            return None;
        }
        let mut rules: Vec<Right> = own.iter().flat_map(|role| role.rules.clone()).collect();
        rules.extend(shipped.into_iter().flatten());
        if kind != "ClusterRole" {
            return Some(rules);
        }
        let mut seen: BTreeSet<&str> = BTreeSet::from([name]);
        let mut left: Vec<&str> = vec![name];
        while let Some(name) = left.pop() {
            let own = self.named(kind, "", name);
            if !AGGREGATING.contains(&name) && own.iter().all(|role| role.takes_in.is_empty()) {
                continue;
            }
            for part in self.of_cluster.iter().filter(|part| takes_in(name, own, part)) {
                if seen.insert(&part.name) {
                    let parts = self.named(kind, "", &part.name);
                    rules.extend(parts.iter().flat_map(|part| part.rules.iter().cloned()));
                    left.push(&part.name);
                }
            }
        }
        Some(rules)
    }

    /// Adds what holders may give themselves beside: roles they may bind where they may make bindings.
    fn bindable(&self, found: &mut Holdings, taken: &mut BTreeSet<Taken>) {
        let mut by_subject: BTreeMap<&Subject, Vec<&Held>> = BTreeMap::new();
        for held in &found.held {
            by_subject.entry(&held.subject).or_default().push(held);
        }
        let (mut held, mut unknown) = (Vec::new(), Vec::new());
        // Whoever may do anything has nothing to gain.
        for (subject, own) in by_subject.into_iter().filter(|(_, own)| !own.iter().any(|held| held.is_everything())) {
            let let_do = |verbs: &'static [&str], resources: [&'static str; 2]| {
                own.iter().filter(move |held| resources.iter().any(|it| held.lets(verbs, GROUP, it)))
            };
            for binds in let_do(&["bind"], ["clusterroles", "roles"]) {
                for makes in let_do(&MAKE, ["clusterrolebindings", "rolebindings"]) {
                    for (namespace, kind, name) in self.taken(binds, makes) {
                        if !taken.insert((subject.clone(), namespace.clone(), (kind.to_owned(), name.clone()))) {
                            continue;
                        }
                        let what = format!("lets it bind {kind} `{name}` to itself");
                        let at = namespace.as_deref().unwrap_or_default();
                        let Some(rules) = self.rules(kind, at, &name, binds.right.span) else {
                            let mut places = binds.places.clone();
                            places.push((binds.right.span, format!("{what}, which no manifest shows")));
                            unknown.push(Unknown { subject: subject.clone(), namespace, places });
                            continue;
                        };
                        for right in rules {
                            let mut places = binds.places.clone();
                            places.extend(
                                makes.places.last().map(|(span, _)| (*span, "lets it make bindings".to_owned())),
                            );
                            places.push((binds.right.span, what.clone()));
                            held.push(Held { subject: subject.clone(), namespace: namespace.clone(), right, places });
                        }
                    }
                }
            }
        }
        found.held.extend(held);
        found.unknown.extend(unknown);
    }

    /// Returns the roles that one right lets bind by the bindings that another lets make: where, and which.
    fn taken(&self, binds: &Held, makes: &Held) -> Vec<(Option<String>, &'static str, String)> {
        let mut found = Vec::new();
        let mut scopes: BTreeSet<Option<String>> = BTreeSet::new();
        if makes.namespace.is_none() && binds.namespace.is_none() && makes.lets(&MAKE, GROUP, "clusterrolebindings") {
            scopes.insert(None);
        }
        if makes.lets(&MAKE, GROUP, "rolebindings") {
            match (&makes.namespace, &binds.namespace) {
                (Some(one), Some(other)) if one != other => {}
                (Some(namespace), _) | (None, Some(namespace)) => _ = scopes.insert(Some(namespace.clone())),
                // Whoever binds in every namespace binds in `kube-system`, whose accounts may do anything.
                (None, None) => _ = scopes.insert(None),
            }
        }
        let names = &binds.right.names;
        for scope in scopes {
            if binds.lets(&["bind"], GROUP, "clusterroles") {
                // Without names it is any, and one of them lets do anything.
                let all = ["cluster-admin".to_owned()];
                let names = if names.is_empty() { all.as_slice() } else { names };
                found.extend(names.iter().map(|name| (scope.clone(), "ClusterRole", name.clone())));
            }
            if binds.lets(&["bind"], GROUP, "roles") && makes.lets(&MAKE, GROUP, "rolebindings") {
                let here = |namespace: &str| scope.as_deref().is_none_or(|scope| scope == namespace);
                let roles = self.by_name.keys().filter(|(kind, namespace, _)| *kind == "Role" && here(namespace));
                let roles = roles.filter(|(.., name)| binds.right.is_about(name));
                found.extend(roles.map(|(_, at, name)| (Some(at.clone()), "Role", name.clone())));
                if let Some(namespace) = &scope {
                    found.extend(names.iter().map(|name| (Some(namespace.clone()), "Role", name.clone())));
                }
            }
        }
        found
    }
}

/// Returns what those who hold something themselves hold by groups as well, as far as two rights together may be more than each alone.
fn by_groups(held: &[Held]) -> Vec<Held> {
    let mut of_groups: BTreeMap<&str, Vec<&Held>> = BTreeMap::new();
    for held in held.iter().filter(|held| held.subject.kind == "Group" && held.is_part()) {
        of_groups.entry(&held.subject.name).or_default().push(held);
    }
    let people: BTreeSet<&Subject> = held.iter().map(|held| &held.subject).collect();
    let mut found = Vec::new();
    for subject in people {
        for group in subject.groups() {
            for held in of_groups.get(group.as_str()).into_iter().flatten() {
                found.push(Held { subject: subject.clone(), ..(*held).clone() });
            }
        }
    }
    found
}

/// Tells whether a role takes in another: by its own selectors, or by the label of a role that Kubernetes ships. Of those `admin` takes
/// in `edit`, and that `view`, with all that is labelled for them.
fn takes_in(name: &str, own: &[&Role], part: &Role) -> bool {
    let carries = |taken: &&&str| {
        part.labels.get(&format!("rbac.authorization.k8s.io/aggregate-to-{taken}")).is_some_and(|on| on == "true")
    };
    // Each takes in what those after it do.
    let by_label = AGGREGATING.iter().skip_while(|known| **known != name).any(|taken| carries(&taken));
    let known = Known::of_pods(&part.labels, true);
    by_label || own.iter().any(|role| role.takes_in.iter().any(|selector| selector.fits(known).may()))
}
