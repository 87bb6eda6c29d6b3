//! How many workloads stand between two places.
//!
//! In: where an attacker starts and what he wants. Out: whether he takes at least so many workloads on the way, the last
//! included, and a path where he takes fewer. What may be reached counts as reached, and what was taken stays taken: its
//! place to call from, and its key to show from elsewhere.

use std::collections::{BTreeSet, VecDeque};

use rayon::prelude::*;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::spec::assertion::Hops;
use ringfence_compiler::spec::reference::NodePath;

use super::callers::{Candidate, Role};
use super::report::Finding;
use super::terrain::{Place, Terrain};
use super::{Claim, Evidence, Step, Verdict};
use crate::reach::{Asked, Reach};
use crate::request::Identity;

impl Terrain<'_> {
    /// Judges a least number of workloads.
    pub fn hops(&self, hops: &Hops, node: &NodePath, diagnostics: &mut Diagnostics) -> Claim {
        let at_least = hops.at_least.value.0;
        let text = format!("at least {at_least} workloads from {} to {}", hops.from.value, hops.to.value);
        let start = self.anybody(&hops.from, node);
        let wanted = self.targets(&hops.to, node);
        let nobody = start.is_empty().then_some(&hops.from).or(wanted.is_empty().then_some(&hops.to));
        if let Some(nobody) = nobody {
            return self.about_nobody("hops", text, nobody, diagnostics);
        }
        // Sure steps first: a path of them is worse than one that may not be there.
        let fewer = (at_least as usize).saturating_sub(1);
        let path =
            [Reach::Allowed, Reach::Depends].into_iter().find_map(|least| self.path(&start, &wanted, least, fewer));
        let Some(path) = path else {
            let verdict = match self.with_every_key(&start, &wanted, fewer) {
                None => Verdict::Proved,
                Some(count) => {
                    let (from, to) = (&hops.from.value, &hops.to.value);
                    let because = format!(
                        "with the keys of all that can be taken from `{from}`, `{to}` may be had in {count} rounds, not {at_least}"
                    );
                    Verdict::NotProved(Evidence { because, steps: Vec::new() })
                }
            };
            self.report(&verdict, (hops.at_least.span, "must take at least as many"), None, diagnostics);
            return Claim { field: "hops", text, verdict };
        };
        let certain = path.iter().all(|step| step.reach == Reach::Allowed);
        let steps: Vec<Step> = path.iter().map(|finding| self.step(finding)).collect();
        let (first, last) = match (steps.first(), steps.last()) {
            (Some(first), Some(last)) => (first.from.clone(), last.to.clone()),
            // Somebody is at both ends.
            _ => (hops.from.value.to_string(), hops.to.value.to_string()),
        };
        let verb = if certain { "gets" } else { "may get" };
        let count = path.len();
        let noun = if count == 1 { "workload" } else { "workloads" };
        let because = match count {
            0 => format!("a workload belongs to both `{first}` and `{last}`"),
            _ => format!("`{first}` {verb} to `{last}` by taking {count} {noun}, not {at_least}"),
        };
        let evidence = Evidence { because, steps };
        let verdict = if certain { Verdict::Broken(evidence) } else { Verdict::NotProved(evidence) };
        self.report(&verdict, (hops.at_least.span, "must take at least as many"), path.last(), diagnostics);
        Claim { field: "hops", text, verdict }
    }

    /// Finds a shortest path of at most so many steps, which are at least so sure; empty where somebody is at both ends. Whoever
    /// takes a workload holds it from then on: he calls from any that he holds, with the key of any. Of all that lead to a
    /// workload the first path is followed.
    fn path<'t>(
        &'t self,
        start: &[Candidate<'t>],
        wanted: &BTreeSet<Place>,
        least: Reach,
        most: usize,
    ) -> Option<Vec<Finding<'t>>> {
        let start = start.iter().filter(|it| it.role != Role::MayBe || least == Reach::Depends);
        let mut edge: Vec<Line<'t>> = start.map(|it| Line::from(self, [*it])).collect();
        let mut taken: BTreeSet<Place> = edge.iter().flat_map(Line::places).collect();
        if taken.iter().any(|place| wanted.contains(place)) {
            return Some(Vec::new());
        }
        for _ in 0..most {
            let found = self.round(&edge, &taken, least);
            taken.extend(found.iter().map(|(_, finding)| finding.to));
            let lines = found.into_iter().filter_map(|(at, finding)| Some(edge.get(at)?.with(self, finding)));
            let lines: Vec<Line<'t>> = lines.collect();
            let met = lines.iter().position(|line| line.path.last().is_some_and(|last| wanted.contains(&last.to)));
            if let Some(line) = met.and_then(|at| lines.get(at)) {
                return Some(line.path.clone());
            }
            edge = lines;
        }
        None
    }

    /// Looks for what no single path shows: the key of one workload that was taken, shown from another. Who begins at one of
    /// many places has not the keys of the others, which is asked where there are few.
    fn with_every_key<'t>(&'t self, start: &[Candidate<'t>], wanted: &BTreeSet<Place>, most: usize) -> Option<usize> {
        let count = self.all_at_once(start, wanted, most)?;
        match start.len() {
            2..=8 => start.iter().filter_map(|one| self.all_at_once(std::slice::from_ref(one), wanted, most)).min(),
            _ => Some(count),
        }
    }

    /// Takes in each round whatever may be reached from all that was taken, with all keys; returns how many rounds it takes to
    /// have what is wanted, if that is so few. A path of fewer workloads is not overlooked so.
    fn all_at_once<'t>(&'t self, start: &[Candidate<'t>], wanted: &BTreeSet<Place>, most: usize) -> Option<usize> {
        let mut line = Line::from(self, start.iter().copied());
        let mut taken: BTreeSet<Place> = line.places().collect();
        for count in 1..=most {
            let found = self.round(std::slice::from_ref(&line), &taken, Reach::Depends);
            if found.is_empty() {
                return None;
            }
            if found.iter().any(|(_, finding)| wanted.contains(&finding.to)) {
                return Some(count);
            }
            for (_, finding) in &found {
                taken.insert(finding.to);
                line.hold(self, finding);
            }
        }
        None
    }

    /// Finds, for each workload that is not taken, the first line that reaches it, by its position.
    fn round<'t>(&'t self, edge: &[Line<'t>], taken: &BTreeSet<Place>, least: Reach) -> Vec<(usize, Finding<'t>)> {
        let left: Vec<Place> = self.places().into_iter().filter(|place| !taken.contains(place)).collect();
        let first = |place: &Place| {
            let told = self.told_apart(*place);
            edge.iter().enumerate().find_map(|(at, line)| {
                line.held.iter().find_map(|candidate| {
                    let own = self.key_of(candidate.from);
                    let keys: Vec<Identity> =
                        line.keys.iter().filter(|key| own.as_ref() != Some(key)).cloned().collect();
                    let ports = told.with(&self.told_apart_by(candidate.from));
                    let anything = [Asked::anything()];
                    let found = self.worst(candidate, *place, &ports, (&anything, &|_, _| anything.to_vec()), &keys)?;
                    (found.reach >= least).then_some((at, found))
                })
            })
        };
        left.par_iter().filter_map(first).collect()
    }
}

