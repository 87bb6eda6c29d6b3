//! Ways as a graph: each thing an attacker gets once, each step once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ringfence_verifier::movement::paths::{Means, Path};

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
