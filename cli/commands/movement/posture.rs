//! How easy a mesh is to move in: what matters and from where it is reached, how far one gets from each workload, and what makes
//! it so.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ringfence_verifier::movement::edge::Class;
use ringfence_verifier::movement::exposure::{Backward, Exposure};
use ringfence_verifier::movement::findings::{Concern, Finding, TAKEN, findings};
use ringfence_verifier::movement::radius::Radii;
use ringfence_verifier::movement::spread::Allowed;
use ringfence_verifier::movement::vertex::Vertex;
use serde_json::{Value, json};

use super::Terrain;
use super::blast::{phrase, word};
use crate::args::{self, FormatName};
use crate::exit::Failure;
use crate::summary::counted;

/// As many names as are written out before the rest is only counted.
const NAMED: usize = 4;

/// The bounds of the classes that blast radii are counted in, in workloads.
const CLASSES: [u32; 7] = [0, 1, 3, 10, 30, 100, 1000];

/// What there is to say.
struct Posture<'t, 'm> {
    exposures: Vec<Exposure<'t, 'm>>,
    radii: Vec<(Allowed, Vec<u32>)>,
    findings: Vec<Finding>,
    workloads: usize,
}

/// Renders the answer.
pub(super) fn render(terrain: &Terrain<'_, '_>, args: &args::Posture) -> Result<String, Failure> {
    let jewels = jewels(terrain, &args.jewel)?;
    let graph = terrain.graph;
    let workloads: Vec<&Vertex> =
        graph.vertices().iter().filter(|vertex| matches!(vertex, Vertex::Workload { .. })).collect();
    let backward = Backward::of(graph);
    let mut exposures: Vec<Exposure<'_, '_>> =
        jewels.keys().filter_map(|jewel| graph.exposure(&backward, jewel)).collect();
    exposures.sort_by_cached_key(|it| {
        (
            it.from_outside.as_ref().map_or((true, None), |(level, path)| (false, Some((*level, path.cost)))),
            terrain.names.name(it.target),
        )
    });
    let levels = [Allowed { class: Class::Network, may: false }, TAKEN, Allowed::ALL];
    let radii = levels.map(|level| {
        let radii = Radii::of(graph, level);
        (level, workloads.iter().map(|workload| radii.get(graph, workload)).collect())
    });
    let is_sensitive = |vertex: &Vertex| jewels.contains_key(vertex);
    let tenant = |vertex: &Vertex| terrain.names.tenant(vertex);
    let concern = concern(&is_sensitive, &tenant, args.near.into());
    let posture =
        Posture { exposures, radii: radii.into(), findings: findings(graph, &concern), workloads: workloads.len() };
    Ok(match args.form.format {
        FormatName::Json => posture.json(terrain, &jewels),
        FormatName::Concise => posture.findings.iter().map(|it| format!("{}\n", line(terrain, it))).collect(),
        FormatName::Text => posture.text(terrain, &jewels, args),
    })
}

/// Says what findings are asked about.
pub(super) fn concern<'c>(
    is_sensitive: &'c dyn Fn(&Vertex) -> bool,
    tenant: &'c dyn Fn(&Vertex) -> Option<String>,
    near: usize,
) -> Concern<'c> {
    Concern { is_sensitive, tenant, near }
}

/// Returns what matters, with the word for how sensitive it is: what was named, else what Service documents say.
pub(super) fn jewels(terrain: &Terrain<'_, '_>, named: &[String]) -> Result<BTreeMap<Vertex, String>, Failure> {
    let mut jewels = BTreeMap::new();
    for name in named {
        jewels.extend(terrain.names.find(name)?.into_iter().map(|vertex| (vertex, name.clone())));
    }
    if named.is_empty() {
        let said = |vertex: &Vertex| Some((vertex.clone(), terrain.names.sensitivity(vertex)?.to_owned()));
        jewels.extend(terrain.graph.vertices().iter().filter_map(said));
    }
    Ok(jewels)
}

impl Posture<'_, '_> {
    fn text(&self, terrain: &Terrain<'_, '_>, jewels: &BTreeMap<Vertex, String>, args: &args::Posture) -> String {
        let mut text = String::new();
        match self.exposures.as_slice() {
            [] => text.push_str(
                "nothing is said to be sensitive: name what matters with --jewel, or write `sensitivity` in Service documents\n",
            ),
            all => {
                let _ = writeln!(text, "{} of {}", counted(all.len(), "sensitive workload"), counted(self.workloads, "workload"));
                let width = all.iter().map(|it| terrain.names.name(it.target).chars().count()).max().unwrap_or(0);
                for exposure in all {
                    let name = terrain.names.name(exposure.target);
                    let sensitivity = jewels.get(exposure.target).map(String::as_str).unwrap_or_default();
                    let _ = writeln!(text, "  {name:<width$}  {sensitivity}");
                    let _ = writeln!(text, "    from the internet  {}", outside(exposure));
                    for (level, count) in &exposure.from_workloads {
                        let _ = writeln!(text, "    from {:<14}{}", counted(*count, "workload"), how(*level));
                    }
                }
            }
        }
        let _ = writeln!(text, "\nblast radii: how many workloads whoever has one gets to");
        for (level, radii) in &self.radii {
            let _ = writeln!(text, "  {:<40} {}", how(*level), distribution(radii));
        }
        if self.findings.is_empty() {
            text.push_str("\nno findings\n");
            return text;
        }
        let _ = writeln!(
            text,
            "\n{}, ranked by sensitive workloads in reach, then workloads, then the cost of the nearest",
            counted(self.findings.len(), "finding")
        );
        for (number, finding) in (1..).zip(self.findings.iter().take(args.count.into())) {
            let _ = writeln!(text, "\n{number}. {}", line(terrain, finding));
            for (span, what) in finding.places.iter().take(NAMED) {
                let _ = writeln!(text, "   {what}, {}", terrain.places.of(*span));
            }
            if let more @ 1.. = finding.places.len().saturating_sub(NAMED) {
                let _ = writeln!(text, "   and {more} more");
            }
        }
        if let more @ 1.. = self.findings.len().saturating_sub(args.count.into()) {
            let _ = writeln!(text, "\nand {more} more; `--count` lists more of them");
        }
        text
    }

