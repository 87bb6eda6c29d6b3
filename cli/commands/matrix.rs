//! `matrix`: who reaches whom, for every port of every workload.

mod render;

use ringfence_verifier::matrix::Matrix;
use ringfence_verifier::model::Model;

use super::{conclude_answer, say_assumed};
use crate::args;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::Meshes;

/// Runs the command.
pub(super) fn run(args: &args::Matrix) -> Result<Exit, Failure> {
    let meshes = Meshes::open(args.path.as_deref(), args.facts.as_deref(), &args.reading)?;
    let models = meshes.clusters.iter().map(|(document, objects)| (document.name(), Model::of(document, objects)));
    let matrices: Vec<_> = models.map(|(name, model)| (name, Matrix::of(&model))).collect();
    if !matrices.is_empty() {
        console::print(&render::render(&matrices, args.csv, args.reading.format))?;
        say_assumed(&meshes);
    }
    conclude_answer(&args.reading, &meshes)
}
