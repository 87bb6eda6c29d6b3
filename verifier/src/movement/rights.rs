//! The edges that rights in Kubernetes make: what whoever may ask the API server in somebody's name gets by that.
//!
//! In: a [`Scene`]. Out: edges. What each verb lets do was read in kubernetes.io "Role Based Access Control Good Practices" and
//! "Using RBAC Authorization"; that `get` is enough to run commands, in kubernetes/kubernetes `pkg/registry/core/pod/rest/subresources.go`,
//! which takes websockets by `GET`.

mod groups;
mod making;
mod passing;
mod settings;

use std::collections::BTreeSet;

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::source::Span;

use super::edge::Kind;
use super::scene::{AUTHORITY, Found, SYSTEM, Scene};
use super::vertex::Vertex;
use crate::istio::read::selects;
use crate::surroundings::held::Held;

/// The verbs that change what is there.
const CHANGE: [&str; 2] = ["patch", "update"];

const RBAC: &str = "rbac.authorization.k8s.io";

/// Adds the edges of every right that somebody holds in a cluster.
pub(super) fn add(scene: &Scene<'_, '_>, found: &mut Found) {
    let mut holders: BTreeSet<Vertex> = BTreeSet::new();
    for held in &scene.held {
        let who = scene.holder(&held.subject);
        Holding { scene, held, who: &who }.add(found);
        holders.insert(who);
    }
    for unknown in &scene.unknown {
        let who = scene.holder(&unknown.subject);
        groups::unknown(scene, &who, unknown, found);
        holders.insert(who);
    }
    groups::masters(scene, found);
    groups::authority(scene, found);
    groups::node_proxies(scene, found);
    groups::members(scene, found, &holders);
}

/// Adds everything that there is in a namespace, which one gets by some means.
fn whole_namespace(
    scene: &Scene<'_, '_>,
    who: &Vertex,
    (namespace, may): (&str, bool),
    places: &[(Span, String)],
    found: &mut Found,
) {
    for (namespace, account) in Scene::listed(&scene.accounts, Some(namespace)) {
        found.add(who, scene.account(namespace, account), Kind::TakesRights, may, places);
        found.add(who, scene.identity(namespace, account), Kind::Mints, may, places);
    }
    for (namespace, secret) in Scene::listed(&scene.secrets, Some(namespace)) {
        found.add(who, scene.secret(namespace, secret), Kind::ReadsSecret, may, places);
    }
    for (vertex, _) in scene.workloads(Some(namespace)) {
        found.add(who, vertex.clone(), Kind::RunsIn, may, places);
        found.add(who, vertex, Kind::RewritesPolicy, may, places);
    }
    if namespace == scene.model.cluster().root_namespace() {
        found.add(who, scene.control(), Kind::RewritesPolicy, may, places);
    }
    if namespace == SYSTEM {
        found.add(who, scene.masters(), Kind::TakesRights, may, places);
    }
    if may || scene.lets_privileged(namespace) {
        found.add(who, scene.any_node(), Kind::MakesPods, may, places);
    }
}

/// One right of one holder.
struct Holding<'h, 's, 'm> {
    scene: &'h Scene<'s, 'm>,
    held: &'h Held,
    who: &'h Vertex,
}

