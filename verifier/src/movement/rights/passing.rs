//! Rights by which one passes for others: tokens of accounts, impersonation, roles that are rewritten, certificates that are signed.
//!
//! In: one right of one holder. Out: edges to whoever it passes for.

use super::{CHANGE, Holding, RBAC};
use crate::movement::edge::Kind;
use crate::movement::scene::{Found, Scene};
use crate::surroundings::held::MASTERS;

impl Holding<'_, '_, '_> {
    /// Adds what makes tokens: for the API server, or for the certificates of the mesh (istio/istio
    /// `security/pkg/server/ca/authenticate/kubeauth`, which asks for tokens that are meant for it).
    pub(super) fn tokens(&self, found: &mut Found) {
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
    pub(super) fn escalates(&self, found: &mut Found) {
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
                self.any_pod(&namespace, false, &places, found);
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
}
