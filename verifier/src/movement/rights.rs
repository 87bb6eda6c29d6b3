//! The edges that rights in Kubernetes make: what whoever may ask the API server in somebody's name gets by that.
//!
//! In: a [`Scene`]. Out: edges. What each verb lets do was read in kubernetes.io "Role Based Access Control Good Practices" and
//! "Using RBAC Authorization"; that `get` is enough to run commands, in kubernetes/kubernetes `pkg/registry/core/pod/rest/subresources.go`,
//! which takes websockets by `GET`.

use std::collections::BTreeSet;

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::source::Span;

use super::edge::Kind;
use super::rested_on::{RESTED_ON, is_far_reaching};
use super::scene::{Found, Scene};
use super::vertex::Vertex;
use crate::surroundings::held::{Held, MASTERS};
use crate::surroundings::rights::Subject;

/// The verbs that change what is there.
const CHANGE: [&str; 2] = ["patch", "update"];

/// The resources whose templates make pods, by API group, with the kind.
const MAKERS: [(&str, &str, &str); 9] = [
    ("", "pods", "Pod"),
    ("", "replicationcontrollers", "ReplicationController"),
    ("apps", "deployments", "Deployment"),
    ("apps", "statefulsets", "StatefulSet"),
    ("apps", "daemonsets", "DaemonSet"),
    ("apps", "replicasets", "ReplicaSet"),
    ("batch", "jobs", "Job"),
    ("batch", "cronjobs", "CronJob"),
    ("argoproj.io", "rollouts", "Rollout"),
];

const RBAC: &str = "rbac.authorization.k8s.io";

/// Adds the edges of every right that somebody holds in a cluster.
pub(super) fn add(scene: &Scene<'_, '_>, found: &mut Found) {
    let mut holders: BTreeSet<Vertex> = BTreeSet::new();
    for held in &scene.held {
        let who = scene.holder(held);
        let holding = Holding { scene, held, who: &who, may_open: may_open(scene, held) };
        holding.add(found);
        holders.insert(who);
    }
    unknown(scene, found);
    masters(scene, found);
    members(scene, found, &holders);
}

/// Tells whether the holder of a right may take away what keeps pods of its namespace from their node: by the labels of the namespace.
fn may_open<'s>(scene: &'s Scene<'_, '_>, held: &Held) -> Option<&'s Held> {
    let mut own = scene.held.iter().filter(|other| other.subject == held.subject);
    own.find(|other| {
        let is_there = match (&other.namespace, &held.namespace) {
            (None, Some(namespace)) => other.right.is_about(namespace),
            (None, None) => other.right.names.is_empty(),
            (Some(one), other) => other.as_ref() == Some(one),
        };
        is_there && other.lets(&CHANGE, "", "namespaces")
    })
}

/// One right of one holder.
struct Holding<'h, 's, 'm> {
    scene: &'h Scene<'s, 'm>,
    held: &'h Held,
    who: &'h Vertex,
    /// The right by which the holder may change the labels of the namespace as well.
    may_open: Option<&'h Held>,
}

