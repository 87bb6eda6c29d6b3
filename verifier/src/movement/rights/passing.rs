//! Rights by which one passes for others: tokens of accounts, impersonation, roles that are rewritten, certificates that are signed.
//!
//! In: one right of one holder. Out: edges to whoever it passes for.

use std::collections::BTreeSet;

use super::{CHANGE, Holding, RBAC, whole_namespace};
use crate::movement::edge::Kind;
use crate::movement::scene::{Found, STRONGEST, SYSTEM, Scene};
use crate::surroundings::held::{Held, MASTERS};

/// The user that the controllers of Kubernetes are, which makes tokens of any account (kubernetes/kubernetes
/// `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`).
const CONTROLLERS: &str = "system:kube-controller-manager";

const CERTIFICATES: &str = "certificates.k8s.io";

impl Holding<'_, '_, '_> {
    /// Adds what makes tokens: for the API server, or for the certificates of the mesh (istio/istio
    /// `security/pkg/server/ca/authenticate/kubeauth`, which asks for tokens that are meant for it).
    pub(super) fn tokens(&self, found: &mut Found) {
        let scene = self.scene;
        if self.held.lets(&["create"], "", "serviceaccounts/token") {
            let places = self.places("make tokens of service accounts");
            for (namespace, account) in Scene::listed(&scene.accounts, self.namespace()) {
                if self.held.right.is_about(account) {
                    found.add(self.who, scene.account(namespace, account), Kind::Mints, false, &places);
                    found.add(self.who, scene.identity(namespace, account), Kind::Mints, false, &places);
                }
            }
            if self.is_about_authority() {
                self.unseen_authority(&places, found);
            }
            if self.is_in(SYSTEM) && scene.is_about_strong(self.held) {
                // Where the controllers of Kubernetes have accounts of their own.
                found.add(self.who, scene.masters(), Kind::Mints, true, &places);
            }
        }
        // Kubernetes puts a token into a Secret that asks for one (kubernetes.io "Managing Service Accounts"), for whoever reads it.
        if !self.creates("", "secrets") {
            return;
        }
        let meets = |own: &&Held| own.covers(self.held) || self.held.covers(own);
        let reads = |own: &&Held| own.lets(&["get", "list", "watch", "patch"], "", "secrets");
        for own in scene.own(self.held).filter(meets).filter(reads) {
            let namespace = self.namespace().or(own.namespace.as_deref());
            let mut places = self.places("make Secrets, of which Kubernetes fills some with tokens");
            places.extend(own.places.last().map(|(span, _)| (*span, "lets it read Secrets".to_owned())));
            for (namespace, account) in Scene::listed(&scene.accounts, namespace) {
                found.add(self.who, scene.account(namespace, account), Kind::HoldsToken, false, &places);
            }
            if namespace.is_none_or(|namespace| namespace == scene.model.cluster().root_namespace()) {
                self.unseen_authority(&places, found);
            }
            if namespace.is_none_or(|namespace| namespace == SYSTEM) {
                found.add(self.who, scene.masters(), Kind::HoldsToken, true, &places);
            }
        }
    }

    /// Adds for whom it may pass.
    pub(super) fn passes(&self, found: &mut Found) {
        let scene = self.scene;
        let lets = |resource: &str| self.held.lets(&["impersonate"], "", resource);
        if lets("serviceaccounts") {
            let places = self.places("pass for service accounts");
            for (namespace, account) in Scene::listed(&scene.accounts, self.namespace()) {
                if self.held.right.is_about(account) {
                    found.add(self.who, scene.account(namespace, account), Kind::TakesRights, false, &places);
                }
            }
            if self.is_about_authority() {
                self.unseen_authority(&places, found);
            }
            if self.is_in(SYSTEM) && scene.is_about_strong(self.held) {
                // Nobody asks whether an account is there that one passes for. Of one that is not known nobody knows what it holds.
                let may = !self.held.right.is_about(STRONGEST);
                found.add(self.who, scene.masters(), Kind::TakesRights, may, &places);
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
            if kind == "User" && self.held.right.is_about(CONTROLLERS) {
                found.add(self.who, scene.masters(), Kind::TakesRights, false, &places);
            }
            if kind == "User" && self.passes_for_nodes() {
                found.add(self.who, scene.any_node(), Kind::TakesRights, true, &places);
            }
            // A name that nobody shows to hold anything may be bound where no manifest says so, such as `kubeadm:cluster-admins`.
            if self.held.right.names.iter().any(|name| self.is_strange(kind, name)) {
                found.add(self.who, scene.masters(), Kind::TakesRights, true, &places);
            }
        }
    }

    /// Tells whether it may pass for a node, which has both a name and a group (kubernetes.io "Using Node Authorization"): this right is
    /// about the name.
    fn passes_for_nodes(&self) -> bool {
        let names = &self.held.right.names;
        let is_named = names.is_empty() || names.iter().any(|name| name.starts_with("system:node:"));
        let mut own = self.scene.own(self.held).filter(|own| own.namespace.is_none());
        is_named && own.any(|own| own.lets(&["impersonate"], "", "groups") && own.right.is_about("system:nodes"))
    }

    /// Tells whether nothing is known of a user or a group: no manifest binds it, and Kubernetes does not say what it holds.
    fn is_strange(&self, kind: &str, name: &str) -> bool {
        // Nobody passes for an account by a right about users: that asks for one about accounts.
        let said = [
            "system:anonymous",
            "system:authenticated",
            "system:nodes",
            "system:serviceaccounts",
            "system:unauthenticated",
        ];
        let begins = ["system:node:", "system:serviceaccount:", "system:serviceaccounts:"];
        let is_known = said.contains(&name) || begins.iter().any(|start| name.starts_with(start));
        !is_known && !self.scene.people.iter().any(|it| it.kind == kind && it.name == name)
    }

    fn passes_for_somebody(&self) -> bool {
        let mut own = self.scene.own(self.held);
        own.any(|other| ["users", "serviceaccounts"].iter().any(|resource| other.lets(&["impersonate"], "", resource)))
    }

    /// Adds the namespaces where it may make a role with more than it holds, and bind that to itself: three rights, wherever all of them are
    /// held (kubernetes/kubernetes `pkg/registry/rbac/escalation_check.go`).
    fn makes_roles(&self, found: &mut Found) {
        let scene = self.scene;
        if !self.held.lets(&["escalate"], RBAC, "roles") {
            return;
        }
        let parts = || {
            let own = scene.own(self.held);
            own.filter(|own| own.lets(&["bind", "create", "patch", "update"], RBAC, "roles") || makes_bindings(own))
        };
        let all = |namespace: Option<&str>| {
            let here = |own: &&Held| own.namespace.is_none() || own.namespace.as_deref() == namespace;
            let any = |fits: &dyn Fn(&Held) -> bool| parts().filter(here).any(fits);
            any(&|own| own.lets(&["create"], RBAC, "roles"))
                && any(&|own| own.lets(&["bind"], RBAC, "roles"))
                && any(&makes_bindings)
        };
        let places = self.places("make roles with more than it holds itself, and bind them");
        if self.namespace().is_none() && all(None) {
            found.add(self.who, scene.masters(), Kind::TakesRights, false, &places);
        }
        let namespaces: BTreeSet<&str> = match self.namespace() {
            Some(own) => BTreeSet::from([own]),
            None => parts().filter_map(|own| own.namespace.as_deref()).collect(),
        };
        for namespace in namespaces.into_iter().filter(|namespace| all(Some(namespace))) {
            whole_namespace(scene, self.who, (namespace, false), &places, found);
            self.any_pod(namespace, false, &places, found);
        }
    }

    /// Adds what gives itself rights: by rewriting a role that it holds, or by a certificate for another name.
    pub(super) fn escalates(&self, found: &mut Found) {
        let (scene, is_of_cluster) = (self.scene, self.held.namespace.is_none());
        let changes = |other: &Held, resource: &str| other.lets(&CHANGE, RBAC, resource);
        if is_of_cluster
            && self.held.lets(&["escalate"], RBAC, "clusterroles")
            && self.has(&CHANGE, RBAC, "clusterroles")
        {
            let places = self.places("write more into cluster roles than it holds itself");
            found.add(self.who, scene.masters(), Kind::TakesRights, false, &places);
        }
        if is_of_cluster
            && self.held.lets(&["escalate"], RBAC, "clusterroles")
            && self.has(&["create"], RBAC, "clusterroles")
        {
            // A new one may be labelled as part of one that its maker holds, such as `view`; who holds those no file tells for sure.
            let places = self.places("make cluster roles with more than it holds itself, as part of others");
            found.add(self.who, scene.masters(), Kind::TakesRights, true, &places);
        }
        self.makes_roles(found);
        if self.held.lets(&["escalate"], RBAC, "roles") {
            let places = self.places("write more into roles than it holds itself");
            for own in scene.own(self.held).filter(|own| changes(own, "roles")) {
                match (self.namespace(), own.namespace.as_deref()) {
                    // Whoever has every namespace has the one whose accounts may do anything.
                    (None, None) => found.add(self.who, scene.masters(), Kind::TakesRights, false, &places),
                    (Some(one), Some(other)) if one != other => {}
                    (Some(namespace), _) | (None, Some(namespace)) => {
                        whole_namespace(scene, self.who, (namespace, false), &places, found);
                        self.any_pod(namespace, false, &places, found);
                    }
                }
            }
        }
        let signs = |signer: &str| {
            let is_it = |name: &String| name == signer || name == "kubernetes.io/*";
            let names = &self.held.right.names;
            self.held.lets(&["approve"], CERTIFICATES, "signers") && (names.is_empty() || names.iter().any(is_it))
        };
        let asks = is_of_cluster
            && self.has(&["create"], CERTIFICATES, "certificatesigningrequests")
            && self.has(&CHANGE, CERTIFICATES, "certificatesigningrequests/approval");
        if asks && signs("kubernetes.io/kube-apiserver-client") {
            // The one name that is refused is that of the group that may do anything (kubernetes/kubernetes
            // `plugin/pkg/admission/certificates/subjectrestriction`); that of the controllers is not.
            let places = self.places("sign certificates for any user");
            found.add(self.who, scene.masters(), Kind::TakesRights, false, &places);
            for person in scene.people.iter().filter(|it| it.name != MASTERS) {
                found.add(self.who, scene.holder(person), Kind::TakesRights, false, &places);
            }
        }
        // The controllers approve those of nodes by themselves, for whoever may create this part of a request (kubernetes/kubernetes
        // `pkg/controller/certificates/approver/sarapprove.go`).
        let is_approved = is_of_cluster
            && self.held.lets(&["create"], CERTIFICATES, "certificatesigningrequests/nodeclient")
            && self.has(&["create"], CERTIFICATES, "certificatesigningrequests");
        if is_approved || asks && signs("kubernetes.io/kube-apiserver-client-kubelet") {
            // Not the node itself, but what its kubelet is told and may ask for.
            let places = self.places("sign certificates for any node");
            found.add(self.who, scene.any_node(), Kind::TakesRights, true, &places);
        }
    }
}

fn makes_bindings(held: &Held) -> bool {
    held.lets(&["create", "patch", "update"], RBAC, "rolebindings")
}
