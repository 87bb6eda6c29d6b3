//! Rights to write what answers rest on: policies, settings of the mesh, and settings of the cluster that say who is who.
//!
//! In: one right of one holder. Out: edges.

use super::{CHANGE, Holding};
use crate::movement::edge::Kind;
use crate::movement::rested_on::{MAY_REST_ON, RESTED_ON, changes_others, is_far_reaching};
use crate::movement::scene::{Found, SYSTEM};

/// The settings of the mesh and of its injector; those of a revision have its name behind a dash.
const OF_MESH: [&str; 2] = ["istio", "istio-sidecar-injector"];

/// Where clusters of EKS say which role of AWS is which user of Kubernetes (docs.aws.amazon.com "Grant IAM users and roles access to
/// Kubernetes APIs").
const OF_USERS: &str = "aws-auth";

impl Holding<'_, '_, '_> {
    /// Adds what rewrites settings.
    pub(super) fn settings(&self, found: &mut Found) {
        let scene = self.scene;
        let writes = |verbs: &[&str]| self.held.lets(verbs, "", "configmaps");
        let names = &self.held.right.names;
        let is_one = |name: &String| {
            let rest = OF_MESH.iter().filter_map(|of_mesh| name.strip_prefix(of_mesh));
            rest.into_iter().any(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let root = scene.model.cluster().root_namespace();
        if self.is_in(root) && (names.is_empty() || names.iter().any(is_one)) && writes(&["delete", "patch", "update"])
        {
            let places = self.places("write the settings of the mesh");
            found.add(self.who, scene.control(), Kind::RewritesPolicy, false, &places);
            // What the injector adds to pods is written there as well: containers of any kind, in pods anywhere.
            found.add(self.who, scene.any_node(), Kind::MakesPods, true, &places);
            found.add(self.who, scene.masters(), Kind::TakesRights, true, &places);
        }
        if self.is_in(SYSTEM) && self.held.right.is_about(OF_USERS) && writes(&CHANGE) {
            let places = self.places("say who is which user, where the cluster is one of EKS");
            found.add(self.who, scene.masters(), Kind::TakesRights, true, &places);
        }
        // What a program reads there may be what it runs: whether it is, no file tells.
        if writes(&["create", "patch", "update"]) {
            let places = self.places("write settings that pods have in their files or variables");
            for (vertex, workload) in scene.workloads(self.namespace()) {
                let read = scene.template(workload).map_or(&[][..], |it| &it.settings);
                if let Some((name, span)) = read.iter().find(|(name, _)| self.held.right.is_about(name)) {
                    let read = (*span, format!("has ConfigMap `{name}` in its pods"));
                    found.add(self.who, vertex, Kind::RunsIn, true, &[places.as_slice(), &[read]].concat());
                }
            }
        }
        // With a kind go all objects of it.
        let kinds = "customresourcedefinitions";
        let takes = ["delete", "deletecollection", "patch", "update"];
        if self.namespace().is_none() && self.held.lets(&takes, "apiextensions.k8s.io", kinds) {
            let places = self.places("take away kinds of objects, and every policy with them");
            found.add(self.who, scene.control(), Kind::RewritesPolicy, false, &places);
        }
    }

    /// Adds what rewrites or takes away what answers rest on.
    pub(super) fn rewrites(&self, found: &mut Found) {
        let scene = self.scene;
        let is_of_mesh = self.namespace().is_none_or(|namespace| namespace == scene.model.cluster().root_namespace());
        let sure = RESTED_ON.iter().map(|kind| (kind, false));
        for ((group, resource), may) in sure.chain(MAY_REST_ON.iter().map(|kind| (kind, true))) {
            let verbs: &[&str] = match *resource {
                "namespaces" => &CHANGE,
                _ => &["create", "delete", "deletecollection", "patch", "update"],
            };
            if !self.held.lets(verbs, group, resource) {
                continue;
            }
            let places = self.places(&format!("write `{resource}`"));
            if is_of_mesh {
                found.add(self.who, scene.control(), Kind::RewritesPolicy, may, &places);
                if changes_others(resource) {
                    found.add(self.who, scene.any_node(), Kind::MakesPods, may, &places);
                    // What it changes may be a role that somebody else writes.
                    found.add(self.who, scene.masters(), Kind::TakesRights, true, &places);
                }
                continue;
            }
            if is_far_reaching(group, resource) {
                found.add(self.who, scene.control(), Kind::RewritesPolicy, true, &places);
            }
            for (vertex, _) in scene.workloads(self.namespace()) {
                found.add(self.who, vertex, Kind::RewritesPolicy, may, &places);
            }
        }
    }
}
