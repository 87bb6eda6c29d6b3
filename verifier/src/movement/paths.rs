//! The cheapest ways of an attacker from one thing to another, and what every one of them goes through.
//!
//! In: a [`Graph`], where an attacker begins and what it is after. Out: [`Path`]s, the cheapest first, none with a loop (J. Y. Yen,
//! "Finding the K Shortest Loopless Paths in a Network", 1971); and choke points, without which there is no way at all.

use std::collections::{BTreeSet, VecDeque};

use super::edge::{Edge, Kind};
use super::graph::{By, Graph};
use super::pairs::Question;
use super::spread::{Allowed, MAY, Spread, price};
use super::vertex::Vertex;
use crate::fleet::Destination;

/// One way.
#[derive(Debug, Clone)]
pub struct Path<'g, 'm> {
    /// Its steps; never empty.
    pub steps: Vec<Step<'g, 'm>>,
    /// The sum of what they cost.
    pub cost: u32,
}

/// One step of a way.
#[derive(Debug, Clone)]
pub struct Step<'g, 'm> {
    /// What the attacker has.
    pub from: &'g Vertex,
    /// What it gets.
    pub to: &'g Vertex,
    /// By what kind of step.
    pub kind: Kind,
    /// Whether it hangs on what no file tells.
    pub may: bool,
    /// What it costs, with what it takes to use a certificate where it does.
    pub cost: u32,
    /// What it is.
    pub by: Means<'g, 'm>,
}

/// What a step is.
#[derive(Debug, Clone)]
pub enum Means<'g, 'm> {
    /// A call to a port.
    Call(&'g Destination<'m>),
    /// An edge that pods, rights or gateways make.
    Edge(&'g Edge),
}

/// Arcs from a node on, by their positions, each with the node it comes from.
pub(super) type Way = Vec<(usize, usize)>;

impl<'m> Graph<'m> {
    /// Finds the cheapest ways from any of some vertices to another one of others, at most so many.
    #[must_use]
    pub fn paths(&self, from: &[Vertex], to: &[Vertex], allowed: Allowed, most: usize) -> Vec<Path<'_, 'm>> {
        let questions = self.questions(from, to);
        let mut found: Vec<(u32, Way)> = Vec::new();
        for way in questions.iter().flat_map(|question| self.ways(question, allowed, most)) {
            if !found.contains(&way) {
                found.push(way);
            }
        }
        found.sort_by_key(|(cost, _)| *cost);
        let found = found.into_iter().take(most);
        let mut paths: Vec<Path<'_, 'm>> = found.filter_map(|(cost, way)| self.path(cost, &way)).collect();
        // Ways that differ in which part of the table they go by alone are one.
        paths.dedup_by(|one, other| one.is_like(other));
        paths
    }

    /// Returns the cheapest way that answers any of some questions, without some arcs.
    pub(super) fn nearest(
        &self,
        questions: &[Question],
        allowed: Allowed,
        is_cut: &impl Fn(usize) -> bool,
    ) -> Option<(u32, Way)> {
        let nearest = |question: &Question| {
            let spread = Spread::avoiding(self, &question.starts, allowed, &|_| false, is_cut);
            let costs = question.goals.iter().filter_map(|goal| Some((spread.cost_of(*goal)?, *goal)));
            costs.min().map(|(cost, goal)| (cost, spread.way(goal)))
        };
        questions.iter().filter_map(nearest).min_by_key(|(cost, _)| *cost)
    }

    /// Finds the cheapest ways that answer a question, at most so many.
    fn ways(&self, question: &Question, allowed: Allowed, most: usize) -> Vec<(u32, Way)> {
        let nearest = |spread: &Spread| -> Option<(u32, Way)> {
            let costs = question.goals.iter().filter_map(|goal| Some((spread.cost_of(*goal)?, *goal)));
            let (cost, goal) = costs.min()?;
            Some((cost, spread.way(goal)))
        };
        let first = Spread::avoiding(self, &question.starts, allowed, &|_| false, &|_| false);
        let mut found: Vec<(u32, Way)> = Vec::new();
        let mut candidates: BTreeSet<(u32, Way)> =
            nearest(&first).into_iter().filter(|(_, way)| !way.is_empty()).collect();
        while let Some((cost, way)) = candidates.pop_first() {
            found.push((cost, way.clone()));
            if found.len() >= most {
                break;
            }
            // Each way beside this one leaves it at one of its nodes, by another arc than those that were taken there before.
            for at in 0..way.len() {
                let (root, rest) = way.split_at(at);
                let Some((spur, _)) = rest.first().copied() else { continue };
                let cut: BTreeSet<usize> = found
                    .iter()
                    .filter(|(_, other)| other.starts_with(root))
                    .filter_map(|(_, other)| Some(other.get(at)?.1))
                    .collect();
                let shut: BTreeSet<usize> = root.iter().map(|(node, _)| *node).collect();
                let is_cut = |arc: usize| cut.contains(&arc);
                let is_shut = |node: usize| shut.contains(&node);
                // Before its first node a way may leave by any start.
                let starts = if at == 0 { question.starts.clone() } else { BTreeSet::from([spur]) };
                let spread = Spread::avoiding(self, &starts, allowed, &is_shut, &is_cut);
                let Some((more, rest)) = nearest(&spread).filter(|(_, way)| !way.is_empty()) else { continue };
                let before: u32 = root.iter().map(|(node, arc)| self.price_of(*node, *arc, allowed)).sum();
                candidates.insert((before.saturating_add(more), [root, &rest].concat()));
            }
            candidates.retain(|candidate| !found.contains(candidate));
        }
        found
    }

