//! `blast` and `paths`: how far an attacker gets, and by which ways.
//!
//! In: what an attacker has taken, and what it is after. Out: what it gets to and what that asks for; the cheapest ways, with what
//! allows each step and where that was written; and what all ways go through.

mod blast;
mod draw;
mod names;
mod paths;

use std::path::Path;

use rayon::prelude::*;
use ringfence_verifier::fleet::{Destination, Fleet};
use ringfence_verifier::model::Model;
use ringfence_verifier::movement::edges;
use ringfence_verifier::movement::graph::Graph;
use ringfence_verifier::surroundings::Surroundings;

use self::names::Names;
use super::reach::places::Places;
use super::{conclude_answer, say_assumed, say_unfollowed};
use crate::args::{self, Reading};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::{Input, Mesh, Meshes};
use crate::project::below;
use crate::tree::blame::History;

/// What a question is asked of.
struct Terrain<'t, 'm> {
    graph: &'t Graph<'m>,
    names: Names<'t, 'm>,
    meshes: &'t Meshes<'m>,
    places: Places<'t>,
}

/// Runs `blast`.
pub(super) fn blast(args: &args::Blast) -> Result<Exit, Failure> {
    let asking = Asking { path: args.path.as_deref(), facts: args.facts.as_deref(), changes: &args.changes };
    ask(&asking, &args.reading, false, |terrain| {
        let from = terrain.names.find(&args.who)?;
        Ok(blast::render(terrain, &args.who, &from, &args.reading))
    })
}

/// Runs `paths`.
pub(super) fn paths(args: &args::Paths) -> Result<Exit, Failure> {
    let asking = Asking { path: args.path.as_deref(), facts: args.facts.as_deref(), changes: &args.changes };
    ask(&asking, &args.reading, true, |terrain| {
        let (from, to) = (terrain.names.find(&args.from)?, terrain.names.find(&args.to)?);
        Ok(paths::render(terrain, (&args.from, &from), (&args.to, &to), args))
    })
}

/// What is asked about.
struct Asking<'q> {
    path: Option<&'q Path>,
    facts: Option<&'q Path>,
    changes: &'q args::Changes,
}

/// Reads a mesh, draws its graph and asks it.
fn ask(
    asking: &Asking<'_>,
    reading: &Reading,
    with_lines: bool,
    answer: impl Fn(&Terrain<'_, '_>) -> Result<String, Failure>,
) -> Result<Exit, Failure> {
    let mut input = Input::open(asking.path, asking.facts, reading)?;
    input.change(asking.changes)?;
    let meshes = input.meshes();
    if meshes.clusters.is_empty() {
        return conclude_answer(reading, &meshes);
    }
    meshes.must_run()?;
    let models: Vec<Model<'_>> = meshes.clusters.iter().map(Mesh::model).collect();
    let fleet = Fleet::of(&models);
    let governing = meshes.governing();
    let governed = |to: &Destination<'_>| governing.get(&std::ptr::from_ref(to.workload).addr()).copied();
    let around: Vec<Surroundings> = models.par_iter().map(|model| input.surroundings(model.name())).collect();
    let edges = edges(&fleet, &around);
    let graph = if with_lines { Graph::with_lines(&fleet, edges, governed) } else { Graph::of(&fleet, edges) };
    let history = History::of(&input.root, reading.at.as_deref());
    let places =
        Places { sources: &input.sources, foreign: &input.foreign, history: &history, prefix: below(&input.root) };
    let names = Names { fleet: &fleet, resolved: meshes.resolved.as_ref() };
    console::print(&answer(&Terrain { graph: &graph, names, meshes: &meshes, places })?)?;
    if !asking.changes.is_empty() {
        console::note(&format!("assumed: {}", asking.changes.words().join(", ")));
    }
    say_assumed(&meshes);
    say_unfollowed(&meshes);
    conclude_answer(reading, &meshes)
}
