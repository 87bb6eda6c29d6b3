//! `matrix`: who reaches whom, for every port of every workload.

mod render;

use ringfence_verifier::matrix::Matrix;

use super::{conclude_answer, say_assumed};
use crate::args;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::Input;

/// Runs the command.
pub(super) fn run(args: &args::Matrix) -> Result<Exit, Failure> {
    let input = Input::open(args.path.as_deref(), args.facts.as_deref(), &args.reading)?;
    let meshes = input.meshes();
    let matrices: Vec<_> = meshes.clusters.iter().map(|mesh| (mesh.name(), Matrix::of(&mesh.model()))).collect();
    if !matrices.is_empty() {
        console::print(&render::render(&matrices, args.csv, args.reading.format))?;
        say_assumed(&meshes);
    }
    conclude_answer(&args.reading, &meshes)
}