impl Holding<'_, '_, '_> {
    fn add(&self, found: &mut Found) {
        let Self { scene, held, who, .. } = *self;
        if held.is_everything() {
            let masters = scene.subject("Group", "", MASTERS);
            found.add(who, masters, Kind::TakesRights, false, &self.places("do anything, pass for anybody among it"));
            return;
        }
        self.secrets(found);
        self.runs(found);
        self.makes(found);
        self.tokens(found);
        self.passes(found);
        self.escalates(found);
        self.rewrites(found);
        if held.namespace.is_none() && held.lets(&["get", "create"], "", "nodes/proxy") {
            for (vertex, _) in scene.workloads(None) {
                found.add(who, vertex, Kind::ReachesNode, false, &self.places("speak to the kubelet of every node"));
            }
        }
    }

    fn namespace(&self) -> Option<&str> {
        self.held.namespace.as_deref()
    }

    /// Returns the lines that give the right, the last of which says what it lets do.
    fn places(&self, what: &str) -> Vec<(Span, String)> {
        let mut places = self.held.places.clone();
        if let Some((_, said)) = places.last_mut() {
            *said = format!("lets it {what}");
        }
        places
    }

    fn secrets(&self, found: &mut Found) {
        // A list that names one object by its field is a list of that object.
        if !self.held.lets(&["get", "list", "watch"], "", "secrets") {
            return;
        }
        let places = self.places("read Secrets");
        for (namespace, name) in Scene::listed(&self.scene.secrets, self.namespace()) {
            if self.held.right.is_about(name) {
                found.add(self.who, self.scene.secret(namespace, name), Kind::ReadsSecret, false, &places);
            }
        }
    }

    /// Adds what runs commands in pods that are there.
    fn runs(&self, found: &mut Found) {
        let lets = |verbs: &[&str], resource: &str| self.held.lets(verbs, "", resource);
        let what = match () {
            () if lets(&["create", "get"], "pods/exec") => "run commands in pods",
            () if lets(&["create", "get"], "pods/attach") => "attach to what runs in pods",
            () if lets(&CHANGE, "pods/ephemeralcontainers") => "put containers into pods that run",
            () if lets(&CHANGE, "pods") => "change the images of pods that run",
            () => return,
        };
        let places = self.places(what);
        for (vertex, workload) in self.scene.workloads(self.namespace()) {
            if self.is_about_pods_of(workload) {
                found.add(self.who, vertex, Kind::RunsIn, false, &places);
            }
        }
    }

    /// Tells whether the right is about pods of a workload, whose names begin with its own.
    fn is_about_pods_of(&self, workload: &Workload) -> bool {
        let names = &self.held.right.names;
        let begins = |name: &String| {
            let rest = name.strip_prefix(&workload.name);
            rest.is_some_and(|rest| if workload.kind == "Pod" { rest.is_empty() } else { rest.starts_with('-') })
        };
        names.is_empty() || names.iter().any(begins)
    }

    /// Adds what makes pods, or changes those that others make.
    fn makes(&self, found: &mut Found) {
        let scene = self.scene;
        for (group, resource, kind) in MAKERS {
            // What is named is there: names do not bound what is made, which has none before.
            let creates = self.held.right.names.is_empty() && self.held.lets(&["create"], group, resource);
            let changes = resource != "pods" && self.held.lets(&CHANGE, group, resource);
            let mut namespaces: BTreeSet<&str> = BTreeSet::new();
            if creates {
                namespaces.extend(self.all_namespaces());
            }
            if changes {
                let places = self.places(&format!("change {resource}, and with them what runs in their pods"));
                for (vertex, workload) in scene.workloads(self.namespace()) {
                    if workload.kind == kind && self.held.right.is_about(&workload.name) {
                        found.add(self.who, vertex, Kind::RunsIn, false, &places);
                        namespaces.insert(workload.namespace.as_str());
                    }
                }
            }
            let places = self.places(&format!("{} {resource}", if creates { "make" } else { "change" }));
            for namespace in namespaces {
                self.any_pod(namespace, &places, found);
            }
        }
    }

    fn all_namespaces(&self) -> impl Iterator<Item = &str> {
        let all = self.scene.model.cluster().inventory.namespaces.keys().map(String::as_str);
        let own = self.namespace();
        all.filter(move |namespace| own.is_none_or(|own| own == *namespace))
    }

    /// Adds what a pod of the holder's own in a namespace has: any account, any Secret, and the node, where nothing keeps it from that.
    fn any_pod(&self, namespace: &str, places: &[(Span, String)], found: &mut Found) {
        let scene = self.scene;
        for (namespace, account) in Scene::listed(&scene.accounts, Some(namespace)) {
            found.add(self.who, scene.account(namespace, account), Kind::MakesPods, false, places);
            found.add(self.who, scene.identity(namespace, account), Kind::Mints, false, places);
        }
        for (namespace, secret) in Scene::listed(&scene.secrets, Some(namespace)) {
            found.add(self.who, scene.secret(namespace, secret), Kind::MountsSecret, false, places);
        }
        if scene.lets_privileged(namespace) {
            found.add(self.who, scene.any_node(), Kind::MakesPods, false, places);
            return;
        }
        if let Some(opens) = self.may_open {
            let opens: Vec<(Span, String)> = opens
                .places
                .iter()
                .map(|(span, _)| (*span, "lets it change labels of namespaces".to_owned()))
                .collect();
            found.add(self.who, scene.any_node(), Kind::OpensNamespace, false, &[places, &opens].concat());
        }
        // A volume of the whole cluster may be any folder of a node, and Pod Security does not look into it.
        let mut own = scene.held.iter().filter(|other| other.subject == self.held.subject && other.namespace.is_none());
        if let Some(volumes) = own.find(|other| other.lets(&["create"], "", "persistentvolumes")) {
            found.add(self.who, scene.any_node(), Kind::MakesPods, false, &[places, &volumes.places].concat());
        }
    }

    /// Adds what makes tokens: for the API server, or for the certificates of the mesh (istio/istio
    /// `security/pkg/server/ca/authenticate/kubeauth`, which asks for tokens that are meant for it).
    fn tokens(&self, found: &mut Found) {
        if !self.held.lets(&["create"], "", "serviceaccounts/token") {
            return;
        }
        let places = self.places("make tokens of service accounts");
        for (namespace, account) in Scene::listed(&self.scene.accounts, self.namespace()) {
            if self.held.right.is_about(account) {
                found.add(self.who, self.scene.account(namespace, account), Kind::Mints, false, &places);
                found.add(self.who, self.scene.identity(namespace, account), Kind::Mints, false, &places);
            }
        }
    }

    /// Adds for whom it may pass.
    fn passes(&self, found: &mut Found) {
        let scene = self.scene;
        let lets = |resource: &str| self.held.lets(&["impersonate"], "", resource);
        if lets("serviceaccounts") {
            let places = self.places("pass for service accounts");
            for (namespace, account) in Scene::listed(&scene.accounts, self.namespace()) {
                if self.held.right.is_about(account) {
                    found.add(self.who, scene.account(namespace, account), Kind::TakesRights, false, &places);
                }
            }
        }
        if self.held.namespace.is_some() {
            return;
        }
        for (resource, kind) in [("users", "User"), ("groups", "Group")] {
            if !lets(resource) {
                continue;
            }
            let places = self.places(&format!("pass for {resource}"));
            let named = self.held.right.names.iter().map(|name| (kind, name.as_str()));
            let known = scene.people.iter().filter(|it| it.kind == kind && self.held.right.is_about(&it.name));
            let known = known.map(|it| (kind, it.name.as_str()));
            let masters =
                [("Group", MASTERS)].into_iter().filter(|_| kind == "Group" && self.held.right.is_about(MASTERS));
            for (kind, name) in named.chain(known).chain(masters) {
                // Whoever passes for a group passes for some user as well, which has to be let too.
                let may = kind == "Group" && !self.passes_for_somebody();
                found.add(self.who, scene.subject(kind, "", name), Kind::TakesRights, may, &places);
            }
        }
    }

    fn passes_for_somebody(&self) -> bool {
        let mut own = self.scene.held.iter().filter(|other| other.subject == self.held.subject);
        own.any(|other| ["users", "serviceaccounts"].iter().any(|resource| other.lets(&["impersonate"], "", resource)))
    }

    /// Adds what gives itself rights: by rewriting a role that it holds, or by a certificate for another name.
    fn escalates(&self, found: &mut Found) {
        let (scene, is_of_cluster) = (self.scene, self.held.namespace.is_none());
        let holds = |verbs: &[&str], group: &str, resource: &str| {
            let mut own = scene
                .held
                .iter()
                .filter(|other| other.subject == self.held.subject && other.namespace == self.held.namespace);
            own.any(|other| other.lets(verbs, group, resource))
        };
        if self.held.lets(&["escalate"], RBAC, "clusterroles") && holds(&CHANGE, RBAC, "clusterroles") && is_of_cluster
        {
            let places = self.places("write more into cluster roles than it holds itself");
            found.add(self.who, scene.subject("Group", "", MASTERS), Kind::TakesRights, false, &places);
        }
        if self.held.lets(&["escalate"], RBAC, "roles") && holds(&CHANGE, RBAC, "roles") {
            let places = self.places("write more into roles than it holds itself");
            for namespace in self.all_namespaces().map(str::to_owned).collect::<Vec<_>>() {
                self.any_pod(&namespace, &places, found);
            }
        }
        let signer = "kubernetes.io/kube-apiserver-client";
        let certificates = "certificates.k8s.io";
        let signs = self.held.lets(&["approve"], certificates, "signers")
            && (self.held.right.names.is_empty()
                || self.held.right.names.iter().any(|name| name == signer || name == "kubernetes.io/*"));
        if signs
            && is_of_cluster
            && holds(&["create"], certificates, "certificatesigningrequests")
            && holds(&CHANGE, certificates, "certificatesigningrequests/approval")
        {
            let places = self.places("sign certificates for any user");
            for person in scene.people.iter().filter(|it| it.name != MASTERS) {
                found.add(self.who, scene.subject(&person.kind, "", &person.name), Kind::TakesRights, false, &places);
            }
        }
    }

    /// Adds what rewrites or takes away what answers rest on.
    fn rewrites(&self, found: &mut Found) {
        let scene = self.scene;
        let is_of_mesh = self.namespace().is_none_or(|namespace| namespace == scene.model.cluster().root_namespace());
        for (group, resource) in RESTED_ON {
            let verbs: &[&str] = match *resource {
                "namespaces" => &CHANGE,
                _ => &["create", "delete", "deletecollection", "patch", "update"],
            };
            if !self.held.lets(verbs, group, resource) {
                continue;
            }
            let places = self.places(&format!("write `{resource}`"));
            if is_of_mesh {
                found.add(self.who, scene.control(), Kind::RewritesPolicy, false, &places);
                if *resource == "mutatingwebhookconfigurations" {
                    found.add(self.who, scene.any_node(), Kind::MakesPods, false, &places);
                }
                continue;
            }
            if is_far_reaching(group, resource) {
                found.add(self.who, scene.control(), Kind::RewritesPolicy, true, &places);
            }
            for (vertex, _) in scene.workloads(self.namespace()) {
                found.add(self.who, vertex, Kind::RewritesPolicy, false, &places);
            }
        }
    }
}

