//! The edges that rights in Kubernetes make: what whoever may ask the API server in somebody's name gets by that.
//!
//! In: a [`Scene`]. Out: edges. What each verb lets do was read in kubernetes.io "Role Based Access Control Good Practices" and
//! "Using RBAC Authorization"; that `get` is enough to run commands, in kubernetes/kubernetes `pkg/registry/core/pod/rest/subresources.go`,
//! which takes websockets by `GET`.

mod groups;
mod passing;

use std::collections::BTreeSet;

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::source::Span;

use super::edge::Kind;
use super::rested_on::{RESTED_ON, is_far_reaching};
use super::scene::{Found, Scene};
use super::vertex::Vertex;
use crate::surroundings::held::{Held, MASTERS};

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

/// Resources of operators that make pods out of what they hold, with an account that it names; whether the operator runs, and what it lets
/// through, no file of these tells.
const OPERATED: [(&str, &str); 20] = [
    ("apps.kruise.io", "clonesets"),
    ("argoproj.io", "cronworkflows"),
    ("argoproj.io", "workflows"),
    ("batch.volcano.sh", "jobs"),
    ("flink.apache.org", "flinkdeployments"),
    ("jobset.x-k8s.io", "jobsets"),
    ("keda.sh", "scaledjobs"),
    ("kubeflow.org", "mpijobs"),
    ("kubeflow.org", "notebooks"),
    ("kubeflow.org", "pytorchjobs"),
    ("kubeflow.org", "tfjobs"),
    ("leaderworkerset.x-k8s.io", "leaderworkersets"),
    ("postgresql.cnpg.io", "clusters"),
    ("ray.io", "rayclusters"),
    ("ray.io", "rayjobs"),
    ("serving.knative.dev", "services"),
    ("serving.kserve.io", "inferenceservices"),
    ("sparkoperator.k8s.io", "sparkapplications"),
    ("tekton.dev", "pipelineruns"),
    ("tekton.dev", "taskruns"),
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
    groups::unknown(scene, found);
    groups::masters(scene, found);
    groups::authority(scene, found);
    groups::members(scene, found, &holders);
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
        self.calls(found);
        self.makes(found);
        self.operated(found);
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

    /// Adds what calls ports of pods by way of the API server, which no policy of the mesh sees: from inside the pod where ports are
    /// forwarded, and from a node by its proxies, which a proxy of the mesh that asks for mTLS refuses.
    fn calls(&self, found: &mut Found) {
        let lets = |verbs: &[&str], resource: &str| self.held.lets(verbs, "", resource);
        let forwards = lets(&["create", "get"], "pods/portforward");
        let proxies = ["create", "get", "patch", "update"];
        let (what, may) = match () {
            () if forwards => ("forward ports of pods", false),
            () if lets(&proxies, "pods/proxy") => ("call pods by way of the API server", true),
            () if lets(&proxies, "services/proxy") && self.held.right.names.is_empty() => {
                ("call Services by way of the API server", true)
            }
            () => return,
        };
        let places = self.places(what);
        for (vertex, workload) in self.scene.workloads(self.namespace()) {
            if self.is_about_pods_of(workload) && !self.scene.model.ports(workload).is_empty() {
                found.add(self.who, vertex, Kind::Bypasses, may, &places);
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
                if self.held.namespace.is_none() {
                    // Nothing keeps pods of `kube-system` from their node, which every cluster has.
                    found.add(
                        self.who,
                        scene.any_node(),
                        Kind::MakesPods,
                        false,
                        &self.places(&format!("make {resource}")),
                    );
                }
            }
            if changes {
                let places = self.places(&format!("change {resource}, and with them what runs in their pods"));
                for (vertex, workload) in scene.workloads(self.namespace()) {
                    // A ReplicaSet of a Deployment has a name of its own, which begins with that of the Deployment.
                    let is_of_deployment = resource == "replicasets" && workload.kind == "Deployment";
                    let is_it = workload.kind == kind && self.held.right.is_about(&workload.name)
                        || is_of_deployment && self.is_about_pods_of(workload);
                    if is_it {
                        found.add(self.who, vertex, Kind::RunsIn, false, &places);
                        namespaces.insert(workload.namespace.as_str());
                    }
                }
            }
            let places = self.places(&format!("{} {resource}", if creates { "make" } else { "change" }));
            for namespace in namespaces {
                self.any_pod(namespace, false, &places, found);
            }
        }
    }

    /// Adds what operators make pods for.
    fn operated(&self, found: &mut Found) {
        for (group, resource) in OPERATED {
            if self.held.right.names.is_empty() && self.held.lets(&["create", "patch", "update"], group, resource) {
                let places = self.places(&format!("make {resource}, for which an operator makes pods"));
                for namespace in self.all_namespaces().map(str::to_owned).collect::<Vec<_>>() {
                    self.any_pod(&namespace, true, &places, found);
                }
            }
        }
    }

    fn all_namespaces(&self) -> impl Iterator<Item = &str> {
        let all = self.scene.model.cluster().inventory.namespaces.keys().map(String::as_str);
        let own = self.namespace();
        all.filter(move |namespace| own.is_none_or(|own| own == *namespace))
    }

    /// Adds what a pod of the holder's own in a namespace has: any account, any Secret, and the node, where nothing keeps it from that.
    fn any_pod(&self, namespace: &str, may: bool, places: &[(Span, String)], found: &mut Found) {
        let scene = self.scene;
        for (namespace, account) in Scene::listed(&scene.accounts, Some(namespace)) {
            found.add(self.who, scene.account(namespace, account), Kind::MakesPods, may, places);
            found.add(self.who, scene.identity(namespace, account), Kind::Mints, may, places);
        }
        for (namespace, secret) in Scene::listed(&scene.secrets, Some(namespace)) {
            found.add(self.who, scene.secret(namespace, secret), Kind::MountsSecret, may, places);
        }
        if scene.lets_privileged(namespace) {
            found.add(self.who, scene.any_node(), Kind::MakesPods, may, places);
            return;
        }
        if let Some(opens) = self.may_open {
            let opens: Vec<(Span, String)> = opens
                .places
                .iter()
                .map(|(span, _)| (*span, "lets it change labels of namespaces".to_owned()))
                .collect();
            found.add(self.who, scene.any_node(), Kind::OpensNamespace, may, &[places, &opens].concat());
        }
        // A volume of the whole cluster may be any folder of a node, and Pod Security does not look into it.
        let mut own = scene.held.iter().filter(|other| other.subject == self.held.subject && other.namespace.is_none());
        if let Some(volumes) = own.find(|other| other.lets(&["create"], "", "persistentvolumes")) {
            found.add(self.who, scene.any_node(), Kind::MakesPods, may, &[places, &volumes.places].concat());
        }
    }

    /// Adds what rewrites or takes away what answers rest on.
    fn rewrites(&self, found: &mut Found) {
        let scene = self.scene;
        let is_of_mesh = self.namespace().is_none_or(|namespace| namespace == scene.model.cluster().root_namespace());
        // The mesh reads its own settings, and those of its injector, from there.
        let settings = ["istio", "istio-sidecar-injector"];
        let is_about = settings.iter().any(|name| self.held.right.is_about(name));
        if is_of_mesh && is_about && self.held.lets(&["delete", "patch", "update"], "", "configmaps") {
            found.add(
                self.who,
                scene.control(),
                Kind::RewritesPolicy,
                false,
                &self.places("write the settings of the mesh"),
            );
        }
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
