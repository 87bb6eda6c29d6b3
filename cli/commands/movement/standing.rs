//! What attackers can do on each side of a change, and what of it the change moves.
//!
//! In: two sides, read. Out: [`Moved`], one for each way in by a gateway that is new, gone or another, for each sensitive workload that is
//! nearer or farther now, for what pods and rights let somebody do that they did not, and for each finding that is new or gone.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_verifier::movement::edge::{Edge, Kind};
use ringfence_verifier::movement::exposure::{Backward, Exposure};
use ringfence_verifier::movement::findings::findings;
use ringfence_verifier::movement::spread::Allowed;
use ringfence_verifier::movement::vertex::Vertex;
use ringfence_verifier::surroundings::held::MASTERS;
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
    /// What pods and rights let whom do to what, beside calls: by who, and by what happens.
    steps: BTreeMap<(String, &'static str), BTreeSet<String>>,
    /// Everything that an attacker may have in hand.
    known: BTreeSet<String>,
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
    /// Whether somebody gains or loses by it at once: what gateways let in from outside, and what rights and pods let whom do.
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
    all.extend(steps(&before, &after, true));
    all.extend(steps(&after, &before, false));
    let of = |one: &Standing, other: &Standing, easier: bool, word: &str| -> Vec<Moved> {
        let gone = one.findings.iter().filter(|(key, _)| !other.findings.contains_key(*key));
        gone.map(|(_, line)| Moved { easier, is_access: false, what: format!("{word}: {line}") }).collect()
    };
    all.extend(of(&after, &before, true, "new finding"));
    all.extend(of(&before, &after, false, "no finding any more"));
    Ok(all)
}

/// Says which steps there are on one side and not on the other.
fn steps(without: &Standing, with: &Standing, easier: bool) -> Vec<Moved> {
    let nothing = BTreeSet::new();
    let mut all = Vec::new();
    for (key, to) in &with.steps {
        let (who, how) = key;
        let more = to.difference(without.steps.get(key).unwrap_or(&nothing)).map(String::as_str);
        // A pod that is new has to run somewhere; that one runs where it did not is a step.
        let more: Vec<&str> =
            more.filter(|to| *how != Kind::HoldsPods.sentence() || without.known.contains(*to)).collect();
        // What comes with somebody who is new, as the token of its account does, says nothing but that it is.
        if more.is_empty() || (*how == Kind::Speaks.sentence() && !without.known.contains(who)) {
            continue;
        }
        let named = more.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let rest = more.len().saturating_sub(NAMED);
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let word = if easier { "may now do" } else { "may no longer do" };
        all.push(Moved { easier, is_access: true, what: format!("{who} {word}: {how}: {named}{rest}") });
    }
    all
}

/// How many of what somebody gets by one step are named.
const NAMED: usize = 3;

/// Tells whether a step is one that somebody gives or takes away: not what identities, policies and gateways come to by themselves.
fn is_given(edge: &Edge) -> bool {
    let by_itself = [Kind::Carries, Kind::OpensAll, Kind::Enters];
    let of_all = matches!(&edge.from, Vertex::Subject { subject, .. } if subject.name == MASTERS);
    !by_itself.contains(&edge.kind) && !of_all
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
        let mut steps: BTreeMap<(String, &'static str), BTreeSet<String>> = BTreeMap::new();
        for edge in graph.edges().iter().filter(|edge| is_given(edge)) {
            let key = (terrain.names.name(&edge.from), edge.kind.sentence());
            steps.entry(key).or_default().insert(terrain.names.name(&edge.to));
        }
        Self {
            jewels: exposures.map(reached).collect(),
            opened: opened(graph.fleet().models()),
            steps,
            known: graph.vertices().iter().map(|vertex| terrain.names.name(vertex)).collect(),
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
