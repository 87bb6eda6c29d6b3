//! How far an attacker gets: everything in reach, by what it asks for, and the cheapest way to each.
//!
//! In: a [`Graph`] and what is in hand. Out: [`Spread`]. What costs least comes first; a step that hangs on what no file tells costs
//! [`MAY`] more than its kind.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::edge::{Class, Kind};
use super::graph::{Arc, Graph, within};
use super::vertex::Vertex;

/// What a step costs more that hangs on what no file tells.
pub const MAY: u32 = 3;

/// What steps may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Allowed {
    /// The hardest class of steps.
    pub class: Class,
    /// Whether those that hang on what no file tells are taken.
    pub may: bool,
}

impl Allowed {
    /// Every step.
    pub const ALL: Self = Self { class: Class::Exploit, may: true };

    /// What is allowed, from least to most.
    pub const LEVELS: [Self; 6] = [
        Self { class: Class::Network, may: false },
        Self { class: Class::Identity, may: false },
        Self { class: Class::Exploit, may: false },
        Self { class: Class::Network, may: true },
        Self { class: Class::Identity, may: true },
        Self { class: Class::Exploit, may: true },
    ];
}

/// The last step of a way: the vertex before it, its kind, and whether it hangs on what no file tells.
pub type Last<'g> = (&'g Vertex, Kind, bool);

/// What is in reach.
#[derive(Debug, Clone)]
pub struct Spread {
    /// What the cheapest way to each node costs; `None` where there is none.
    costs: Vec<Option<u32>>,
    /// The node before on that way, and the position of the arc.
    before: Vec<Option<(usize, usize)>>,
}

impl Spread {
    /// Follows the steps that are allowed from what is in hand.
    #[must_use]
    pub fn of(graph: &Graph<'_>, from: &[Vertex], allowed: Allowed) -> Self {
        let starts: BTreeSet<usize> = from.iter().filter_map(|vertex| graph.node(vertex)).collect();
        Self::avoiding(graph, &starts, allowed, &|_| false, &|_| false)
    }

    /// Follows the same without some nodes and arcs.
    pub(super) fn avoiding(
        graph: &Graph<'_>,
        from: &BTreeSet<usize>,
        allowed: Allowed,
        is_shut: &impl Fn(usize) -> bool,
        is_cut: &impl Fn(usize) -> bool,
    ) -> Self {
        let nodes = graph.nodes();
        let mut spread = Self { costs: vec![None; nodes], before: vec![None; nodes] };
        let mut next = BinaryHeap::new();
        for node in from.iter().copied().filter(|node| !is_shut(*node)) {
            if let Some(cost) = spread.costs.get_mut(node) {
                *cost = Some(0);
                next.push(Reverse((0_u32, node)));
            }
        }
        while let Some(Reverse((cost, node))) = next.pop() {
            if spread.costs.get(node).copied().flatten() != Some(cost) {
                continue;
            }
            for (at, arc) in graph.range(node).zip(graph.arcs(node)) {
                let Some(more) = price(graph, arc, allowed).filter(|_| !is_shut(arc.node()) && !is_cut(at)) else {
                    continue;
                };
                let sum = cost.saturating_add(more);
                let Some(known) = spread.costs.get_mut(arc.node()) else { continue };
                if known.is_none_or(|known| sum < known) {
                    *known = Some(sum);
                    if let Some(before) = spread.before.get_mut(arc.node()) {
                        *before = Some((node, at));
                    }
                    next.push(Reverse((sum, arc.node())));
                }
            }
        }
        spread
    }

    /// Returns what the cheapest way to a vertex costs.
    #[must_use]
    pub fn cost(&self, graph: &Graph<'_>, vertex: &Vertex) -> Option<u32> {
        self.cost_of(graph.node(vertex)?)
    }

    pub(super) fn cost_of(&self, node: usize) -> Option<u32> {
        self.costs.get(node).copied().flatten()
    }

    /// Returns every vertex in reach with what it costs, in the order of vertices.
    pub fn reached<'g>(&self, graph: &'g Graph<'_>) -> impl Iterator<Item = (&'g Vertex, u32)> {
        graph.vertices().iter().zip(&self.costs).filter_map(|(vertex, cost)| Some((vertex, (*cost)?)))
    }

    /// Returns every vertex in reach with the one before it on the cheapest way, and what leads on from there; what was in hand
    /// has none before it.
    pub fn tree<'g>(&self, graph: &'g Graph<'_>) -> Vec<(&'g Vertex, Option<Last<'g>>)> {
        let before = |node: usize| {
            let (mut at, mut step, mut unsure) = (node, None, false);
            while let Some((before, arc)) = self.before.get(at).copied().flatten() {
                let arc = graph.arcs(before).get(arc.checked_sub(graph.range(before).start)?)?;
                // A certificate that is used for a call is part of that call.
                match graph.step(graph.by(*arc)) {
                    Some((kind, may)) if step.is_none() => (step, unsure) = (Some(kind), may),
                    Some((_, may)) => unsure |= may,
                    None => {}
                }
                at = before;
                if let Some(vertex) = graph.vertex(at) {
                    return Some((vertex, step?, unsure));
                }
            }
            None
        };
        let reached = graph.vertices().iter().enumerate().zip(&self.costs).filter(|(_, cost)| cost.is_some());
        reached.map(|((node, vertex), _)| (vertex, before(node))).collect()
    }

    /// Returns the way to a node: each node on it with the arc that leads on.
    pub(super) fn way(&self, to: usize) -> Vec<(usize, usize)> {
        let mut way = Vec::new();
        let mut at = to;
        while let Some((before, arc)) = self.before.get(at).copied().flatten() {
            way.push((before, arc));
            at = before;
        }
        way.reverse();
        way
    }
}

/// Returns what an arc costs; `None` where it is not allowed.
pub(super) fn price(graph: &Graph<'_>, arc: &Arc, allowed: Allowed) -> Option<u32> {
    if arc.by == Arc::NOTHING {
        return Some(0);
    }
    let (kind, may) = graph.step(graph.by(*arc))?;
    let is_allowed = within(kind, allowed.class) && (allowed.may || !may);
    is_allowed.then(|| kind.cost() + if may { MAY } else { 0 })
}
