//! How exposed something is: from where an attacker gets to it, and what that takes.
//!
//! In: a [`Graph`] and what matters. Out: [`Exposure`]: the cheapest way from outside, and how many workloads lead there by what
//! kind of steps. The graph is walked backwards, once for each kind of steps, rather than forwards from every workload.

use std::collections::BTreeMap;

use super::graph::Graph;
use super::paths::Path;
use super::spread::{Allowed, price};
use super::vertex::Vertex;

/// From where an attacker gets to something.
#[derive(Debug, Clone)]
pub struct Exposure<'g, 'm> {
    /// What it is about.
    pub target: &'g Vertex,
    /// The cheapest way from outside that takes the least, and what it takes; `None` where there is no way at all.
    pub from_outside: Option<(Allowed, Path<'g, 'm>)>,
    /// How many other workloads lead there, by the least that takes.
    pub from_workloads: BTreeMap<Allowed, usize>,
}

/// Arcs the other way round.
#[derive(Debug)]
pub struct Backward {
    /// Where those of each node begin; one more than there are nodes.
    starts: Vec<usize>,
    /// The node each comes from, and its position.
    arcs: Vec<(usize, usize)>,
}

impl Backward {
    /// Turns every arc round.
    #[must_use]
    pub fn of(graph: &Graph<'_>) -> Self {
        let nodes = graph.nodes();
        let each = || (0..nodes).flat_map(|from| graph.range(from).zip(graph.arcs(from)).map(move |it| (from, it)));
        let mut starts = vec![0; nodes + 1];
        for (_, (_, arc)) in each() {
            if let Some(start) = starts.get_mut(arc.node() + 1) {
                *start += 1;
            }
        }
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        let mut next = starts.clone();
        let mut arcs = vec![(0, 0); before];
        for (from, (at, arc)) in each() {
            let Some(next) = next.get_mut(arc.node()) else { continue };
            if let Some(place) = arcs.get_mut(*next) {
                *place = (from, at);
            }
            *next += 1;
        }
        Self { starts, arcs }
    }

    /// Tells of each node whether it leads to one by the steps that are allowed.
    fn leading_to(&self, graph: &Graph<'_>, goal: usize, allowed: Allowed) -> Vec<bool> {
        let mut leading = vec![false; graph.nodes()];
        let mut left = vec![goal];
        while let Some(node) = left.pop() {
            match leading.get_mut(node) {
                Some(known) if !*known => *known = true,
                _ => continue,
            }
            let at = |node: usize| self.starts.get(node).copied().unwrap_or(self.arcs.len());
            let before = self.arcs.get(at(node)..at(node + 1)).unwrap_or_default();
            left.extend(before.iter().filter_map(|(from, arc)| {
                let arc = graph.arcs(*from).get(arc.checked_sub(graph.range(*from).start)?)?;
                price(graph, arc, allowed).map(|_| *from)
            }));
        }
        leading
    }
}

impl<'m> Graph<'m> {
    /// Says how exposed something is; `None` where it is nothing of this graph.
    #[must_use]
    pub fn exposure(&self, backward: &Backward, target: &Vertex) -> Option<Exposure<'_, 'm>> {
        let goal = self.node(target)?;
        let mut from_workloads = BTreeMap::new();
        let mut known = vec![false; self.vertices().len()];
        let mut from_outside = None;
        for allowed in Allowed::LEVELS {
            let leading = backward.leading_to(self, goal, allowed);
            let mut count = 0;
            for (at, (vertex, known)) in self.vertices().iter().zip(&mut known).enumerate() {
                if at == goal || *known || leading.get(at) != Some(&true) {
                    continue;
                }
                *known = true;
                count += usize::from(matches!(vertex, Vertex::Workload { .. }));
                if *vertex == Vertex::Internet {
                    let paths = self.paths(&[Vertex::Internet], std::slice::from_ref(target), allowed, 1);
                    from_outside = paths.into_iter().next().map(|path| (allowed, path));
                }
            }
            if count > 0 {
                from_workloads.insert(allowed, count);
            }
        }
        Some(Exposure { target: self.vertex(goal)?, from_outside, from_workloads })
    }
}
