//! What is asked most, on synthetic meshes: `cargo bench -p ringfence-verifier`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

#[path = "../examples/performance/world.rs"]
mod world;

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::model::Model;
use ringfence_verifier::reach::{Asked, Caller, reach};

use self::world::World;

fn mesh(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mesh");
    group.sample_size(10);
    for workloads in [100, 1_000, 10_000] {
        let clusters = World { workloads }.read().unwrap();
        let models: Vec<Model<'_>> = clusters.iter().map(|(document, objects)| Model::of(document, objects)).collect();
        let name = |what| BenchmarkId::new(what, workloads);
        group.bench_function(name("read"), |bench| bench.iter(|| World { workloads }.read().unwrap()));
        group.bench_function(name("all pairs"), |bench| {
            bench.iter_batched(|| (), |()| black_box(Fleet::of(&models).count()), BatchSize::PerIteration);
        });
        let model = models.first().unwrap();
        let (from, to) = (model.workloads().next().unwrap(), model.workloads().last().unwrap());
        group.bench_function(name("one pair, explained"), |bench| {
            bench.iter(|| black_box(reach(model, Caller::Workload(from), to, 8080, &Asked::anything())));
        });
        let fleet = Fleet::of(&models);
        let _ = fleet.count();
        let mut without = model.policies().clone();
        let gone = without.authorization.pop().unwrap();
        let changed = model.with(&without);
        group.bench_function(name("one policy gone"), |bench| {
            bench.iter(|| {
                let after = fleet.with(0, &changed);
                let here = after.destinations_in(0, &gone.namespace);
                here.iter().filter(|to| fleet.reaching(to) != after.reaching(to)).count()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, mesh);
criterion_main!(benches);
