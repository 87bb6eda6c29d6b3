//! Small meshes, judged by the verifier in both its ways, pair by pair and all at once, and by the naive rules.

use std::collections::BTreeMap;

use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::matrix::{Matrix, OUTSIDE};
use ringfence_verifier::reach::{Asked, Caller, Reach, reach};
use serde_json::Value;

use crate::mesh::{Mesh, NAMES};
use crate::support::Clusters;
use crate::{naive, seeds};

/// Who reaches what: by the name of the caller, that of the pod and the port.
pub type Cells = BTreeMap<(String, String, u16), Reach>;

/// Asks the verifier for all pairs at once.
pub fn matrix(manifests: &[Value]) -> Cells {
    let texts: Vec<String> = manifests.iter().map(Value::to_string).collect();
    let clusters = Clusters::read(&[("{}", &texts.join("\n---\n"))]);
    let models = clusters.models();
    cells(&Fleet::of(&models))
}

fn cells(fleet: &Fleet<'_>) -> Cells {
    let matrix = Matrix::of(fleet, 0);
    let bare = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let rows = matrix.rows.iter().flat_map(|row| {
        let cells = matrix.callers.iter().zip(&row.cells);
        cells.map(move |(caller, reach)| ((bare(caller), bare(&row.workload), row.port), *reach))
    });
    rows.collect()
}

/// Asks the naive rules.
pub fn naively(mesh: &Mesh) -> Cells {
    let mut cells = Cells::new();
    for to in &mesh.pods {
        for port in naive::PORTS {
            for from in mesh.pods.iter().map(Some).chain([None]) {
                let name = from.map_or(OUTSIDE.to_owned(), |from| from.name.clone());
                cells.insert((name, to.name.clone(), port), naive::reach(mesh, from, to, port));
            }
        }
    }
    cells
}

#[test]
fn the_matrix_of_a_small_mesh_is_what_the_naive_rules_say() {
    let mut counts: BTreeMap<Reach, usize> = BTreeMap::new();
    for seed in seeds(400) {
        let mesh = Mesh::of(seed, NAMES);
        let (ours, expected) = (matrix(&mesh.manifests()), naively(&mesh));
        for (cell, expected) in &expected {
            *counts.entry(*expected).or_default() += 1;
            assert_eq!(ours.get(cell), Some(expected), "seed {seed}, {cell:?} in {mesh:#?}");
        }
        assert_eq!(ours.len(), expected.len(), "seed {seed}");
    }
    assert!(counts.values().all(|count| *count > 300) && counts.len() == 3, "{counts:?}");
    println!("{counts:?}");
}

#[test]
fn each_pair_of_a_small_mesh_is_what_the_naive_rules_say() {
    for seed in seeds(150) {
        let mesh = Mesh::of(seed, NAMES);
        let texts: Vec<String> = mesh.manifests().iter().map(Value::to_string).collect();
        let clusters = Clusters::read(&[("{}", &texts.join("\n---\n"))]);
        let models = clusters.models();
        let pods: BTreeMap<&str, _> =
            models[0].workloads().map(|workload| (workload.name.as_str(), workload)).collect();
        for ((from, to, port), expected) in naively(&mesh) {
            let caller = pods.get(from.as_str()).map_or(Caller::anyone_outside().unwrap(), |pod| Caller::Workload(pod));
            let answer = reach(&models[0], caller, pods[to.as_str()], port, &Asked::anything());
            assert_eq!(answer.reach(), expected, "seed {seed}, {from} to {to}:{port} in {mesh:#?}");
        }
    }
}

#[test]
fn a_mesh_with_other_policies_is_what_it_would_be_from_the_start() {
    let read = |mesh: &Mesh| {
        let texts: Vec<String> = mesh.manifests().iter().map(Value::to_string).collect();
        Clusters::read(&[("{}", &texts.join("\n---\n"))])
    };
    for seed in seeds(150) {
        let mesh = Mesh::of(seed, NAMES);
        // Every other one loses a policy of each kind, the rest gets those of another mesh.
        let mut other = mesh.clone();
        if seed % 2 == 0 {
            (_, _, _) = (other.authorizations.pop(), other.peers.pop(), other.networks.pop());
        } else {
            other = Mesh { pods: mesh.pods.clone(), ..Mesh::of(seed + 1_000_000, NAMES) };
        }
        let (before, after) = (read(&mesh), read(&other));
        let (models, others) = (before.models(), after.models());
        let fleet = Fleet::of(&models);
        let (expected, otherwise) = (naively(&mesh), naively(&other));
        assert_eq!(cells(&fleet), expected, "seed {seed}");
        let changed = models[0].with(others[0].policies());
        let what_if = fleet.with(0, &changed);
        assert_eq!(cells(&what_if), otherwise, "seed {seed}: {mesh:#?} becomes {other:#?}");
        // What was learned on the way changes nothing on the way back.
        let back = what_if.with(0, &models[0]);
        assert_eq!(cells(&back), expected, "seed {seed}, and back");
        assert_eq!(cells(&fleet), expected, "seed {seed}, as before");
    }
}