/// Adds what roles may give that no manifest shows: anything, in the namespace they are bound in, or everywhere.
fn unknown(scene: &Scene<'_, '_>, found: &mut Found) {
    for binding in scene.around.rights.unknown() {
        let (kind, name) = &binding.role;
        let places = [(binding.span, format!("binds {kind} `{name}` to it, which no manifest shows"))];
        for subject in &binding.subjects {
            let namespace = if subject.kind == "ServiceAccount" { subject.namespace.as_str() } else { "" };
            let who = scene.subject(&subject.kind, namespace, &subject.name);
            if binding.namespace.is_empty() {
                found.add(&who, scene.subject("Group", "", MASTERS), Kind::TakesRights, true, &places);
                continue;
            }
            for (namespace, account) in Scene::listed(&scene.accounts, Some(&binding.namespace)) {
                found.add(&who, scene.account(namespace, account), Kind::TakesRights, true, &places);
            }
            for (vertex, _) in scene.workloads(Some(&binding.namespace)) {
                found.add(&who, vertex, Kind::RunsIn, true, &places);
            }
            found.add(&who, scene.any_node(), Kind::MakesPods, true, &places);
        }
    }
}

/// Adds what the group gets that may do anything, where somebody gets to it.
fn masters(scene: &Scene<'_, '_>, found: &mut Found) {
    let who = scene.subject("Group", "", MASTERS);
    if !found.leads_to(&who) {
        return;
    }
    found.add(&who, scene.control(), Kind::RewritesPolicy, false, &[]);
    found.add(&who, scene.any_node(), Kind::MakesPods, false, &[]);
    for (vertex, _) in scene.workloads(None) {
        found.add(&who, vertex, Kind::RunsIn, false, &[]);
    }
    for (namespace, account) in Scene::listed(&scene.accounts, None) {
        found.add(&who, scene.identity(namespace, account), Kind::Mints, false, &[]);
    }
    for (namespace, secret) in Scene::listed(&scene.secrets, None) {
        found.add(&who, scene.secret(namespace, secret), Kind::ReadsSecret, false, &[]);
    }
}

