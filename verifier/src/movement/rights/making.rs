//! Rights by which one makes pods, or changes those that others make: with them any account, any Secret, and mostly the node.
//!
//! In: one right of one holder. Out: edges.

use std::collections::BTreeSet;

use ringfence_compiler::source::Span;

use super::{CHANGE, Holding};
use crate::movement::edge::Kind;
use crate::movement::scene::{Found, SYSTEM, Scene};
use crate::surroundings::held::Held;

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

impl Holding<'_, '_, '_> {
    /// Adds what makes pods, or changes those that others make.
    pub(super) fn makes(&self, found: &mut Found) {
        let scene = self.scene;
        for (group, resource, kind) in MAKERS {
            // What is named is there: names do not bound what is made, which has none before.
            let creates = self.creates(group, resource);
            let changes = resource != "pods" && self.held.lets(&CHANGE, group, resource);
            let mut namespaces: BTreeSet<&str> = BTreeSet::new();
            if creates {
                namespaces.extend(self.all_namespaces());
                if self.held.namespace.is_none() {
                    // Nothing keeps pods of the namespace that every cluster has from their node.
                    self.node(Kind::MakesPods, false, &self.places(&format!("make {resource}")), found);
                }
            }
            if changes {
                let places = self.places(&format!("change {resource}, and with them what runs in their pods"));
                if self.is_about_authority() {
                    self.unseen_authority(&places, found);
                }
                let mut is_shown = false;
                for (vertex, workload) in scene.workloads(self.namespace()) {
                    // A ReplicaSet of a Deployment has a name of its own, which begins with that of the Deployment.
                    let is_of_deployment = resource == "replicasets" && workload.kind == "Deployment";
                    let is_it = workload.kind == kind && self.held.right.is_about(&workload.name)
                        || is_of_deployment && self.is_about_pods_of(workload);
                    if is_it {
                        is_shown = true;
                        found.add(self.who, vertex, Kind::RunsIn, false, &places);
                        namespaces.insert(workload.namespace.as_str());
                    }
                }
                // Kubernetes itself runs there from templates that manifests rarely show; a name may be that of one.
                if self.is_in(SYSTEM) && (self.held.right.names.is_empty() || !is_shown) {
                    self.node(Kind::RunsIn, true, &places, found);
                }
            }
            let places = self.places(&format!("{} {resource}", if creates { "make" } else { "change" }));
            for namespace in namespaces {
                self.any_pod(namespace, false, &places, found);
            }
        }
    }

    /// Adds what operators make pods for.
    pub(super) fn operated(&self, found: &mut Found) {
        for (group, resource) in OPERATED {
            if self.held.right.names.is_empty() && self.held.lets(&["create", "patch", "update"], group, resource) {
                let places = self.places(&format!("make {resource}, for which an operator makes pods"));
                for namespace in self.all_namespaces() {
                    self.any_pod(namespace, true, &places, found);
                }
            }
        }
    }

    /// Tells whether it lets its holder make objects of a kind. What is posted has no name yet, so that a right about names does not let
    /// it through; what is applied has one, and asks for both (kubernetes/apiserver `pkg/endpoints/handlers/patch.go`).
    pub(super) fn creates(&self, group: &str, resource: &str) -> bool {
        let names = &self.held.right.names;
        let shares = |other: &Held| names.iter().any(|name| other.right.is_about(name));
        let patches = |other: &Held| {
            let meet = other.covers(self.held) || self.held.covers(other);
            meet && other.lets(&["patch"], group, resource) && shares(other)
        };
        self.held.lets(&["create"], group, resource) && (names.is_empty() || self.scene.own(self.held).any(patches))
    }

    /// Returns the namespaces it holds in: those that manifests show, that which every cluster has, and that which every mesh has.
    pub(super) fn all_namespaces(&self) -> BTreeSet<&str> {
        match self.namespace() {
            Some(own) => BTreeSet::from([own]),
            None => {
                let all = self.scene.model.cluster().inventory.namespaces.keys().map(String::as_str);
                all.chain([SYSTEM, self.scene.model.cluster().root_namespace()]).collect()
            }
        }
    }

    /// Returns the right by which the holder may change the labels of a namespace, and with them what keeps pods from their node.
    fn opens(&self, namespace: &str) -> Option<&Held> {
        self.scene.own(self.held).find(|own| {
            let is_there = own.namespace.as_deref().is_none_or(|it| it == namespace);
            is_there && own.right.is_about(namespace) && own.lets(&CHANGE, "", "namespaces")
        })
    }

    /// Adds what a pod of the holder's own in a namespace has: any account, any Secret, and the node, where nothing keeps it from that.
    pub(super) fn any_pod(&self, namespace: &str, may: bool, places: &[(Span, String)], found: &mut Found) {
        let scene = self.scene;
        for (namespace, account) in Scene::listed(&scene.accounts, Some(namespace)) {
            found.add(self.who, scene.account(namespace, account), Kind::MakesPods, may, places);
            found.add(self.who, scene.identity(namespace, account), Kind::Mints, may, places);
        }
        for (namespace, secret) in Scene::listed(&scene.secrets, Some(namespace)) {
            found.add(self.who, scene.secret(namespace, secret), Kind::MountsSecret, may, places);
        }
        if namespace == scene.model.cluster().root_namespace() {
            self.unseen_authority(places, found);
        }
        if namespace == SYSTEM {
            // Where the controllers of Kubernetes have accounts of their own, one of them may do anything.
            found.add(self.who, scene.masters(), Kind::MakesPods, true, places);
        }
        if scene.lets_privileged(namespace) {
            self.node(Kind::MakesPods, may, places, found);
            return;
        }
        if let Some(opens) = self.opens(namespace) {
            let opens: Vec<(Span, String)> = opens
                .places
                .iter()
                .map(|(span, _)| (*span, "lets it change labels of namespaces".to_owned()))
                .collect();
            self.node(Kind::OpensNamespace, may, &[places, &opens].concat(), found);
        }
        // A volume of the whole cluster may be any folder of a node, and Pod Security does not look into it.
        let mut own = scene.own(self.held).filter(|other| other.namespace.is_none());
        if let Some(volumes) = own.find(|other| other.lets(&["create"], "", "persistentvolumes")) {
            self.node(Kind::MakesPods, may, &[places, &volumes.places].concat(), found);
        }
    }

    /// Adds a node of the holder's choice: where pods may run on those of the control plane, that is the whole cluster.
    fn node(&self, kind: Kind, may: bool, places: &[(Span, String)], found: &mut Found) {
        found.add(self.who, self.scene.any_node(), kind, may, places);
        found.add(self.who, self.scene.masters(), kind, true, places);
    }
}
