//! How many workloads stand between two places.
//!
//! In: where an attacker starts and what he wants. Out: whether he takes at least so many workloads on the way, the last
//! included, and a shortest path where he takes fewer. What may be reached counts as reached.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::spec::assertion::Hops;
use ringfence_compiler::spec::reference::NodePath;

use super::callers::{Candidate, Role};
use super::report::Finding;
use super::terrain::{Place, Terrain, Who};
use super::{Claim, Evidence, Step, Verdict};
use crate::reach::{Asked, Reach};

/// How each workload is first reached.
type Reached<'t> = BTreeMap<Place, Finding<'t>>;

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
        let sure = self.path(&start, &wanted, Reach::Allowed);
        let sure = sure.filter(|path| path.len() < at_least as usize);
        let path = sure.or_else(|| self.path(&start, &wanted, Reach::Depends));
        let Some(path) = path.filter(|path| path.len() < at_least as usize) else {
            return Claim { field: "hops", text, verdict: Verdict::Proved };
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

    /// Finds a shortest path of steps that are at least so sure; empty where somebody is at both ends.
    fn path<'t>(&'t self, start: &[Candidate<'t>], wanted: &BTreeSet<Place>, least: Reach) -> Option<Vec<Finding<'t>>> {
        let start: Vec<Candidate<'t>> =
            start.iter().filter(|it| it.role != Role::MayBe || least == Reach::Depends).copied().collect();
        let mut taken: BTreeSet<Place> = start.iter().filter_map(|it| it.from.place()).collect();
        if taken.iter().any(|place| wanted.contains(place)) {
            return Some(Vec::new());
        }
        let mut reached: Reached<'t> = BTreeMap::new();
        let mut edge = start;
        while !edge.is_empty() {
            let left: Vec<Place> = self.places().into_iter().filter(|place| !taken.contains(place)).collect();
            let first = |place: &Place| self.first(&edge, *place, least);
            let found: Vec<Finding<'t>> = left.par_iter().filter_map(first).collect();
            taken.extend(found.iter().map(|finding| finding.to));
            let next = found.iter().flat_map(|it| {
                let taken = [self.pods(it.to), self.gateway(it.to)].into_iter().flatten();
                taken.map(|from| Candidate { from, span: it.span, role: Role::Meant })
            });
            edge = next.collect();
            let met = found.iter().map(|finding| finding.to).find(|place| wanted.contains(place));
            reached.extend(found.into_iter().map(|finding| (finding.to, finding)));
            if let Some(place) = met {
                return Some(self.back(reached, place));
            }
        }
        None
    }

    /// Finds the first of some callers that reaches a workload.
    fn first<'t>(&'t self, edge: &[Candidate<'t>], place: Place, least: Reach) -> Option<Finding<'t>> {
        let told = self.told_apart(place);
        edge.iter().find_map(|candidate| {
            let ports = told.with(&self.told_apart_by(candidate.from));
            let found = self.worst(candidate, place, &ports, &Asked::anything())?;
            (found.reach >= least).then_some(found)
        })
    }

    /// Follows a path back to where it starts.
    fn back<'t>(&'t self, mut reached: Reached<'t>, end: Place) -> Vec<Finding<'t>> {
        let mut path = Vec::new();
        let mut at = Some(end);
        while let Some(finding) = at.and_then(|place| reached.remove(&place)) {
            // A gateway that was taken on the way calls as itself, and stands at a place all the same.
            at = finding.from.place().or_else(|| {
                let Who::Known(land, known) = finding.from else { return None };
                let is_it = |place: &&Place| matches!(self.gateway(**place), Some(Who::Known(at, it)) if at == land && std::ptr::eq(it, known));
                reached.keys().find(is_it).copied()
            });
            path.push(finding);
        }
        path.reverse();
        path
    }
}
