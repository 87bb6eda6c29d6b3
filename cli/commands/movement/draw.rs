//! Ways as a graph: each thing an attacker gets once, each step once; and how far one gets, by groups that are counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ringfence_verifier::movement::graph::Graph;
use ringfence_verifier::movement::paths::{Means, Path};
use ringfence_verifier::movement::spread::{Allowed, Spread};
use ringfence_verifier::movement::vertex::Vertex;

use super::names::Names;
use crate::args::Drawing;

/// Draws some ways.
pub(super) fn draw(names: &Names<'_, '_>, paths: &[Path<'_, '_>], language: Drawing) -> String {
    let steps = paths.iter().flat_map(|path| &path.steps);
    let arrows: BTreeSet<(String, String, String, bool)> = steps
        .map(|step| {
            let what = match &step.by {
                Means::Call(to) => to.port.to_string(),
                Means::Edge(_) => step.kind.word().to_owned(),
            };
            (names.name(step.from), names.name(step.to), what, step.may)
        })
        .collect();
    match language {
        Drawing::Dot => dot(&arrows),
        Drawing::Mermaid => mermaid(&arrows),
    }
}

/// Draws how far somebody gets: what is alike is one box with its count, and an arrow stands for as many cheapest last steps as it says.
pub(super) fn groups(names: &Names<'_, '_>, graph: &Graph<'_>, from: &[Vertex], language: Drawing) -> String {
    let tree = Spread::of(graph, from, Allowed::ALL).tree(graph);
    let mut members: BTreeMap<String, usize> = BTreeMap::new();
    let group = |vertex: &Vertex| if from.contains(vertex) { names.name(vertex) } else { names.group(vertex) };
    tree.iter().for_each(|(vertex, _)| *members.entry(group(vertex)).or_default() += 1);
    let called = |name: String| match members.get(&name) {
        Some(count) if *count > 1 => format!("{name} ({count})"),
        _ => name,
    };
    let mut counts: BTreeMap<(String, String, &str, bool), usize> = BTreeMap::new();
    for (vertex, before) in &tree {
        if let Some((before, kind, may)) = before {
            *counts.entry((called(group(before)), called(group(vertex)), kind.word(), *may)).or_default() += 1;
        }
    }
    let arrows = counts.into_iter().map(|((from, to, word, may), count)| (from, to, format!("{count} {word}"), may));
    let arrows = arrows.collect();
    match language {
        Drawing::Dot => dot(&arrows),
        Drawing::Mermaid => mermaid(&arrows),
    }
}

fn dot(arrows: &BTreeSet<(String, String, String, bool)>) -> String {
    let mut text = String::from("digraph paths {\n  rankdir=LR;\n  node [shape=box];\n");
    for (from, to, what, may) in arrows {
        let style = if *may { ", style=dashed" } else { "" };
        let _ = writeln!(text, "  {from:?} -> {to:?} [label={what:?}{style}];");
    }
    text.push_str("}\n");
    text
}

fn mermaid(arrows: &BTreeSet<(String, String, String, bool)>) -> String {
    let ends: BTreeSet<&String> = arrows.iter().flat_map(|(from, to, ..)| [from, to]).collect();
    let numbers: BTreeMap<&String, usize> = ends.into_iter().zip(1..).collect();
    let mut text = String::from("flowchart LR\n");
    for (name, number) in &numbers {
        let _ = writeln!(text, "  n{number}[\"{}\"]", name.replace('"', "'"));
    }
    for (from, to, what, may) in arrows {
        let (Some(from), Some(to)) = (numbers.get(from), numbers.get(to)) else { continue };
        let arrow = if *may { "-.->" } else { "-->" };
        let _ = writeln!(text, "  n{from} {arrow}|{what}| n{to}");
    }
    text
}