    fn json(&self, terrain: &Terrain<'_, '_>, jewels: &BTreeMap<Vertex, String>) -> String {
        let name = |vertex: &Vertex| terrain.names.name(vertex);
        let exposures: Vec<Value> = self
            .exposures
            .iter()
            .map(|it| {
                let outside = it.from_outside.as_ref().map(|(level, path)| {
                    json!({ "needs": word(level.class), "sure": !level.may, "steps": path.steps.len(), "cost": path.cost })
                });
                let from: Vec<Value> = it
                    .from_workloads
                    .iter()
                    .map(|(level, count)| json!({ "needs": word(level.class), "sure": !level.may, "count": count }))
                    .collect();
                json!({ "workload": name(it.target), "sensitivity": jewels.get(it.target), "fromInternet": outside, "fromWorkloads": from })
            })
            .collect();
        let radii: Vec<Value> = self
            .radii
            .iter()
            .map(|(level, radii)| json!({ "needs": word(level.class), "sure": !level.may, "radii": counts(radii) }))
            .collect();
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|it| {
                let places: Vec<Value> = it
                    .places
                    .iter()
                    .map(|(span, what)| json!({ "what": what, "place": terrain.places.of(*span).json() }))
                    .collect();
                json!({
                    "kind": it.weakness.word(), "tenants": it.tenants, "who": it.who.iter().map(name).collect::<Vec<_>>(), "to": it.to.iter().map(name).collect::<Vec<_>>(),
                    "sensitive": it.sensitive, "workloads": it.workloads, "cost": it.cost, "places": places,
                })
            })
            .collect();
        let answer = json!({ "version": 1, "workloads": self.workloads, "sensitive": exposures, "blastRadii": radii, "findings": findings });
        format!("{answer:#}\n")
    }
}

/// Returns what the cheapest way from outside takes: the kind of steps, the cost and how many there are.
pub(super) fn to_outside(exposure: &Exposure<'_, '_>) -> Option<(Allowed, u32, usize)> {
    exposure.from_outside.as_ref().map(|(level, path)| (*level, path.cost, path.steps.len()))
}

/// Says how one gets to something from outside.
pub(super) fn outside(exposure: &Exposure<'_, '_>) -> String {
    match &exposure.from_outside {
        None => "no way".to_owned(),
        Some((level, path)) => {
            let steps = counted(path.steps.len(), "step");
            format!("{}: {steps}, cost {}", how(*level), path.cost)
        }
    }
}

fn how(level: Allowed) -> String {
    let perhaps = if level.may { "perhaps " } else { "" };
    format!("{perhaps}{}", phrase(level.class))
}

/// Counts radii by classes.
fn counts(radii: &[u32]) -> Vec<Value> {
    classes(radii).into_iter().map(|(from, to, count)| json!({ "from": from, "to": to, "workloads": count })).collect()
}

fn classes(radii: &[u32]) -> Vec<(u32, Option<u32>, usize)> {
    let bounds = CLASSES.iter().enumerate().map(|(at, from)| (*from, CLASSES.get(at + 1).map(|next| next - 1)));
    let class = |(from, to): (u32, Option<u32>)| {
        let inside = radii.iter().filter(|radius| **radius >= from && to.is_none_or(|to| **radius <= to));
        (from, to, inside.count())
    };
    bounds.map(class).filter(|(.., count)| *count > 0).collect()
}

fn distribution(radii: &[u32]) -> String {
    let class = |(from, to, count): (u32, Option<u32>, usize)| match to {
        Some(to) if to == from => format!("{from}: {count}"),
        Some(to) => format!("{from}-{to}: {count}"),
        None => format!("{from} and more: {count}"),
    };
    classes(radii).into_iter().map(class).collect::<Vec<_>>().join(", ")
}

/// Says what a finding is, in a line.
pub(super) fn line(terrain: &Terrain<'_, '_>, finding: &Finding) -> String {
    let who = listed(terrain, &finding.who);
    let to = if finding.to.is_empty() { String::new() } else { format!(": {}", listed(terrain, &finding.to)) };
    if let Some((from, of)) = &finding.tenants {
        return format!(
            "[{}] workloads of tenant {from} get to workloads of {of} that none of them may call{to}; {} sensitive, {}, cost {}",
            finding.weakness.word(),
            finding.sensitive,
            counted(finding.workloads, "workload"),
            finding.cost
        );
    }
    format!(
        "[{}] {who} {}{to}; {} sensitive, {}, cost {}",
        finding.weakness.word(),
        finding.weakness.sentence(),
        finding.sensitive,
        counted(finding.workloads, "workload"),
        finding.cost
    )
}

fn listed(terrain: &Terrain<'_, '_>, all: &[Vertex]) -> String {
    let names: Vec<String> = all.iter().take(NAMED).map(|vertex| terrain.names.name(vertex)).collect();
    match all.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