impl Holding<'_, '_, '_> {
    fn add(&self, found: &mut Found) {
        let Self { scene, held, who, .. } = *self;
        if held.is_everything() {
            found.add(
                who,
                scene.masters(),
                Kind::TakesRights,
                false,
                &self.places("do anything, pass for anybody among it"),
            );
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
        self.settings(found);
        if held.namespace.is_none() && held.lets(&["get", "create"], "", "nodes/proxy") {
            let places = self.places("speak to the kubelet of every node");
            for (vertex, _) in scene.workloads(None) {
                found.add(who, vertex, Kind::ReachesNode, false, &places);
            }
            // What every node runs for Kubernetes itself, such as `kube-proxy`, is mostly privileged.
            found.add(who, scene.any_node(), Kind::ReachesNode, true, &places);
            self.unseen_authority(&places, found);
        }
    }

    /// Adds what the control plane of the mesh has, for whoever gets to its pods or passes for its account: every mesh has one, whether or
    /// not manifests at hand show it.
    fn unseen_authority(&self, places: &[(Span, String)], found: &mut Found) {
        let scene = self.scene;
        if !self.is_in(scene.model.cluster().root_namespace()) || scene.shows_authority() {
            return;
        }
        found.add(self.who, scene.control(), Kind::RewritesPolicy, true, places);
        for (namespace, account) in Scene::listed(&scene.accounts, None) {
            found.add(self.who, scene.identity(namespace, account), Kind::Mints, true, places);
        }
    }

    /// Tells whether the right may be about the control plane of the mesh: its name may have that of a revision behind.
    fn is_about_authority(&self) -> bool {
        let names = &self.held.right.names;
        names.is_empty() || names.iter().any(|name| name.starts_with(AUTHORITY))
    }

    fn namespace(&self) -> Option<&str> {
        self.held.namespace.as_deref()
    }

    /// Tells whether it holds in a namespace.
    fn is_in(&self, namespace: &str) -> bool {
        self.namespace().is_none_or(|own| own == namespace)
    }

    /// Tells whether its holder has a right of its own wherever this one holds, that lets it do something.
    fn has(&self, verbs: &[&str], group: &str, resource: &str) -> bool {
        self.scene.own(self.held).any(|own| own.covers(self.held) && own.lets(verbs, group, resource))
    }

    /// Returns the lines that give the right, the last of which says what it lets do.
    fn places(&self, what: &str) -> Vec<(Span, String)> {
        let mut places = self.held.places.clone();
        if let Some((_, said)) = places.last_mut() {
            *said = format!("lets it {what}");
        }
        places
    }

    /// Adds the Secrets it reads. A list that names one object by its field is a list of that object; what changes one, be it by nothing,
    /// is answered with all of it, and what takes all away with a list of them (kubernetes/apiserver
    /// `pkg/registry/generic/registry/store.go`).
    fn secrets(&self, found: &mut Found) {
        let takes_all = self.held.right.names.is_empty() && self.held.lets(&["deletecollection"], "", "secrets");
        let is_sure = takes_all || self.held.lets(&["get", "list", "watch", "patch"], "", "secrets");
        // What cannot go at once, such as what has a finalizer, is answered with all of it (`pkg/endpoints/handlers/delete.go`).
        if !is_sure && !self.held.lets(&["delete"], "", "secrets") {
            return;
        }
        let places = self.places("read Secrets");
        for (namespace, name) in Scene::listed(&self.scene.secrets, self.namespace()) {
            if self.held.right.is_about(name) {
                found.add(self.who, self.scene.secret(namespace, name), Kind::ReadsSecret, !is_sure, &places);
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
        if self.is_about_authority() {
            self.unseen_authority(&places, found);
        }
        // What every node runs for Kubernetes itself, such as `kube-proxy`, is mostly privileged.
        if self.is_in(SYSTEM) {
            found.add(self.who, self.scene.any_node(), Kind::RunsIn, true, &places);
        }
    }

    /// Adds what calls ports of pods by way of the API server, which no policy of the mesh sees: from inside the pod where ports are
    /// forwarded, and from a node by its proxies, which a proxy of the mesh that asks for mTLS refuses.
    fn calls(&self, found: &mut Found) {
        let lets = |verbs: &[&str], resource: &str| self.held.lets(verbs, "", resource);
        let forwards = lets(&["create", "get"], "pods/portforward");
        let proxies = ["create", "get", "patch", "update"];
        let of_services = lets(&proxies, "services/proxy");
        for (vertex, workload) in self.scene.workloads(self.namespace()) {
            let (what, may) = match self.is_about_pods_of(workload) {
                true if forwards => ("forward ports of pods", false),
                true if lets(&proxies, "pods/proxy") => ("call pods by way of the API server", true),
                _ if of_services && self.is_about_service_of(workload) => {
                    ("call Services by way of the API server", true)
                }
                _ => continue,
            };
            if !self.scene.model.ports(workload).is_empty() {
                found.add(self.who, vertex, Kind::Bypasses, may, &self.places(what));
            }
        }
    }

    /// Tells whether the right may be about a Service of a workload, which its proxy calls by a name that may have the scheme before and
    /// the port behind (kubernetes.io "Access Services Running on Clusters"). One that no manifest shows, or that selects nothing,
    /// may have any pods.
    fn is_about_service_of(&self, workload: &Workload) -> bool {
        let names = &self.held.right.names;
        let services = self.scene.model.cluster().inventory.services_in(&workload.namespace);
        let leads = |name: &String| {
            let mut parts = name.split(':');
            let name = match (parts.next(), parts.next(), parts.next()) {
                (Some(_), Some(name), Some(_)) => name,
                (Some(name), ..) => name,
                (None, ..) => return false,
            };
            let found = services.iter().find(|service| service.name == name);
            found.is_none_or(|it| it.selector.is_empty() || selects(&it.selector, &workload.labels))
        };
        names.is_empty() || names.iter().any(leads)
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
}
