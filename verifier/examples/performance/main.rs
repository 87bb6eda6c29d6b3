//! How long the verifier takes, and how much memory: `cargo run --release --example performance -- [WORKLOADS…]`.
//!
//! Prints the table of `docs/performance.md`, with `--movement` first that of attackers. With `--write DIR WORKLOADS` it writes the manifests of a mesh instead, for
//! measuring whole commands.

#![allow(clippy::disallowed_methods, reason = "a program of its own, which writes where it is told")]

mod world;

use std::path::Path;
use std::time::Instant;

use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::model::Model;
use ringfence_verifier::movement::graph::Graph;
use ringfence_verifier::movement::mesh;
use ringfence_verifier::movement::radius::Radii;
use ringfence_verifier::movement::spread::{Allowed, Spread};
use ringfence_verifier::movement::vertex::Vertex;

use self::world::{Failure, World};

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--movement", sizes @ ..] => movement(&sizes.iter().map(|size| size.parse()).collect::<Result<Vec<_>, _>>()?),
        ["--write", folder, workloads] => write(Path::new(folder), World { workloads: workloads.parse()? }),
        [] => table(&[100, 1_000, 10_000, 100_000]),
        sizes => table(&sizes.iter().map(|size| size.parse()).collect::<Result<Vec<_>, _>>()?),
    }
}

fn write(folder: &Path, world: World) -> Result<(), Failure> {
    for cluster in 0..world.clusters() {
        let folder = folder.join(format!("c{cluster}"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("manifests.yaml"), world.manifests(cluster))?;
    }
    Ok(())
}

fn table(sizes: &[usize]) -> Result<(), Failure> {
    println!(
        "| workloads | policies | identities | callers × ports | open pairs | reading | all pairs | one rule gone (median, p99) | peak memory |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for size in sizes {
        let world = World { workloads: *size };
        let started = Instant::now();
        let clusters = world.read()?;
        let reading = started.elapsed();
        let policies: usize = clusters
            .iter()
            .map(|(_, objects)| {
                let policies = &objects.policies;
                policies.authorization.len() + policies.peers.len() + policies.tokens.len() + policies.network.len()
            })
            .sum();
        let started = Instant::now();
        let models: Vec<Model<'_>> = clusters.iter().map(|(document, objects)| Model::of(document, objects)).collect();
        let fleet = Fleet::of(&models);
        let (open, unsure) = fleet.count();
        let all = started.elapsed();
        let (half, most) = what_ifs(&fleet);
        let pairs = fleet.callers().len() * fleet.destinations().len();
        println!(
            "| {size} | {policies} | {} | {pairs} | {} | {:.2} s | {:.2} s | {half:.2} ms, {most:.2} ms | {} |",
            fleet.identities(),
            if unsure == 0 { open.to_string() } else { format!("{open} ({unsure} depend)") },
            reading.as_secs_f64(),
            all.as_secs_f64(),
            peak()
        );
    }
    Ok(())
}

/// Prints what attackers cost: the graph, and how far one gets from a workload.
fn movement(sizes: &[usize]) -> Result<(), Failure> {
    println!(
        "| workloads | arcs | graph | how far one gets | in reach | every blast radius | cheapest three ways | peak memory |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    for size in sizes {
        let clusters = World { workloads: *size }.read()?;
        let models: Vec<Model<'_>> = clusters.iter().map(|(document, objects)| Model::of(document, objects)).collect();
        let fleet = Fleet::of(&models);
        let started = Instant::now();
        let graph = Graph::of(&fleet, mesh::edges(&fleet));
        let drawn = started.elapsed();
        let from = Vertex::Workload { cluster: 0, workload: 0 };
        let started = Instant::now();
        let spread = Spread::of(&graph, std::slice::from_ref(&from), Allowed::ALL);
        let far = started.elapsed();
        let reached = spread.reached(&graph).filter(|(vertex, _)| matches!(vertex, Vertex::Workload { .. })).count();
        let started = Instant::now();
        let radii = Radii::of(&graph, Allowed::ALL);
        let every = started.elapsed();
        assert_eq!(radii.get(&graph, &from) as usize + 1, reached, "one walk and all of them count the same");
        let to = graph.vertices().iter().rfind(|vertex| matches!(vertex, Vertex::Workload { .. }));
        let started = Instant::now();
        let ways = to.map(|to| graph.paths(&[from], std::slice::from_ref(to), Allowed::ALL, 3)).unwrap_or_default();
        println!(
            "| {size} | {} | {:.2} s | {:.2} s | {reached} | {:.2} s | {:.2} s ({}) | {} |",
            graph.size(),
            drawn.as_secs_f64(),
            far.as_secs_f64(),
            every.as_secs_f64(),
            started.elapsed().as_secs_f64(),
            ways.len(),
            peak()
        );
    }
    Ok(())
}

/// Takes away one AuthorizationPolicy after the other, each by itself, and works out exactly who reaches what then in its
/// namespace, and who did before. Returns the median and the 99th percentile, in milliseconds.
fn what_ifs(fleet: &Fleet<'_>) -> (f64, f64) {
    let mut times = Vec::new();
    let mut changed = 0;
    for (at, model) in fleet.models().iter().enumerate().take(20) {
        for gone in (0..model.policies().authorization.len()).step_by(7) {
            let started = Instant::now();
            let mut without = model.policies().clone();
            let namespace = without.authorization.remove(gone).namespace;
            let model = model.with(&without);
            let after = fleet.with(at, &model);
            for to in after.destinations_in(at, &namespace) {
                let (before, after) = (fleet.reaching(&to), after.reaching(&to));
                changed += usize::from(before != after);
            }
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
    }
    times.sort_by(f64::total_cmp);
    let percentile = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    eprintln!("{} of them changed who reaches a port, {} in all", changed, times.len());
    (percentile(50), percentile(99))
}

/// Returns the most memory this process ever had, where the system says.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.map_or("unknown".to_owned(), |kilobytes: u64| format!("{} MiB", kilobytes / 1024))
}
