//! How far it gets: every workload in reach, with what that asks for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ringfence_verifier::movement::edge::Class;
use ringfence_verifier::movement::spread::Allowed;
use ringfence_verifier::movement::vertex::Vertex;
use serde_json::{Value, json};

use super::Terrain;
use crate::args::FormatName;
use crate::summary::counted;

/// A workload in reach.
pub(super) struct Reached {
    pub name: String,
    /// What a Service document calls sensitive about it.
    sensitivity: Option<String>,
    pub needs: Allowed,
    cost: u32,
}

/// Renders the answer.
pub(super) fn render(terrain: &Terrain<'_, '_>, who: &str, from: &[Vertex], format: FormatName) -> String {
    let names: Vec<String> = from.iter().map(|vertex| terrain.names.name(vertex)).collect();
    let reached = reached(terrain, from);
    match format {
        FormatName::Json => {
            let list: Vec<Value> = reached
                .iter()
                .map(|one| {
                    json!({
                        "workload": one.name, "sensitivity": one.sensitivity,
                        "needs": word(one.needs.class), "sure": !one.needs.may, "cost": one.cost,
                    })
                })
                .collect();
            format!("{:#}\n", json!({ "version": 1, "from": names, "of": workloads(terrain), "reached": list }))
        }
        FormatName::Concise => {
            let line = |one: &Reached| {
                let perhaps = if one.needs.may { "perhaps " } else { "" };
                format!("{who} -> {}: {perhaps}{}; cost {}\n", one.name, phrase(one.needs.class), one.cost)
            };
            reached.iter().map(line).collect()
        }
        FormatName::Text => text(terrain, &names, &reached),
    }
}

/// Finds every workload in reach of some of these, other than itself, by the least that is needed to get there.
pub(super) fn reached(terrain: &Terrain<'_, '_>, from: &[Vertex]) -> Vec<Reached> {
    let graph = terrain.graph;
    let mut found: BTreeMap<&Vertex, (Allowed, u32)> = BTreeMap::new();
    for level in Allowed::LEVELS {
        for (vertex, cost) in graph.taken_from(from, level) {
            found.entry(vertex).or_insert((level, cost));
        }
    }
    let one = |(vertex, (needs, cost)): (&Vertex, (Allowed, u32))| Reached {
        name: terrain.names.name(vertex),
        sensitivity: terrain.names.sensitivity(vertex).map(str::to_owned),
        needs,
        cost,
    };
    let mut reached: Vec<Reached> = found.into_iter().map(one).collect();
    reached.sort_by(|a, b| {
        (a.needs.may, a.needs.class, a.cost, &a.name).cmp(&(b.needs.may, b.needs.class, b.cost, &b.name))
    });
    reached
}

pub(super) fn workloads(terrain: &Terrain<'_, '_>) -> usize {
    terrain.graph.vertices().iter().filter(|vertex| matches!(vertex, Vertex::Workload { .. })).count()
}

/// Says what steps of a class are, in a word.
pub(super) fn word(class: Class) -> &'static str {
    match class {
        Class::Network => "network",
        Class::Identity => "identity",
        Class::Exploit => "exploit",
    }
}

/// Says the same in a sentence.
pub(super) fn phrase(class: Class) -> &'static str {
    match class {
        Class::Network => "by calls alone",
        Class::Identity => "with identities and rights it gets",
        Class::Exploit => "by breaking out of containers",
    }
}

fn text(terrain: &Terrain<'_, '_>, from: &[String], reached: &[Reached]) -> String {
    let of = counted(workloads(terrain), "workload");
    let one_of = if from.len() > 1 { "one of " } else { "" };
    let mut text = format!("whoever has {one_of}{} gets to {} of {of}\n", from.join(", "), reached.len());
    let sensitive: Vec<&Reached> = reached.iter().filter(|one| one.sensitivity.is_some()).collect();
    if let Some(nearest) = sensitive.iter().min_by_key(|one| (one.needs.may, one.needs.class, one.cost)) {
        let perhaps = if nearest.needs.may { "perhaps " } else { "" };
        let (count, how) = (counted(sensitive.len(), "sensitive one"), phrase(nearest.needs.class));
        let _ = writeln!(text, "  {count}, the nearest {perhaps}{how} at cost {}: {}", nearest.cost, nearest.name);
    }
    for level in Allowed::LEVELS {
        let here: Vec<&Reached> = reached.iter().filter(|one| one.needs == level).collect();
        if here.is_empty() {
            continue;
        }
        let perhaps = if level.may { "perhaps " } else { "" };
        let _ = writeln!(text, "\n  {perhaps}{}: {}", phrase(level.class), here.len());
        for one in here {
            let sensitive = one.sensitivity.as_ref().map(|word| format!("  {word}")).unwrap_or_default();
            let _ = writeln!(text, "    {:<60} cost {}{sensitive}", one.name, one.cost);
        }
    }
    text
}
