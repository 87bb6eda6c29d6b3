//! Every blast radius: of each workload, how many others whoever has it gets to.
//!
//! In: a [`Graph`] and the steps that may be taken. Out: [`Radii`], exact. Vertices that all get to each other are one
//! component, and what a component gets to is counted once. Most meshes hang together in one giant component: whatever gets to it
//! gets to all behind it, and only what lies beside that is walked again.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rayon::prelude::*;

use super::graph::Graph;
use super::spread::{Allowed, price};
use super::vertex::Vertex;

/// How many workloads each gets to, itself not counted.
#[derive(Debug, Clone)]
pub struct Radii {
    /// By node.
    of: Vec<u32>,
}

impl Radii {
    /// Counts for every workload.
    #[must_use]
    pub fn of(graph: &Graph<'_>, allowed: Allowed) -> Self {
        let components = Components::of(graph, allowed);
        let counts = components.counts();
        let of = components.of_node.iter().map(|at| counts.get(*at as usize).copied().unwrap_or(0)).collect();
        Self { of }
    }

    /// Returns how many workloads whoever has a workload gets to.
    #[must_use]
    pub fn get(&self, graph: &Graph<'_>, workload: &Vertex) -> u32 {
        let found = graph.node(workload).and_then(|node| self.of.get(node));
        found.copied().unwrap_or(0).saturating_sub(1)
    }
}

/// Vertices that all get to each other, and what each of these components leads to.
struct Components {
    /// The component of each node.
    of_node: Vec<u32>,
    /// How many workloads are in each.
    weights: Vec<u32>,
    /// Where the arcs of each begin; one more than there are components.
    starts: Vec<usize>,
    arcs: Vec<u32>,
}

impl Components {
    fn of(graph: &Graph<'_>, allowed: Allowed) -> Self {
        let number = |node: usize| u32::try_from(node).unwrap_or(u32::MAX);
        let leads = |node: usize| {
            let taken = graph.arcs(node).iter().filter(|arc| price(graph, arc, allowed).is_some());
            taken.map(move |arc| (number(node), arc.to))
        };
        let mut drawn: DiGraph<(), (), u32> = DiGraph::from_edges((0..graph.nodes()).flat_map(leads));
        while drawn.node_count() < graph.nodes() {
            drawn.add_node(());
        }
        // `tarjan_scc` calls itself once for each vertex of a chain, which a large mesh has too many of.
        let found = kosaraju_scc(&drawn);
        let (mut of_node, mut weights) = (vec![0; graph.nodes()], vec![0; found.len()]);
        for (component, members) in (0..).zip(&found) {
            for member in members {
                if let Some(of) = of_node.get_mut(member.index()) {
                    *of = component;
                }
                let is_workload = matches!(graph.vertex(member.index()), Some(Vertex::Workload { .. }));
                if let Some(weight) = weights.get_mut(component as usize) {
                    *weight += u32::from(is_workload);
                }
            }
        }
        let component = |node: NodeIndex| of_node.get(node.index()).copied().unwrap_or_default();
        let edges = drawn.raw_edges().iter().map(|edge| (component(edge.source()), component(edge.target())));
        let mut edges: Vec<(u32, u32)> = edges.filter(|(from, to)| from != to).collect();
        edges.par_sort_unstable();
        edges.dedup();
        let mut starts = vec![0; found.len() + 1];
        for (from, _) in &edges {
            if let Some(start) = starts.get_mut(*from as usize + 1) {
                *start += 1;
            }
        }
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        Self { of_node, weights, starts, arcs: edges.into_iter().map(|(_, to)| to).collect() }
    }

    fn leads(&self, component: u32) -> &[u32] {
        let at = |component: usize| self.starts.get(component).copied().unwrap_or(self.arcs.len());
        self.arcs.get(at(component as usize)..at(component as usize + 1)).unwrap_or_default()
    }

    fn weight(&self, component: u32) -> u32 {
        self.weights.get(component as usize).copied().unwrap_or(0)
    }

    /// Counts the workloads behind each component that has any, itself among them.
    fn counts(&self) -> Vec<u32> {
        let count = self.weights.len();
        let giant = (0..).zip(&self.weights).max_by_key(|(_, weight)| **weight).map_or(0, |(at, _): (u32, _)| at);
        let mut walk = Walk::over(count);
        let behind_giant = walk.from(self, giant, |_| false);
        let behind: Vec<bool> = (0..count).map(|at| walk.has(at)).collect();
        let leads_to_giant = self.leading_to(giant);
        let of = |walk: &mut Walk, component: u32| match component as usize {
            _ if self.weight(component) == 0 => 0,
            at if leads_to_giant.get(at) == Some(&true) => {
                behind_giant + walk.from(self, component, |at| behind.get(at) == Some(&true))
            }
            _ => walk.from(self, component, |_| false),
        };
        let all = u32::try_from(count).unwrap_or(u32::MAX);
        (0..all).into_par_iter().map_init(|| Walk::over(count), of).collect()
    }

    /// Tells of each component whether it leads to one. Components come after all that they lead to.
    fn leading_to(&self, goal: u32) -> Vec<bool> {
        let mut leading = vec![false; self.weights.len()];
        for at in 0..leading.len() {
            let component = u32::try_from(at).unwrap_or(u32::MAX);
            let mut next = self.leads(component).iter();
            let leads = component == goal || next.any(|to| leading.get(*to as usize) == Some(&true));
            if let Some(of) = leading.get_mut(at) {
                *of = leads;
            }
        }
        leading
    }
}

/// A walk, which remembers where it has been; the next one begins afresh without wiping that.
struct Walk {
    seen: Vec<u32>,
    round: u32,
    left: Vec<u32>,
}

impl Walk {
    fn over(count: usize) -> Self {
        Self { seen: vec![0; count], round: 0, left: Vec::new() }
    }

    fn has(&self, at: usize) -> bool {
        self.seen.get(at) == Some(&self.round)
    }

    /// Counts the workloads behind a component, but for those that are left out.
    fn from(&mut self, all: &Components, start: u32, is_out: impl Fn(usize) -> bool) -> u32 {
        self.round += 1;
        self.left.push(start);
        let mut count = 0;
        while let Some(component) = self.left.pop() {
            let Some(seen) = self.seen.get_mut(component as usize) else { continue };
            if *seen == self.round || is_out(component as usize) {
                continue;
            }
            *seen = self.round;
            count += all.weight(component);
            self.left.extend_from_slice(all.leads(component));
        }
        count
    }
}
