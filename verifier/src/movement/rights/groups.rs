//! What hangs on no single right: groups and who is in them, roles that nobody shows, and the certificate authority of the mesh.
//!
//! In: a [`Scene`]. Out: edges.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::source::Span;

use super::whole_namespace;
use crate::movement::edge::Kind;
use crate::movement::scene::{CA_SECRETS, Found, SYSTEM, Scene, is_authority};
use crate::movement::vertex::Vertex;
use crate::surroundings::held::Unknown;
use crate::surroundings::rights::Subject;

/// Adds what a role may give that no manifest shows: anything, in the namespace it is bound in, or everywhere.
pub(super) fn unknown(scene: &Scene<'_, '_>, who: &Vertex, unknown: &Unknown, found: &mut Found) {
    let places = &unknown.places;
    match &unknown.namespace {
        None => found.add(who, scene.masters(), Kind::TakesRights, true, places),
        Some(namespace) => whole_namespace(scene, who, (namespace, true), places, found),
    }
}

/// Adds what the group gets that may do anything, where somebody gets to it.
pub(super) fn masters(scene: &Scene<'_, '_>, found: &mut Found) {
    let who = scene.masters();
    if !found.leads_to(&who) {
        return;
    }
    found.add(&who, scene.control(), Kind::RewritesPolicy, false, &[]);
    found.add(&who, scene.any_node(), Kind::MakesPods, false, &[]);
    for (vertex, _) in scene.workloads(None) {
        found.add(&who, vertex, Kind::RunsIn, false, &[]);
    }
    for (namespace, account) in Scene::listed(&scene.accounts, None) {
        found.add(&who, scene.account(namespace, account), Kind::TakesRights, false, &[]);
        found.add(&who, scene.identity(namespace, account), Kind::Mints, false, &[]);
    }
    for person in &scene.people {
        found.add(&who, scene.holder(person), Kind::TakesRights, false, &[]);
    }
    for (namespace, secret) in Scene::listed(&scene.secrets, None) {
        found.add(&who, scene.secret(namespace, secret), Kind::ReadsSecret, false, &[]);
    }
}

/// Adds what the certificate authority of the mesh gives: whoever has its key, or runs in its pods, has every identity. Which of its Secrets
/// there is no file tells, for it makes one itself.
pub(super) fn authority(scene: &Scene<'_, '_>, found: &mut Found) {
    let root = scene.model.cluster().root_namespace();
    let secrets: Vec<Vertex> = CA_SECRETS.iter().map(|name| scene.secret(root, name)).collect();
    let secrets: Vec<Vertex> = secrets.into_iter().filter(|secret| found.leads_to(secret)).collect();
    for secret in secrets {
        for (namespace, account) in Scene::listed(&scene.accounts, None) {
            found.add(&secret, scene.identity(namespace, account), Kind::Mints, true, &[]);
        }
    }
    for (vertex, workload) in scene.workloads(Some(root)) {
        if is_authority(workload) {
            let places = [(workload.span, "tells every proxy of the mesh what to do".to_owned())];
            found.add(&vertex, scene.control(), Kind::RewritesPolicy, false, &places);
            for (namespace, account) in Scene::listed(&scene.accounts, None) {
                found.add(&vertex, scene.identity(namespace, account), Kind::Mints, false, &places);
            }
        }
    }
}

/// Adds what a proxy of a node has, by its pods or by its account: certificates for every pod there (istio.io "Ztunnel traffic redirection"
/// and `CA_TRUSTED_NODE_ACCOUNTS`). Which pods those are no file tells.
pub(super) fn node_proxies(scene: &Scene<'_, '_>, found: &mut Found) {
    let root = scene.model.cluster().root_namespace();
    for (vertex, workload) in scene.workloads(None) {
        let is_one = |key: &str| workload.labels.get(key).is_some_and(|it| it == "ztunnel");
        if !is_one("app") && !is_one("app.kubernetes.io/name") || ![root, SYSTEM].contains(&workload.namespace.as_str())
        {
            continue;
        }
        let places = [(workload.span, "is given certificates for the pods of its node".to_owned())];
        for from in [vertex, scene.account(&workload.namespace, &workload.service_account)] {
            for (namespace, account) in Scene::listed(&scene.accounts, None) {
                found.add(&from, scene.identity(namespace, account), Kind::Mints, true, &places);
            }
        }
    }
}

/// Adds who is in the groups that hold something.
pub(super) fn members(scene: &Scene<'_, '_>, found: &mut Found, holders: &BTreeSet<Vertex>) {
    let places = bindings(scene);
    let mut joining: Vec<(Vertex, String, bool)> = Vec::new();
    let accounts = Scene::listed(&scene.accounts, None).map(|(namespace, name)| Subject {
        kind: "ServiceAccount".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    });
    for subject in accounts.chain(scene.people.iter().cloned()) {
        let groups = subject.groups().into_iter().map(|group| (scene.holder(&subject), group, false));
        joining.extend(groups);
    }
    for nodes in found.nodes() {
        joining.extend(["system:nodes", "system:authenticated"].map(|group| (nodes.clone(), group.to_owned(), false)));
    }
    // Whether anybody outside gets to the API server no repository tells; some clusters know whoever has an account with their
    // provider, so that to have a name is no bar (cloud.google.com "Best practices for GKE RBAC", on `system:authenticated`).
    let outside = ["system:unauthenticated", "system:authenticated"];
    joining.extend(outside.map(|group| (Vertex::Internet, group.to_owned(), true)));
    for (who, name, may) in joining {
        let group = scene.subject("Group", "", &name);
        if holders.contains(&group) {
            let places = places.get(name.as_str()).map(|span| (*span, format!("binds a role to `{name}`")));
            found.add(&who, group, Kind::Joins, may, places.as_slice());
        }
    }
    let nobody = scene.subject("User", "", "system:anonymous");
    if holders.contains(&nobody) {
        let places =
            places.get("system:anonymous").map(|span| (*span, "binds a role to `system:anonymous`".to_owned()));
        found.add(&Vertex::Internet, nobody, Kind::Joins, true, places.as_slice());
    }
}

/// Returns the first line that binds something to each user and each group.
fn bindings<'s>(scene: &'s Scene<'_, '_>) -> BTreeMap<&'s str, Span> {
    let mut found = BTreeMap::new();
    let held = scene.held.iter().map(|held| (&held.subject, &held.places));
    for (subject, places) in held.chain(scene.unknown.iter().map(|unknown| (&unknown.subject, &unknown.places))) {
        if let Some((span, _)) = places.first().filter(|_| subject.kind != "ServiceAccount") {
            found.entry(subject.name.as_str()).or_insert(*span);
        }
    }
    found
}
