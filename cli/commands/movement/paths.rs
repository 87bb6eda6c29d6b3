//! The cheapest ways, step by step: what happens, what allows it, and where that was written.

use std::fmt::Write as _;

use ringfence_verifier::movement::edge::{Class, Edge};
use ringfence_verifier::movement::paths::{Means, Path, Step};
use ringfence_verifier::movement::spread::{Allowed, MAY};
use ringfence_verifier::movement::vertex::Vertex;
use ringfence_verifier::reach::{Asked, Caller, Detail, explain};
use serde_json::{Value, json};

use super::Terrain;
use super::blast::phrase;
use super::cuts::{Cuts, Trial};
use super::draw::draw;
use crate::args::{self, FormatName};
use crate::commands::reach::single::{gates, lines_by, parts};
use crate::exit::Failure;
use crate::summary::counted;

/// Renders the answer.
pub(super) fn render(
    terrain: &Terrain<'_, '_>,
    (from, begin): (&str, &[Vertex]),
    (to, end): (&str, &[Vertex]),
    args: &args::Paths,
    trial: &Trial<'_>,
) -> Result<String, Failure> {
    let allowed = allowed(args);
    let paths = terrain.graph.paths(begin, end, allowed, args.count.into());
    if let Some(language) = args.draw {
        return Ok(draw(&terrain.names, &paths, language));
    }
    let chokes = terrain.graph.choke_points(begin, end, allowed).into_iter();
    let called = |vertex: &Vertex| {
        let twins: Vec<String> = terrain.graph.twins(vertex).into_iter().map(|twin| terrain.names.name(twin)).collect();
        if twins.len() > 1 { format!("one of {}", twins.join(", ")) } else { terrain.names.name(vertex) }
    };
    let chokes: Vec<String> = chokes.map(called).collect();
    let cuts = Cuts {
        smallest: terrain.graph.smallest_cut(begin, end, allowed),
        best: args.budget.map(|budget| (budget, terrain.graph.best_within(begin, end, allowed, budget.into()))),
        trial,
    };
    Ok(match args.form.format {
        FormatName::Json => {
            let paths: Vec<Value> = paths.iter().map(|path| as_json(terrain, path)).collect();
            let (cut, best) = cuts.json(terrain)?;
            let answer = json!({
                "version": 1, "from": from, "to": to, "paths": paths, "chokePoints": chokes, "smallestCut": cut, "withinBudget": best,
            });
            format!("{answer:#}\n")
        }
        FormatName::Concise => paths.iter().map(|path| as_line(terrain, path)).collect(),
        FormatName::Text => text(terrain, (from, to), allowed, &paths, &chokes) + &cuts.text(terrain)?,
    })
}

/// Returns the steps that are thought of.
pub(super) fn allowed(args: &args::Paths) -> Allowed {
    Allowed { class: args.most.class(), may: !args.sure }
}

fn text(
    terrain: &Terrain<'_, '_>,
    (from, to): (&str, &str),
    allowed: Allowed,
    paths: &[Path<'_, '_>],
    chokes: &[String],
) -> String {
    if paths.is_empty() {
        let sure = if allowed.may { "" } else { " that is sure" };
        let how = match allowed.class {
            Class::Exploit => String::new(),
            class => format!(" {}", phrase(class)),
        };
        return format!("no way{sure} leads from {from} to {to}{how}\n");
    }
    let mut text = format!("from {from} to {to}: the cheapest {}\n", counted(paths.len(), "way"));
    for (number, path) in (1..).zip(paths) {
        let sum: Vec<String> = path.steps.iter().map(|step| step.cost.to_string()).collect();
        let _ = writeln!(text, "\n{number}. cost {} = {}", path.cost, sum.join(" + "));
        for step in &path.steps {
            let (sentence, places) = said(terrain, step);
            let perhaps = if step.may { "perhaps " } else { "" };
            let _ = writeln!(text, "   {} {perhaps}{sentence}", terrain.names.name(step.from));
            for place in places {
                let _ = writeln!(text, "      {place}");
            }
        }
    }
    match chokes {
        [] => text.push_str("\nno choke point: no single workload or right lies on every way\n"),
        chokes => {
            let _ = writeln!(text, "\nchoke points: every way goes through {}", chokes.join(", then "));
        }
    }
    let _ = writeln!(
        text,
        "a cost is the sum of its steps: 1 uses what is there, 2 calls, 4 breaks out; {MAY} more where no file tells"
    );
    text
}

/// Says what a step is, and what allows it with its places.
fn said(terrain: &Terrain<'_, '_>, step: &Step<'_, '_>) -> (String, Vec<String>) {
    let to = terrain.names.name(step.to);
    match &step.by {
        Means::Call(destination) => {
            let sentence = format!("{}: {to} port {}", step.kind.sentence(), destination.port);
            (sentence, allowing(terrain, step, destination.port).unwrap_or_default())
        }
        Means::Edge(edge) => (format!("{}: {to}", step.kind.sentence()), written(terrain, edge)),
    }
}

fn written(terrain: &Terrain<'_, '_>, edge: &Edge) -> Vec<String> {
    edge.places.iter().map(|(span, what)| format!("{what}, {}", terrain.places.of(*span))).collect()
}

/// Says what lets a call through, and where that was written.
fn allowing(terrain: &Terrain<'_, '_>, step: &Step<'_, '_>, port: u16) -> Option<Vec<String>> {
    let (model, to) = terrain.names.workload(step.to)?;
    let caller = match terrain.names.workload(step.from) {
        Some((home, from)) if std::ptr::eq(home, model) => Caller::Workload(from),
        Some((home, from)) => Caller::Workload(from).from_elsewhere(home),
        None if *step.from == Vertex::Internet => Caller::anyone_outside()?,
        None => return None,
    };
    let governed = terrain.meshes.governed(model.name(), to);
    let answer = explain(model, caller, (to, port), &Asked::anything(), Detail { governed, ..Detail::default() });
    if let Some(passed) = answer.by_waypoint.as_ref().filter(|passed| passed.reach > answer.directly()) {
        return Some(vec![format!("through waypoint {}", passed.waypoint)]);
    }
    // What stands closest to the workload decides for whom it is open.
    let closest = gates(&answer).into_iter().rev().find_map(|(place, gate)| Some((place, gate?)));
    let (place, gate) = closest?;
    Some(lines_by(place, parts(gate).1, answer.statement.as_ref(), answer.mode, &terrain.places))
}

pub(super) fn as_line(terrain: &Terrain<'_, '_>, path: &Path<'_, '_>) -> String {
    let mut names: Vec<String> = path.steps.iter().map(|step| terrain.names.name(step.from)).collect();
    names.extend(path.steps.last().map(|step| terrain.names.name(step.to)));
    format!("cost {}: {}\n", path.cost, names.join(" -> "))
}

fn as_json(terrain: &Terrain<'_, '_>, path: &Path<'_, '_>) -> Value {
    let steps: Vec<Value> = path
        .steps
        .iter()
        .map(|step| {
            let (_, allowed_by) = said(terrain, step);
            let port = match &step.by {
                Means::Call(destination) => Some(destination.port),
                Means::Edge(_) => None,
            };
            json!({
                "from": terrain.names.name(step.from), "to": terrain.names.name(step.to), "port": port,
                "kind": step.kind.word(), "sure": !step.may, "cost": step.cost, "allowedBy": allowed_by,
            })
        })
        .collect();
    json!({ "cost": path.cost, "steps": steps })
}
