//! `matrix`: who reaches whom, for every port of every workload.

mod render;

use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::matrix::Matrix;
use ringfence_verifier::model::Model;

use super::{conclude_answer, say_assumed};
use crate::args::{self, MatrixFormat};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::{Input, Mesh};

/// Runs the command.
pub(super) fn run(args: &args::Matrix) -> Result<Exit, Failure> {
    let input = Input::open(args.path.as_deref(), args.facts.as_deref(), &args.reading)?;
    let meshes = input.meshes();
    meshes.must_run()?;
    let models: Vec<Model<'_>> = meshes.clusters.iter().map(Mesh::model).collect();
    let fleet = Fleet::of(&models);
    let matrices: Vec<_> =
        models.iter().enumerate().map(|(at, model)| (model.name(), Matrix::of(&fleet, at))).collect();
    if !matrices.is_empty() {
        let format = if args.csv { MatrixFormat::Csv } else { args.format };
        console::print(&render::render(&matrices, format))?;
        say_assumed(&meshes);
    }
    conclude_answer(&args.reading, args.form(), &meshes)
}
