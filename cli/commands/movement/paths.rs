//! The cheapest ways, step by step: what happens, what allows it, and where that was written.

use std::fmt::Write as _;

use ringfence_verifier::movement::budget::Best;
use ringfence_verifier::movement::cut::{Broken, Cut, Uncut};
use ringfence_verifier::movement::edge::{Class, Edge};
use ringfence_verifier::movement::lines::Line;
use ringfence_verifier::movement::paths::{Means, Path, Step};
use ringfence_verifier::movement::spread::{Allowed, MAY};
use ringfence_verifier::movement::vertex::Vertex;
use ringfence_verifier::reach::{Asked, Caller, Detail, explain};
use serde_json::{Value, json};

use super::Terrain;
use super::blast::phrase;
use super::draw::draw;
use crate::args::{self, FormatName};
use crate::commands::impact;
use crate::commands::reach::single::{gates, lines_by, parts};
use crate::summary::counted;

/// Renders the answer.
pub(super) fn render(
    terrain: &Terrain<'_, '_>,
    (from, begin): (&str, &[Vertex]),
    (to, end): (&str, &[Vertex]),
    args: &args::Paths,
) -> String {
    let allowed = Allowed { class: args.most.class(), may: !args.sure };
    let paths = terrain.graph.paths(begin, end, allowed, args.count.into());
    if let Some(language) = args.draw {
        return draw(&terrain.names, &paths, language);
    }
    let chokes = terrain.graph.choke_points(begin, end, allowed).into_iter();
    let called = |vertex: &Vertex| {
        let twins: Vec<String> = terrain.graph.twins(vertex).into_iter().map(|twin| terrain.names.name(twin)).collect();
        if twins.len() > 1 { format!("one of {}", twins.join(", ")) } else { terrain.names.name(vertex) }
    };
    let chokes: Vec<String> = chokes.map(called).collect();
    let cut = terrain.graph.smallest_cut(begin, end, allowed);
    let best = args.budget.map(|budget| (budget, terrain.graph.best_within(begin, end, allowed, budget.into())));
    match args.reading.format {
        FormatName::Json => {
            let paths: Vec<Value> = paths.iter().map(|path| as_json(terrain, path)).collect();
            let line = |(line, broken): &(&Line, Broken)| -> Value {
                let some: Vec<Value> = broken
                    .some
                    .iter()
                    .map(|(from, to, port)| json!({ "from": terrain.names.name(from), "to": terrain.names.name(to), "port": port }))
                    .collect();
                json!({ "name": line.name, "place": terrain.places.of(line.span).json(), "callsBroken": broken.count, "some": some })
            };
            let cut = cut.ok().map(
                |cut| json!({ "lines": cut.lines.iter().map(line).collect::<Vec<_>>(), "callsBroken": cut.broken }),
            );
            let best = best.and_then(|(budget, best)| Some((budget, best.ok()?))).map(|(budget, best)| {
                let lines: Vec<Value> = best.cut.lines.iter().map(line).collect();
                json!({ "budget": budget, "lines": lines, "costBefore": best.before, "costAfter": best.after, "callsBroken": best.cut.broken })
            });
            let answer = json!({
                "version": 1, "from": from, "to": to, "paths": paths, "chokePoints": chokes, "smallestCut": cut, "withinBudget": best,
            });
            format!("{answer:#}\n")
        }
        FormatName::Concise => paths.iter().map(|path| as_line(terrain, path)).collect(),
        FormatName::Text => {
            let best = best.map(|(budget, best)| within(terrain, budget, best)).unwrap_or_default();
            text(terrain, (from, to), allowed, &paths, &chokes) + &without(terrain, cut) + &best
        }
    }
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

/// Says what to take away, and what goes with it.
fn without(terrain: &Terrain<'_, '_>, cut: Result<Cut<'_>, Uncut>) -> String {
    let cut = match cut {
        Ok(cut) => cut,
        Err(Uncut::NoWay) => return String::new(),
        Err(Uncut::NoLine) => return "no cut: some way has no line of policy that could go\n".to_owned(),
        Err(Uncut::TooMany) => return "no cut was found: there are too many ways\n".to_owned(),
    };
    format!("\nsmallest cut: without {} no way is left\n{}", counted(cut.lines.len(), "line"), lines(terrain, &cut))
}

/// Says what so many lines do at best.
fn within(terrain: &Terrain<'_, '_>, budget: u16, best: Result<Best<'_>, Uncut>) -> String {
    let at_most = counted(budget.into(), "line");
    match best {
        Ok(best) => {
            let after = match best.after {
                None => "no way is left".to_owned(),
                Some(after) => format!("the cheapest way costs {after} instead of {}", best.before),
            };
            format!("\nwith at most {at_most} gone {after}\n{}", lines(terrain, &best.cut))
        }
        Err(Uncut::NoWay) => String::new(),
        Err(Uncut::NoLine) => format!("\nwith at most {at_most} gone the cheapest way costs what it does\n"),
        Err(Uncut::TooMany) => format!("\nwhat {at_most} do at best was not found: there are too many ways\n"),
    }
}

/// Lists lines, each with the calls that break with it.
fn lines(terrain: &Terrain<'_, '_>, cut: &Cut<'_>) -> String {
    let mut text = String::new();
    for (line, broken) in &cut.lines {
        let _ = writeln!(text, "   {} {}", line.name, terrain.places.of(line.span));
        let call = |(from, to, port): &(Vertex, Vertex, u16)| {
            format!("{} to {}:{port}", terrain.names.name(from), terrain.names.name(to))
        };
        let mut some: Vec<String> = broken.some.iter().map(call).collect();
        match broken.count.saturating_sub(some.len()) {
            0 => {}
            more => some.push(format!("{more} more")),
        }
        if !some.is_empty() {
            let _ = writeln!(text, "      breaks {}", some.join(", "));
        }
    }
    if cut.lines.len() > 1 {
        let _ = writeln!(text, "   together they alone admit {}", counted(cut.broken, "call"));
    }
    let places = cut.lines.iter().map(|(line, _)| terrain.places.of(line.span).short());
    let places: Vec<String> = places.collect();
    if places.iter().all(|place| impact::can_go(terrain.input, place)) {
        let without: Vec<String> = places.iter().map(|place| format!("--without {place}")).collect();
        let _ = writeln!(text, "   to try it: the same with {}", without.join(" "));
    }
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

fn as_line(terrain: &Terrain<'_, '_>, path: &Path<'_, '_>) -> String {
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
