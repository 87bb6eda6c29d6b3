//! What hangs on no single right: groups and who is in them, roles that nobody shows, and the certificate authority of the mesh.
//!
//! In: a [`Scene`]. Out: edges.

use std::collections::BTreeSet;

use ringfence_compiler::source::Span;

use crate::movement::edge::Kind;
use crate::movement::scene::{CA_SECRETS, Found, Scene};
use crate::movement::vertex::Vertex;
use crate::surroundings::held::MASTERS;
use crate::surroundings::rights::Subject;

/// Adds what roles may give that no manifest shows: anything, in the namespace they are bound in, or everywhere.
pub(super) fn unknown(scene: &Scene<'_, '_>, found: &mut Found) {
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
pub(super) fn masters(scene: &Scene<'_, '_>, found: &mut Found) {
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
        if workload.labels.get("app").is_some_and(|app| app == "istiod") {
            let places = [(workload.span, "tells every proxy of the mesh what to do".to_owned())];
            found.add(&vertex, scene.control(), Kind::RewritesPolicy, false, &places);
            for (namespace, account) in Scene::listed(&scene.accounts, None) {
                found.add(&vertex, scene.identity(namespace, account), Kind::Mints, false, &places);
            }
        }
    }
}

/// Adds who is in the groups that hold something (kubernetes.io "Authenticating", on what service accounts are in).
pub(super) fn members(scene: &Scene<'_, '_>, found: &mut Found, holders: &BTreeSet<Vertex>) {
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
    if let Some(group) = holds("system:nodes") {
        for nodes in found.nodes() {
            found.add(&nodes, group.clone(), Kind::Joins, false, &places("system:nodes"));
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