/// What somebody holds who takes one workload after another.
#[derive(Clone)]
struct Line<'t> {
    /// From where he calls, what was taken last first.
    held: VecDeque<Candidate<'t>>,
    /// The identities that he can show wherever he is.
    keys: BTreeSet<Identity>,
    /// How he came by it.
    path: Vec<Finding<'t>>,
}

impl<'t> Line<'t> {
    fn from(terrain: &Terrain<'_>, start: impl IntoIterator<Item = Candidate<'t>>) -> Self {
        let held: VecDeque<Candidate<'t>> = start.into_iter().collect();
        let keys = held.iter().filter_map(|it| terrain.key_of(it.from)).collect();
        Self { held, keys, path: Vec::new() }
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        self.held.iter().filter_map(|it| it.from.place())
    }

    /// Returns the same with one step more.
    fn with(&self, terrain: &'t Terrain<'_>, finding: Finding<'t>) -> Self {
        let mut line = self.clone();
        line.hold(terrain, &finding);
        line.path.push(finding);
        line
    }

    /// Adds a workload that was taken, which may be a gateway.
    fn hold(&mut self, terrain: &'t Terrain<'_>, finding: &Finding<'t>) {
        let taken = [terrain.gateway(finding.to), terrain.pods(finding.to)].into_iter().flatten();
        for from in taken {
            self.held.push_front(Candidate { from, span: finding.span, role: Role::Meant });
            self.keys.extend(terrain.key_of(from));
        }
    }
}
