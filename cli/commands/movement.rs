//! `blast`, `paths` and `posture`: how far an attacker gets, by which ways, and what makes that easy.
//!
//! In: what an attacker has taken, and what it is after. Out: what it gets to and what that asks for; the cheapest ways, with what
//! allows each step and where that was written; and what all ways go through.

mod blast;
mod cuts;
mod draw;
mod names;
mod paths;
mod posture;
mod quarantine;
pub(super) mod standing;

use std::path::Path;

use rayon::prelude::*;
use ringfence_verifier::fleet::{Destination, Fleet};
use ringfence_verifier::model::Model;
use ringfence_verifier::movement::edges;
use ringfence_verifier::movement::graph::Graph;
use ringfence_verifier::movement::unmanned::unmanned;
use ringfence_verifier::surroundings::Surroundings;

use self::names::Names;
use super::reach::places::Places;
use super::{conclude_answer, impact, say_assumed, say_unfollowed};
use crate::args::{self, FormatName, Reading};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::{Input, Mesh, Meshes};
use crate::progress::Progress;
use crate::project::below;
use crate::tree::blame::History;

/// What a question is asked of.
struct Terrain<'t, 'm> {
    input: &'t Input,
    graph: &'t Graph<'m>,
    names: Names<'t, 'm>,
    meshes: &'t Meshes<'m>,
    places: Places<'t>,
}

/// Runs `blast`.
pub(super) fn blast(args: &args::Blast) -> Result<Exit, Failure> {
    let asking = Asking {
        path: args.path.as_deref(),
        facts: args.facts.as_deref(),
        changes: &args.changes,
        form: args.form.format,
    };
    if args.quarantine {
        return quarantine::run(&asking, args);
    }
    ask(&asking, &args.reading, false, |terrain| {
        let from = terrain.names.find(&args.who)?;
        if let Some(language) = args.draw {
            return Ok(draw::groups(&terrain.names, terrain.graph, &from, language));
        }
        Ok(blast::render(terrain, &args.who, &from, args.form.format))
    })
}

/// Runs `paths`.
pub(super) fn paths(args: &args::Paths) -> Result<Exit, Failure> {
    let asking = Asking {
        path: args.path.as_deref(),
        facts: args.facts.as_deref(),
        changes: &args.changes,
        form: args.form.format,
    };
    ask(&asking, &args.reading, true, |terrain| {
        let (from, to) = (terrain.names.find(&args.from)?, terrain.names.find(&args.to)?);
        let trial = cuts::Trial { asking: &asking, args };
        paths::render(terrain, (&args.from, &from), (&args.to, &to), args, &trial)
    })
}

/// Runs `posture`.
pub(super) fn posture(args: &args::Posture) -> Result<Exit, Failure> {
    let asking = Asking {
        path: args.path.as_deref(),
        facts: args.facts.as_deref(),
        changes: &args.changes,
        form: args.form.format,
    };
    ask(&asking, &args.reading, false, |terrain| posture::render(terrain, args))
}

/// What is asked about.
struct Asking<'q> {
    path: Option<&'q Path>,
    facts: Option<&'q Path>,
    changes: &'q args::Changes,
    form: FormatName,
}

impl Asking<'_> {
    /// Reads what is asked about, with what is assumed.
    fn open(&self, reading: &Reading) -> Result<Input, Failure> {
        let mut input = Input::open(self.path, self.facts, reading)?;
        impact::change(&mut input, self.changes)?;
        Ok(input)
    }
}

/// Reads a mesh, draws its graph, and prints what it answers.
fn ask(
    asking: &Asking<'_>,
    reading: &Reading,
    with_lines: bool,
    answer: impl Fn(&Terrain<'_, '_>) -> Result<String, Failure>,
) -> Result<Exit, Failure> {
    let input = asking.open(reading)?;
    let (_, exit) = on(&input, (reading, asking.form), with_lines, |terrain| {
        console::print(&answer(terrain)?)?;
        if !asking.changes.is_empty() {
            console::note(&format!("assumed: {}", asking.changes.words().join(", ")));
        }
        say_assumed(terrain.meshes);
        say_unfollowed(terrain.meshes);
        Ok(())
    })?;
    Ok(exit)
}

/// Draws the graph of what was read and asks it; there is no answer where policy has errors, which are said.
fn on<T>(
    input: &Input,
    (reading, form): (&Reading, FormatName),
    with_lines: bool,
    ask: impl FnOnce(&Terrain<'_, '_>) -> Result<T, Failure>,
) -> Result<(Option<T>, Exit), Failure> {
    let meshes = input.meshes();
    if meshes.clusters.is_empty() {
        return Ok((None, conclude_answer(reading, form, &meshes)?));
    }
    meshes.must_run()?;
    let answer = drawn(input, &meshes, reading.at.as_deref(), with_lines, ask)?;
    Ok((Some(answer), conclude_answer(reading, form, &meshes)?))
}

/// Draws the graph of clusters and asks it.
fn drawn<T>(
    input: &Input,
    meshes: &Meshes<'_>,
    at: Option<&str>,
    with_lines: bool,
    ask: impl FnOnce(&Terrain<'_, '_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let progress = Progress::begin("drawing what leads where");
    let models: Vec<Model<'_>> = meshes.clusters.iter().map(Mesh::model).collect();
    let around: Vec<Surroundings> = models.par_iter().map(|model| input.surroundings(model.name())).collect();
    let more = unmanned(&models.iter().collect::<Vec<_>>(), &around);
    let models: Vec<Model<'_>> = models.into_iter().zip(more).map(|(model, more)| model.supposing(more)).collect();
    let fleet = Fleet::of(&models);
    let governing = meshes.governing();
    let governed = |to: &Destination<'_>| governing.get(&std::ptr::from_ref(to.workload).addr()).copied();
    let edges = edges(&fleet, &around);
    let graph = if with_lines { Graph::with_lines(&fleet, edges, governed) } else { Graph::of(&fleet, edges) };
    let history = History::of(&input.root, at);
    let places =
        Places { sources: &input.sources, foreign: &input.foreign, history: &history, prefix: below(&input.root) };
    drop(progress);
    let names = Names { fleet: &fleet, resolved: meshes.resolved.as_ref(), known: graph.vertices(), around: &around };
    ask(&Terrain { input, graph: &graph, names, meshes, places })
}
