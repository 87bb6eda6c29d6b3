//! The edges that the mesh itself makes: what comes in by gateways, the identity of whoever is in a pod, and what is open once
//! policies can be rewritten.
//!
//! In: the clusters of a mesh. Out: [`Edge`]s. Calls that policies leave open are no edges here: the graph asks for them.

use std::collections::BTreeSet;

use super::edge::{Edge, Kind};
use super::vertex::Vertex;
use crate::entrances::Entrances;
use crate::fleet::Fleet;
use crate::model::Model;
use crate::reach::{Asked, Caller, Reach, through};

/// Returns the edges that the mesh makes, beside calls.
#[must_use]
pub fn edges(fleet: &Fleet<'_>) -> Vec<Edge> {
    let models = || fleet.models().iter().enumerate();
    let mut edges: Vec<Edge> = models().flat_map(|(cluster, model)| entering(cluster, model)).collect();
    for (cluster, model) in models() {
        for (workload, it) in model.cluster().inventory.workloads.iter().enumerate() {
            let own = Vertex::Workload { cluster, workload };
            if let Some(identity) = model.identity(it) {
                edges.push(Edge {
                    from: own.clone(),
                    to: Vertex::Identity(identity),
                    kind: Kind::Carries,
                    may: false,
                    places: vec![(it.span, format!("runs under the account `{}`", it.service_account))],
                });
            }
            edges.push(Edge {
                from: Vertex::Control { cluster },
                to: own,
                kind: Kind::OpensAll,
                may: false,
                places: Vec::new(),
            });
        }
    }
    edges
}

/// Returns what comes in by the gateways of a cluster.
fn entering(cluster: usize, model: &Model<'_>) -> Vec<Edge> {
    let entrances = Entrances::of(model);
    let led: BTreeSet<(usize, u16)> = entrances.openings.iter().flat_map(|opening| opening.leads.clone()).collect();
    let Some(everywhere) = Caller::anyone_outside() else { return Vec::new() };
    let mut edges = Vec::new();
    for (workload, port) in led {
        let Some(to) = model.cluster().inventory.workloads.get(workload) else { continue };
        let ways = through(model, &entrances, (to, port), everywhere, &Asked::anything());
        let Some(way) = ways.iter().filter(|way| way.reach != Reach::Denied).max_by_key(|way| way.reach) else {
            continue;
        };
        let route = way.opening.rule.map(|(_, span)| (span, format!("leads `{}` there", way.opening.host)));
        edges.push(Edge {
            from: Vertex::Internet,
            to: Vertex::Workload { cluster, workload },
            kind: Kind::Enters,
            may: way.reach == Reach::Depends,
            places: route.into_iter().chain([(way.listener.span, "listens".to_owned())]).collect(),
        });
    }
    edges
}
