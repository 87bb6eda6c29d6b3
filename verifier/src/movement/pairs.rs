//! Whom a question about sets is about: each of those that an attacker may have, and everything it is after but that itself.
//!
//! In: two sets of vertices, which may share some. Out: [`Question`]s, in each of which nobody who begins is also a goal, and which
//! together have each pair of two that are not the same. Whoever has a target already tells nothing of whether others get to it, nor
//! of whether it gets to the other targets itself: without this the two sets would answer "no way" wherever they share somebody.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Graph;
use super::spread::{Allowed, Spread};
use super::vertex::Vertex;

/// Where an attacker begins and what it is after, by node; the two share none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub starts: BTreeSet<usize>,
    pub goals: BTreeSet<usize>,
}

impl Graph<'_> {
    /// Splits a question about two sets into such ones.
    pub(super) fn questions(&self, from: &[Vertex], to: &[Vertex]) -> Vec<Question> {
        let nodes = |set: &[Vertex]| set.iter().filter_map(|vertex| self.node(vertex)).collect::<BTreeSet<usize>>();
        questions(&nodes(from), &nodes(to))
    }

    /// Returns each workload that some of these gets to, other than itself, with what the cheapest way costs.
    #[must_use]
    pub fn taken_from(&self, from: &[Vertex], allowed: Allowed) -> BTreeMap<&Vertex, u32> {
        let is_workload = |vertex: &&Vertex| matches!(vertex, Vertex::Workload { .. });
        let workloads: Vec<Vertex> = self.vertices().iter().filter(is_workload).cloned().collect();
        let mut taken: BTreeMap<&Vertex, u32> = BTreeMap::new();
        for question in self.questions(from, &workloads) {
            let spread = Spread::avoiding(self, &question.starts, allowed, &|_| false, &|_| false);
            for goal in &question.goals {
                let Some((vertex, cost)) = self.vertex(*goal).zip(spread.cost_of(*goal)) else { continue };
                taken.entry(vertex).and_modify(|least| *least = cost.min(*least)).or_insert(cost);
            }
        }
        taken
    }
}

/// Two numbers that are not the same differ in a digit, so that twice as many questions as there are digits have each pair of those
/// that are in both sets, however many these are.
fn questions(from: &BTreeSet<usize>, to: &BTreeSet<usize>) -> Vec<Question> {
    let both: Vec<usize> = from.intersection(to).copied().collect();
    let mut all = vec![Question { starts: from.difference(to).copied().collect(), goals: to.clone() }];
    let digits = (usize::BITS - both.len().saturating_sub(1).leading_zeros()).max(1);
    for digit in 0..digits {
        for value in [0, 1] {
            let here = both.iter().enumerate().filter(|(at, _)| at >> digit & 1 == value);
            let starts: BTreeSet<usize> = here.map(|(_, node)| *node).collect();
            let goals = to.iter().copied().filter(|node| !starts.contains(node)).collect();
            all.push(Question { starts, goals });
        }
    }
    all.retain(|question| !question.starts.is_empty() && !question.goals.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::questions;

    /// For all sets of up to five: each pair of two that are not the same is in a question, and nothing else is.
    #[test]
    fn each_pair_is_asked_about_and_nobody_about_itself() {
        let members = |bits: usize| (0..5).filter(|at| bits >> at & 1 == 1).collect::<BTreeSet<usize>>();
        for (from, to) in (0..32).flat_map(|from| (0..32).map(move |to| (members(from), members(to)))) {
            let pairs = |starts: &BTreeSet<usize>, goals: &BTreeSet<usize>| {
                let pairs = starts.iter().flat_map(|start| goals.iter().map(move |goal| (*start, *goal)));
                pairs.collect::<BTreeSet<(usize, usize)>>()
            };
            let asked = questions(&from, &to);
            let found: BTreeSet<(usize, usize)> = asked.iter().flat_map(|it| pairs(&it.starts, &it.goals)).collect();
            let wanted: BTreeSet<(usize, usize)> =
                pairs(&from, &to).into_iter().filter(|(start, goal)| start != goal).collect();
            assert_eq!(found, wanted, "{from:?} {to:?}");
        }
    }
}