    /// Finds a way of the fewest steps from any of some vertices to another one of others that leaves some vertices aside.
    #[must_use]
    pub fn shortest(&self, from: &[Vertex], to: &[Vertex], allowed: Allowed, aside: &[Vertex]) -> Option<Path<'_, 'm>> {
        let shut: BTreeSet<usize> = aside.iter().filter_map(|vertex| self.node(vertex)).collect();
        let questions = self.questions(from, to);
        let found = questions.iter().filter_map(|question| self.fewest(question, allowed, &shut));
        found.min_by_key(|path| path.steps.len())
    }

    /// Finds the same for one question.
    fn fewest(&self, question: &Question, allowed: Allowed, shut: &BTreeSet<usize>) -> Option<Path<'_, 'm>> {
        let goals = &question.goals;
        let mut before: Vec<Option<(usize, usize)>> = vec![None; self.nodes()];
        let mut steps: Vec<Option<u32>> = vec![None; self.nodes()];
        // What is no step is taken at once, so that the queue stays in the order of steps.
        let mut next: VecDeque<(u32, usize)> = VecDeque::new();
        for node in question.starts.iter().copied() {
            if let Some(steps) = steps.get_mut(node) {
                *steps = Some(0);
                next.push_back((0, node));
            }
        }
        while let Some((taken, node)) = next.pop_front() {
            if steps.get(node).copied().flatten() != Some(taken) {
                continue;
            }
            if goals.contains(&node) {
                let mut way = Vec::new();
                let mut at = node;
                while let Some((node, arc)) = before.get(at).copied().flatten() {
                    way.push((node, arc));
                    at = node;
                }
                way.reverse();
                let cost = way.iter().map(|(node, arc)| self.price_of(*node, *arc, allowed)).sum();
                return self.path(cost, &way);
            }
            for (at, arc) in self.range(node).zip(self.arcs(node)) {
                if price(self, arc, allowed).is_none() || shut.contains(&arc.node()) {
                    continue;
                }
                let is_step = matches!(self.by(*arc), By::Call(_) | By::Edge(_));
                let sum = taken + u32::from(is_step);
                let Some(known) = steps.get_mut(arc.node()).filter(|known| known.is_none_or(|known| sum < known))
                else {
                    continue;
                };
                *known = Some(sum);
                if let Some(place) = before.get_mut(arc.node()) {
                    *place = Some((node, at));
                }
                if is_step { next.push_back((sum, arc.node())) } else { next.push_front((sum, arc.node())) }
            }
        }
        None
    }

    /// Finds what every way goes through, in the order of the cheapest way: without it there is none. A workload that runs in
    /// several clusters under one identity is one of these.
    #[must_use]
    pub fn choke_points(&self, from: &[Vertex], to: &[Vertex], allowed: Allowed) -> Vec<&Vertex> {
        let questions = self.questions(from, to);
        let Some(cheapest) = self.paths(from, to, allowed, 1).into_iter().next() else { return Vec::new() };
        // Whatever all ways go through the cheapest goes through.
        let between = cheapest.steps.iter().map(|step| step.to).filter_map(|vertex| Some((vertex, self.node(vertex)?)));
        let is_needed = |node: usize| {
            let alike = self.alike(node);
            let is_end =
                questions.iter().any(|it| alike.iter().any(|node| it.goals.contains(node) || it.starts.contains(node)));
            let is_barred = |question: &Question| {
                let left =
                    Spread::avoiding(self, &question.starts, allowed, &|other| alike.contains(&other), &|_| false);
                question.goals.iter().all(|goal| left.cost_of(*goal).is_none())
            };
            !is_end && questions.iter().all(is_barred)
        };
        between.filter(|(_, node)| is_needed(*node)).map(|(vertex, _)| vertex).collect()
    }

    fn price_of(&self, node: usize, arc: usize, allowed: Allowed) -> u32 {
        let at = arc.checked_sub(self.range(node).start);
        let arc = at.and_then(|at| self.arcs(node).get(at));
        arc.and_then(|arc| price(self, arc, allowed)).unwrap_or(0)
    }

    fn path(&self, cost: u32, way: &Way) -> Option<Path<'_, 'm>> {
        let mut steps = Vec::new();
        let mut from = self.vertex(way.first()?.0)?;
        // A certificate is used for the call after it.
        let (mut held, mut unsure) = (0, false);
        for (node, arc) in way {
            if let Some(vertex) = self.vertex(*node) {
                from = vertex;
            }
            let arc = self.arcs(*node).get(arc.checked_sub(self.range(*node).start)?)?;
            let Some((kind, may)) = self.step(self.by(*arc)) else { continue };
            let own = kind.cost() + if may { MAY } else { 0 };
            let by = match self.by(*arc) {
                By::Call(call) => Means::Call(self.destination(call.destination)?),
                By::Edge(at) => Means::Edge(self.edge(at)?),
                By::Holds | By::Nothing => {
                    (held, unsure) = (held + own, unsure || may);
                    continue;
                }
            };
            let to = self.vertex(arc.node())?;
            steps.push(Step { from, to, kind, may: may || unsure, cost: own + held, by });
            (held, unsure) = (0, false);
        }
        (!steps.is_empty()).then_some(Path { steps, cost })
    }
}

impl Path<'_, '_> {
    fn is_like(&self, other: &Self) -> bool {
        let key = |path: &Self| -> Vec<(Vertex, Vertex, Kind, Option<u16>)> {
            let port = |means: &Means<'_, '_>| match means {
                Means::Call(to) => Some(to.port),
                _ => None,
            };
            path.steps.iter().map(|step| (step.from.clone(), step.to.clone(), step.kind, port(&step.by))).collect()
        };
        key(self) == key(other)
    }
}
