//! Lateral movement: what whoever has taken a workload, an identity or rights gets to from there.
//!
//! In: the clusters of a mesh, who reaches what in it, and what manifests say of pods, accounts and roles. Out: a graph of
//! [`Vertex`](vertex::Vertex) and [`Edge`], and answers read off it. Nothing about it says that an attack succeeds: it says what nothing prevents.

pub mod budget;
pub mod cut;
mod drawing;
pub mod edge;
pub mod exposure;
pub mod findings;
pub mod graph;
mod host_path;
pub mod lines;
pub mod mesh;
mod pairs;
pub mod paths;
mod pods;
pub mod radius;
pub mod rested_on;
mod rights;
mod scene;
mod segments;
pub mod spread;
pub mod unmanned;
pub mod vertex;

use self::edge::Edge;
use self::scene::{Found, Scene};
use crate::fleet::Fleet;
use crate::surroundings::Surroundings;

/// Returns every edge beside calls: what the mesh makes, and what manifests of each cluster say of pods and rights.
#[must_use]
pub fn edges(fleet: &Fleet<'_>, around: &[Surroundings]) -> Vec<Edge> {
    let mut edges = mesh::edges(fleet);
    for (cluster, (model, around)) in fleet.models().iter().zip(around).enumerate() {
        let scene = Scene::of(cluster, model, around);
        let mut found = Found::default();
        pods::add(&scene, &mut found);
        rights::add(&scene, &mut found);
        edges.extend(found.into_edges());
    }
    edges
}