/// Adds who is in the groups that hold something (kubernetes.io "Authenticating", on what service accounts are in).
fn members(scene: &Scene<'_, '_>, found: &mut Found, holders: &BTreeSet<Vertex>) {
    let holds = |name: &str| {
        let group = scene.subject("Group", "", name);
        holders.contains(&group).then_some(group)
    };
    let places = |group: &str| {
        let binding = scene.held.iter().find(|held| held.subject.kind == "Group" && held.subject.name == group);
        binding
            .and_then(|held| held.places.first())
            .map(|(span, _)| (*span, format!("binds a role to `{group}`")))
            .into_iter()
            .collect::<Vec<_>>()
    };
    for (namespace, account) in Scene::listed(&scene.accounts, None) {
        let who = scene.account(namespace, account);
        let own = format!("system:serviceaccounts:{namespace}");
        for name in ["system:serviceaccounts", own.as_str(), "system:authenticated"] {
            if let Some(group) = holds(name) {
                found.add(&who, group, Kind::Joins, false, &places(name));
            }
        }
    }
    for person in scene.people.iter().filter(|it| it.kind == "User") {
        let Subject { kind, name, .. } = person;
        if let Some(group) = holds("system:authenticated") {
            found.add(&scene.subject(kind, "", name), group, Kind::Joins, false, &places("system:authenticated"));
        }
    }
    // Whether anybody outside gets to the API server no repository tells.
    for (name, kind) in [("system:unauthenticated", "Group"), ("system:anonymous", "User")] {
        let nobody = scene.subject(kind, "", name);
        if holders.contains(&nobody) {
            let span = scene.held.iter().find(|held| held.subject.name == name).and_then(|held| held.places.first());
            let places: Vec<(Span, String)> =
                span.map(|(span, _)| (*span, format!("binds a role to `{name}`"))).into_iter().collect();
            found.add(&Vertex::Internet, nobody, Kind::Joins, true, &places);
        }
    }
}
