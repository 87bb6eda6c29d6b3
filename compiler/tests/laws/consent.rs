//! Consent: who crosses tenants by a grant or a floor has declared it, or a node above both says so.

use proptest::prelude::*;

use super::examine::{examine, law, shown};
use super::generate::repository;
use super::meaning::Meaning;
use super::repository::lineage;
use super::repository::*;

/// Who would have to declare a use: a node, or everyone, who cannot.
#[derive(Debug, Clone, PartialEq)]
enum Side {
    Of(String),
    Everyone,
}

/// Returns whose callers a reference names; a node that is called by a service stands for that service too.
fn sides(repository: &Repository, who: &Ref) -> Vec<Side> {
    let home =
        |namespace: &str| repository.nodes.iter().find(|node| node.claims.iter().any(|claim| claim == namespace));
    match who {
        // The clusters do not say which addresses their pods have.
        Ref::Mesh | Ref::Anyone | Ref::Cidr(_) => vec![Side::Everyone],
        Ref::Node(path) => vec![Side::Of(path.clone())],
        Ref::Service(workspace, _) => vec![Side::Of(workspace.clone())],
        Ref::Account(_, namespace, _) => home(namespace).map(|node| Side::Of(node.path.clone())).into_iter().collect(),
        Ref::Zone(name) => {
            let zone = repository.zones.iter().find(|zone| zone.name == *name).unwrap();
            zone.members.iter().flat_map(|member| sides(repository, member)).collect()
        }
    }
}

/// Returns what lets a caller of another tenant in without a node above both saying so: whose caller, to which service.
fn crossings(repository: &Repository) -> Vec<(Side, Ref)> {
    let meaning = Meaning::of(repository);
    let mut all = Vec::new();
    for service in &repository.services {
        let tenant = |path: &str| lineage(path).get(1).cloned();
        let has = |entry: &&Entry| {
            let known = |port: &u16| *port == 8080 || (*port == 9000 && service.tcp);
            entry.condition.ports.as_ref().is_none_or(|ports| ports.iter().any(known))
        };
        let line = lineage(service.node());
        let floors = repository.nodes.iter().filter(|node| line.contains(&node.path));
        let floors = floors.flat_map(|node| node.mandates.at_least.iter().map(|entry| (node.path.as_str(), entry)));
        let grants =
            meaning.about(service).flat_map(|access| access.allow.iter().map(|entry| (access.node.as_str(), entry)));
        for (node, entry) in floors.chain(grants).filter(|(_, entry)| has(entry)) {
            for source in entry.from.iter().flatten() {
                // A token alone is asked of anyone.
                for side in source.who.as_ref().map_or_else(|| vec![Side::Everyone], |who| sides(repository, who)) {
                    let crosses = match &side {
                        Side::Everyone => true,
                        Side::Of(caller) => {
                            tenant(caller) != tenant(service.node())
                                && !lineage(caller).iter().any(|above| above == node)
                        }
                    };
                    if crosses {
                        all.push((side, service.reference()));
                    }
                }
            }
        }
    }
    all
}

#[test]
fn nobody_crosses_tenants_without_both_sides() {
    law(96, 25, &repository(), |mut repository| {
        // Trials and denies have laws of their own.
        for node in &mut repository.nodes {
            node.mandates.trial = false;
        }
        repository.nodes[0].mandates.cross_tenant = true;
        // A rule with a mistake of its own is reported for that, and asks nobody.
        if examine(&repository).errors.contains(&"resolve/unknown-port") {
            return Ok(false);
        }
        let crossings = crossings(&repository);
        let missing = |repository: &Repository| examine(repository).errors.contains(&"resolve/consent-missing");
        prop_assert_eq!(missing(&repository), !crossings.is_empty(), "{:?}\n{}", crossings, shown(&repository));
        let mut everyone = false;
        for (at, (side, service)) in crossings.iter().enumerate() {
            match side {
                Side::Everyone => everyone = true,
                Side::Of(node) => repository.accesses.push(Access {
                    node: node.clone(),
                    name: format!("uses-{at}"),
                    uses: vec![service.clone()],
                    ..Access::default()
                }),
            }
        }
        prop_assert_eq!(missing(&repository), everyone, "{:?}\n{}", crossings, shown(&repository));
        Ok(!crossings.is_empty())
    });
}
