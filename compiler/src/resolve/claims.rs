//! Which namespace belongs to which workspace. A namespace belongs to one, and overlap names both claimants.

use std::collections::BTreeMap;

use super::world::{Cluster, Node};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::resolve as code;
use crate::source::Span;
use crate::spec::reference::NodePath;

/// Gives each namespace of the inventories to the workspace that claims it.
pub(super) fn claim<'a>(
    nodes: &BTreeMap<NodePath, Node<'a>>,
    clusters: &BTreeMap<&'a str, Cluster<'a>>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<(&'a str, &'a str), NodePath> {
    let mut claims: BTreeMap<(&'a str, &'a str), (NodePath, Span)> = BTreeMap::new();
    for (path, node) in nodes {
        for claim in node.namespaces {
            let mut found = false;
            for (name, cluster) in clusters.iter().filter(|(name, _)| claim.value.cluster.matches(name)) {
                for namespace in cluster.inventory.namespaces.keys().filter(|name| claim.value.namespace.matches(name))
                {
                    found = true;
                    match claims.get(&(*name, namespace.as_str())) {
                        Some((other, first)) if other != path => {
                            diagnostics.report(
                                code::OVERLAPPING_CLAIM
                                    .at(
                                        claim.span,
                                        format!("`{other}` and `{path}` both claim namespace `{name}/{namespace}`"),
                                    )
                                    .label(format!("claimed by `{path}`"))
                                    .and(*first, format!("claimed by `{other}`"))
                                    .help("a namespace belongs to one workspace: narrow one of the claims"),
                            );
                        }
                        Some(_) => {}
                        None => {
                            claims.insert((name, namespace), (path.clone(), claim.span));
                        }
                    }
                }
            }
            if !found {
                diagnostics.report(empty_claim(claim.span, &claim.value.to_string(), clusters));
            }
        }
    }
    for (name, cluster) in clusters {
        for (namespace, first) in unclaimed(name, cluster, &claims) {
            diagnostics.report(
                code::UNCLAIMED_NAMESPACE
                    .at(first, format!("namespace `{name}/{namespace}` has workloads and belongs to no workspace"))
                    .label("governed by nobody")
                    .help("claim it in the `namespaces` of a workspace; until then nothing is emitted for it and nothing is claimed about it"),
            );
        }
    }
    check_identities(clusters, &claims, diagnostics);
    check_facts(clusters, diagnostics);
    claims.into_iter().map(|(namespace, (path, _))| (namespace, path)).collect()
}

/// Refuses one namespace name with two owners under one trust domain: their workloads would be one identity.
fn check_identities(
    clusters: &BTreeMap<&str, Cluster<'_>>,
    claims: &BTreeMap<(&str, &str), (NodePath, Span)>,
    diagnostics: &mut Diagnostics,
) {
    let mut owners: BTreeMap<(&str, &str), (&NodePath, Span)> = BTreeMap::new();
    for ((name, namespace), (path, span)) in claims {
        let Some(cluster) = clusters.get(name) else { continue };
        match owners.get(&(cluster.trust_domain(), *namespace)) {
            Some((other, first)) if *other != path => {
                let shared = code::OVERLAPPING_CLAIM.at(
                    *span,
                    format!("namespace `{namespace}` belongs to `{other}` in one cluster and to `{path}` in another, under one trust domain"),
                );
                diagnostics.report(shared.label(format!("claimed by `{path}`")).and(*first, format!("claimed by `{other}`")).help(
                    "a mesh cannot tell their workloads apart: let one workspace claim both, or give the clusters trust domains of their own",
                ));
            }
            Some(_) => {}
            None => {
                owners.insert((cluster.trust_domain(), *namespace), (path, *span));
            }
        }
    }
}

/// Reports facts about namespaces that a cluster does not have: a typing error would leave the right one without its fact.
fn check_facts(clusters: &BTreeMap<&str, Cluster<'_>>, diagnostics: &mut Diagnostics) {
    for (name, cluster) in clusters {
        let known = &cluster.inventory.namespaces;
        let facts = cluster.document.spec.namespaces.iter();
        for (namespace, facts) in facts.filter(|(namespace, _)| !known.contains_key(*namespace)) {
            let unknown = code::UNKNOWN_REFERENCE
                .at(facts.data_plane.span, format!("the inventory of `{name}` has no namespace `{namespace}`"));
            let unknown = unknown.label("a fact about nothing").help("drop the fact, or add the namespace's manifest");
            diagnostics.report(unknown.did_you_mean(namespace, known.keys().map(String::as_str)));
        }
    }
}

fn empty_claim(span: Span, claim: &str, clusters: &BTreeMap<&str, Cluster<'_>>) -> crate::diagnostics::Diagnostic {
    let known: Vec<String> = clusters
        .iter()
        .flat_map(|(name, cluster)| {
            cluster.inventory.namespaces.keys().map(move |namespace| format!("{name}/{namespace}"))
        })
        .collect();
    code::EMPTY_CLAIM
        .at(span, format!("`{claim}` finds no namespace in the inventory"))
        .label("claims nothing")
        .did_you_mean(claim, known.iter().map(String::as_str))
}

/// Returns the namespaces of a cluster that hold workloads and are claimed by nobody, each with its first workload.
fn unclaimed<'a>(
    name: &'a str,
    cluster: &Cluster<'a>,
    claims: &BTreeMap<(&'a str, &'a str), (NodePath, Span)>,
) -> BTreeMap<&'a str, Span> {
    let mut unclaimed = BTreeMap::new();
    for workload in &cluster.inventory.workloads {
        if !claims.contains_key(&(name, workload.namespace.as_str())) {
            unclaimed.entry(workload.namespace.as_str()).or_insert(workload.span);
        }
    }
    unclaimed
}
