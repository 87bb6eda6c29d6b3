//! The smallest cut: the fewest lines without which no way is left.
//!
//! In: a [`Graph`], where an attacker begins and what it is after. Out: [`Cut`]. A line lets many through, so that this is no flow
//! problem: each way that is still open names lines of which one has to go, and the fewest that hit all of these are the next guess;
//! a guess that leaves no way is a cut, and none is smaller (E. Moreno-Centeno and R. M. Karp, "The Implicit Hitting Set Approach to
//! Solve Combinatorial Optimization Problems", 2013).

use std::collections::BTreeSet;

use super::graph::Graph;
use super::lines::Line;
use super::spread::Allowed;
use super::vertex::Vertex;

/// Lines without which no way is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut<'g> {
    /// The lines, by where they were written, each with the calls that nothing else would admit.
    pub lines: Vec<(&'g Line, Broken)>,
    /// The calls that these lines alone admit, as caller and port by position.
    pub broken: usize,
}

/// Calls that break.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broken {
    /// How many there are.
    pub count: usize,
    /// Some of them: who calls which port of which workload.
    pub some: Vec<(Vertex, Vertex, u16)>,
}

/// Why there is no cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncut {
    /// There is no way in the first place.
    NoWay,
    /// Some way has no line that could go.
    NoLine,
    /// More ways were looked at than is sensible.
    TooMany,
}

/// As many ways as are looked at.
const MOST: usize = 400;

/// As many guesses as are tried: beyond, the fewest lines are not worth waiting for.
const GUESSES: usize = 100_000;

impl Graph<'_> {
    /// Finds the fewest lines without which no way leads from any of some vertices to another one of others. Taking a line away takes away
    /// every call that no other line admits.
    ///
    /// # Errors
    /// When there is no way, when no line could cut it, or when too many ways had to be looked at.
    pub fn smallest_cut(&self, from: &[Vertex], to: &[Vertex], allowed: Allowed) -> Result<Cut<'_>, Uncut> {
        let questions = self.questions(from, to);
        let mut ways: Vec<BTreeSet<usize>> = Vec::new();
        let mut gone = BTreeSet::new();
        let mut left = GUESSES;
        loop {
            let is_cut = |arc: usize| self.line_of(arc).is_some_and(|line| gone.contains(&line));
            let Some((_, way)) = self.nearest(&questions, allowed, &is_cut) else { break };
            let lines: BTreeSet<usize> = way.iter().filter_map(|(_, arc)| self.line_of(*arc)).collect();
            if lines.is_empty() {
                return Err(Uncut::NoLine);
            }
            ways.push(lines);
            if ways.len() > MOST {
                return Err(Uncut::TooMany);
            }
            gone = hitting(&ways, &mut left).ok_or(Uncut::TooMany)?;
        }
        if ways.is_empty() {
            return Err(Uncut::NoWay);
        }
        Ok(self.without(&gone))
    }
}

impl Graph<'_> {
    /// Says what goes with some lines.
    pub(super) fn without(&self, gone: &BTreeSet<usize>) -> Cut<'_> {
        let one = |line: &usize| Some((self.line(*line)?, self.broken_by(*line, gone)));
        let mut lines: Vec<(&Line, Broken)> = gone.iter().filter_map(one).collect();
        lines.sort_by_key(|(line, _)| *line);
        Cut { lines, broken: self.broken_without(gone) }
    }
}

/// Returns the fewest numbers of which each set has one; of several such, the first. `None` where that takes too many guesses.
fn hitting(sets: &[BTreeSet<usize>], left: &mut usize) -> Option<BTreeSet<usize>> {
    // What has all of another set is hit with it.
    let needed: Vec<&BTreeSet<usize>> = (0..)
        .zip(sets)
        .filter(|(at, set)| {
            let within = |(other, smaller): (usize, &BTreeSet<usize>)| {
                other != *at && smaller.is_subset(set) && (smaller.len() < set.len() || other < *at)
            };
            !(0..).zip(sets).any(within)
        })
        .map(|(_, set)| set)
        .collect();
    let mut best: BTreeSet<usize> = needed.iter().filter_map(|set| set.first().copied()).collect();
    search(&needed, &mut BTreeSet::new(), &mut best, left);
    (*left > 0).then_some(best)
}

/// Looks for fewer: each set that is not hit yet is hit by each of its numbers in turn.
fn search(sets: &[&BTreeSet<usize>], chosen: &mut BTreeSet<usize>, best: &mut BTreeSet<usize>, left: &mut usize) {
    *left = left.saturating_sub(1);
    if *left == 0 {
        return;
    }
    let open: Vec<&&BTreeSet<usize>> = sets.iter().filter(|set| set.is_disjoint(chosen)).collect();
    let Some(next) = open.iter().min_by_key(|set| set.len()) else {
        if chosen.len() < best.len() {
            *best = chosen.clone();
        }
        return;
    };
    // Sets that share nothing take a number each.
    let mut apart: Vec<&BTreeSet<usize>> = Vec::new();
    for set in &open {
        if apart.iter().all(|other| other.is_disjoint(set)) {
            apart.push(set);
        }
    }
    if chosen.len() + apart.len() >= best.len() {
        return;
    }
    for number in **next {
        chosen.insert(*number);
        search(sets, chosen, best, left);
        chosen.remove(number);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{GUESSES, hitting};

    #[test]
    fn the_fewest_numbers_hit_every_set() {
        let mut seed = 1_u64;
        let mut drawn = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((seed >> 33) % below).unwrap()
        };
        for _ in 0..300 {
            let sets: Vec<BTreeSet<usize>> =
                (0..1 + drawn(6)).map(|_| (0..1 + drawn(3)).map(|_| drawn(7)).collect()).collect();
            let found = hitting(&sets, &mut GUESSES.clone()).unwrap();
            let hits = |numbers: &BTreeSet<usize>| sets.iter().all(|set| !set.is_disjoint(numbers));
            let all = (0..128_usize).map(|bits| (0..7).filter(|bit| bits >> bit & 1 == 1).collect::<BTreeSet<usize>>());
            let fewest = all.filter(hits).map(|numbers| numbers.len()).min();
            assert!(hits(&found) && Some(found.len()) == fewest, "{sets:?}: {found:?}");
        }
    }
}
