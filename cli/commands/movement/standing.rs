//! What attackers can do on each side of a change, and what of it the change moves.
//!
//! In: two sides, read. Out: [`Moved`], one for each way in by a gateway that is new, gone or another, for each sensitive workload that is
//! nearer or farther now, and for each finding that is new or gone.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_verifier::movement::exposure::{Backward, Exposure};
use ringfence_verifier::movement::findings::findings;
use ringfence_verifier::movement::spread::Allowed;
use serde_json::{Value, json};

use super::posture::{concern, jewels, line, outside, to_outside};
use super::{Terrain, drawn};
use crate::commands::exposed::opened;
use crate::exit::Failure;
use crate::mesh::{Input, Meshes};
use crate::summary::counted;

/// How many steps from outside are few.
const NEAR: usize = 4;

/// What attackers can do.
#[derive(Default)]
struct Standing {
    jewels: BTreeMap<String, Reached>,
    /// What gateways let in from outside, and what becomes of it.
    opened: BTreeMap<String, &'static str>,
    /// Findings by whom they are about, in words.
    findings: BTreeMap<String, String>,
}

/// From where something sensitive is reached.
#[derive(PartialEq, Eq)]
struct Reached {
    /// What the cheapest way from outside takes: nothing stands for no way.
    from_outside: Option<(Allowed, u32, usize)>,
    outside: String,
    workloads: usize,
}

/// Something that the change moves.
pub(in crate::commands) struct Moved {
    /// Whether it is easier now, or harder.
    pub easier: bool,
    /// Whether it is access itself: what gateways let in from outside.
    pub is_access: bool,
    /// What, in words.
    pub what: String,
}

impl Moved {
    /// Returns the sign before it.
    pub fn sign(&self) -> &'static str {
        if self.easier { "+" } else { "-" }
    }

    pub fn json(&self) -> Value {
        json!({ "easier": self.easier, "what": self.what })
    }
}

/// Finds what a change moves for attackers.
pub(in crate::commands) fn moved(
    (before, ours): (&Input, &Meshes<'_>),
    (after, theirs): (&Input, &Meshes<'_>),
) -> Result<Vec<Moved>, Failure> {
    let before = drawn(before, ours, None, false, |terrain| Ok(Standing::of(terrain)))?;
    let after = drawn(after, theirs, None, false, |terrain| Ok(Standing::of(terrain)))?;
    let mut all = Vec::new();
    let access =
        |easier: bool, what: String| Moved { easier, is_access: true, what: format!("from the internet {what}") };
    for (what, verdict) in &after.opened {
        match before.opened.get(what) {
            Some(was) if was == verdict => {}
            Some(was) => all.push(access(rank(verdict) < rank(was), format!("{what}: {was} -> {verdict}"))),
            None => all.push(access(true, format!("{what}: {verdict}"))),
        }
    }
    let shut = before.opened.iter().filter(|(what, _)| !after.opened.contains_key(*what));
    all.extend(shut.map(|(what, was)| access(false, format!("{what}: {was} -> shut"))));
    let names: BTreeSet<&String> = before.jewels.keys().chain(after.jewels.keys()).collect();
    for name in names {
        match (before.jewels.get(name), after.jewels.get(name)) {
            (Some(was), Some(is)) if was != is => all.extend(is.since(was, name)),
            (None, Some(is)) => {
                let reached = counted(is.workloads, "workload");
                let what =
                    format!("{name}, which is new and sensitive: from the internet {}; from {reached}", is.outside);
                all.push(Moved { easier: true, is_access: false, what });
            }
            _ => {}
        }
    }
    let of = |one: &Standing, other: &Standing, easier: bool, word: &str| -> Vec<Moved> {
        let gone = one.findings.iter().filter(|(key, _)| !other.findings.contains_key(*key));
        gone.map(|(_, line)| Moved { easier, is_access: false, what: format!("{word}: {line}") }).collect()
    };
    all.extend(of(&after, &before, true, "new finding"));
    all.extend(of(&before, &after, false, "no finding any more"));
    Ok(all)
}

/// Says how easy it is to get through: what is open comes before what asks for a token, and that before what may be open.
fn rank(verdict: &str) -> usize {
    let order = ["open", "open, perhaps without a token", "with a token", "perhaps", "perhaps, with a token"];
    order.iter().position(|known| *known == verdict).unwrap_or(order.len())
}

impl Standing {
    fn of(terrain: &Terrain<'_, '_>) -> Self {
        // Nothing was named, so that nothing can be missing.
        let jewels = jewels(terrain, &[]).unwrap_or_default();
        let graph = terrain.graph;
        let backward = Backward::of(graph);
        let reached = |exposure: Exposure<'_, '_>| {
            let reached = Reached {
                from_outside: to_outside(&exposure),
                outside: outside(&exposure),
                workloads: exposure.from_workloads.values().sum(),
            };
            (terrain.names.name(exposure.target), reached)
        };
        let exposures = jewels.keys().filter_map(|jewel| graph.exposure(&backward, jewel));
        let is_sensitive = |vertex: &_| jewels.contains_key(vertex);
        let tenant = |vertex: &_| terrain.names.tenant(vertex);
        let found = findings(graph, &concern(&is_sensitive, &tenant, NEAR));
        let key = |finding: &ringfence_verifier::movement::findings::Finding| {
            let who: Vec<String> = match &finding.tenants {
                Some((from, to)) => vec![from.clone(), to.clone()],
                None => finding.who.iter().map(|vertex| terrain.names.name(vertex)).collect(),
            };
            format!("{} {}", finding.weakness.word(), who.join(" "))
        };
        Self {
            jewels: exposures.map(reached).collect(),
            opened: opened(graph.fleet().models()),
            findings: found.iter().map(|finding| (key(finding), line(terrain, finding))).collect(),
        }
    }
}

impl Reached {
    /// Says what is different.
    fn since(&self, was: &Self, name: &str) -> Vec<Moved> {
        let mut all = Vec::new();
        if self.from_outside != was.from_outside {
            let what = format!("{name}: from the internet {} -> {}", was.outside, self.outside);
            // No way at all is the hardest of all.
            let rank = |it: &Self| it.from_outside.map_or((true, None), |found| (false, Some(found)));
            all.push(Moved { easier: rank(self) < rank(was), is_access: false, what });
        }
        if self.workloads != was.workloads {
            let what = format!(
                "{name}: from {} -> {}",
                counted(was.workloads, "workload"),
                counted(self.workloads, "workload")
            );
            all.push(Moved { easier: self.workloads > was.workloads, is_access: false, what });
        }
        all
    }
}
