//! The graph: what leads to what, in one step each.
//!
//! In: a [`Fleet`], the [`Edge`]s that pods and rights make, and what gateways let in. Out: [`Graph`]. Whoever may call a port is a
//! set of intervals over the sorted table of callers, so that calls are not kept pair by pair: a tree over the table stands between
//! callers and ports, and each interval is a few of its nodes. Counts stay exact, and 10^5 workloads that may all call each other
//! are a million arcs, not 10^10. Ports that are open to the same callers share a node of their own, so that what is said of many is kept once.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::resolve::Governed;

use super::cut::Broken;
use super::drawing;
use super::edge::{Class, Edge, Kind};
use super::lines::{Admitted, Line};
use super::unmanned::is_supposed;
use super::vertex::Vertex;
use crate::fleet::{Destination, Fleet};
use crate::intervals::Intervals;
use crate::request::Identity;

/// As many calls that break with a line are named.
const EXAMPLES: usize = 3;

/// What leads to what.
#[derive(Debug)]
pub struct Graph<'m> {
    pub(super) fleet: &'m Fleet<'m>,
    pub(super) vertices: Vec<Vertex>,
    pub(super) destinations: Vec<Destination<'m>>,
    pub(super) calls: Vec<Call>,
    pub(super) edges: Vec<Edge>,
    /// The nodes of workloads by the identity they have.
    pub(super) of_identity: BTreeMap<Identity, Vec<usize>>,
    /// What an edit can take away, sorted.
    pub(super) lines: Vec<Line>,
    /// The lines of each port with those that each alone admits: how many calls go with it.
    pub(super) admitted: Vec<BTreeMap<usize, Intervals>>,
    /// Where the arcs of each node begin; one more than there are nodes.
    pub(super) starts: Vec<usize>,
    pub(super) arcs: Vec<Arc>,
}

/// One arc of a node, of which there are many: numbers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arc {
    /// The node it leads to.
    pub to: u32,
    /// By what means: [`Arc::NOTHING`], [`Arc::HOLDS`], then calls and then edges, by their positions.
    pub by: u32,
}

impl Arc {
    /// It is no step.
    pub const NOTHING: u32 = 0;
    /// A certificate lets its holder call.
    pub const HOLDS: u32 = 1;
    /// The first call.
    pub const FIRST: usize = 2;

    /// Returns the node it leads to.
    pub fn node(self) -> usize {
        self.to as usize
    }
}

/// A call to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// The port, by its position.
    pub destination: usize,
    /// What kind of call.
    pub kind: Kind,
    /// Whether it hangs on what no file tells.
    pub may: bool,
    /// The line that admits it, by its position; `None` where it is not one line's.
    pub line: Option<usize>,
}

/// By what means an arc leads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// It is no step: a caller is in the table of callers, and in parts of it.
    Nothing,
    /// A call to a port.
    Call(Call),
    /// An edge, by its position.
    Edge(usize),
    /// A certificate of an account lets whoever holds it call as the pods of the account do, where the network lets it.
    Holds,
}

impl<'m> Graph<'m> {
    /// Joins calls and edges.
    #[must_use]
    pub fn of(fleet: &'m Fleet<'m>, edges: Vec<Edge>) -> Self {
        drawing::draw(fleet, edges, |_| BTreeMap::new())
    }

    /// Joins the same and tells by which line each call is admitted, which takes longer; `governed` says what policy means at a
    /// workload, where there is a policy tree.
    #[must_use]
    pub fn with_lines<'g>(
        fleet: &'m Fleet<'m>,
        edges: Vec<Edge>,
        governed: impl Fn(&Destination<'m>) -> Option<&'g Governed<'g>> + Sync,
    ) -> Self {
        let who = Admitted::of(fleet);
        drawing::draw(fleet, edges, |to| who.by(to, governed(to)))
    }

    /// Returns the mesh it is about.
    #[must_use]
    pub fn fleet(&self) -> &'m Fleet<'m> {
        self.fleet
    }

    /// Returns everything an attacker may have in hand, sorted.
    #[must_use]
    pub fn vertices(&self) -> &[Vertex] {
        &self.vertices
    }

    /// Returns the edges beside calls.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Returns what whoever has a vertex may call from there at once.
    #[must_use]
    pub fn called_by(&self, vertex: &Vertex) -> Vec<&Vertex> {
        let (mut left, mut called) = (self.node(vertex).into_iter().collect::<Vec<_>>(), Vec::new());
        while let Some(node) = left.pop() {
            for arc in self.arcs(node) {
                match self.by(*arc) {
                    By::Nothing => left.push(arc.node()),
                    By::Call(_) => called.extend(self.vertex(arc.node())),
                    By::Edge(_) | By::Holds => {}
                }
            }
        }
        called.sort();
        called.dedup();
        called
    }

    /// Returns how many steps there are, those of calls counted once for each part of the table they are open to.
    #[must_use]
    pub fn size(&self) -> usize {
        self.arcs.len()
    }

    /// Returns the node of a vertex.
    pub(super) fn node(&self, vertex: &Vertex) -> Option<usize> {
        self.vertices.binary_search(vertex).ok()
    }

    /// Returns the vertex of a node; `None` for a part of the table of callers.
    pub(super) fn vertex(&self, node: usize) -> Option<&Vertex> {
        self.vertices.get(node)
    }

    /// Returns how many nodes there are.
    pub(super) fn nodes(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Returns where the arcs of a node are.
    pub(super) fn range(&self, node: usize) -> std::ops::Range<usize> {
        let at = |node: usize| self.starts.get(node).copied().unwrap_or(self.arcs.len());
        at(node)..at(node + 1)
    }

    /// Returns a node and those of the same workload elsewhere: whatever has its identity.
    pub(super) fn alike(&self, node: usize) -> Vec<usize> {
        let twins = self.of_identity.values().find(|nodes| nodes.contains(&node));
        twins.cloned().unwrap_or_else(|| vec![node])
    }

    /// Returns the vertices that have the identity of this one, itself among them.
    #[must_use]
    pub fn twins(&self, vertex: &Vertex) -> Vec<&Vertex> {
        let nodes = self.node(vertex).map(|node| self.alike(node)).unwrap_or_default();
        nodes.into_iter().filter_map(|node| self.vertex(node)).collect()
    }

    /// Says by what means an arc leads on.
    pub(super) fn by(&self, arc: Arc) -> By {
        match arc.by {
            Arc::NOTHING => By::Nothing,
            Arc::HOLDS => By::Holds,
            by => {
                let at = (by as usize).saturating_sub(Arc::FIRST);
                match self.calls.get(at) {
                    Some(call) => By::Call(*call),
                    None => By::Edge(at - self.calls.len()),
                }
            }
        }
    }

    /// Returns the arcs of a node.
    pub(super) fn arcs(&self, node: usize) -> &[Arc] {
        self.arcs.get(self.range(node)).unwrap_or_default()
    }

    /// Returns the line that admits what an arc is, by its position.
    pub(super) fn line_of(&self, arc: usize) -> Option<usize> {
        match self.by(*self.arcs.get(arc)?) {
            By::Call(call) => call.line,
            By::Edge(at) => self.lines.binary_search(&drawing::line(self.edges.get(at)?)?).ok(),
            By::Nothing | By::Holds => None,
        }
    }

    pub(super) fn line(&self, at: usize) -> Option<&Line> {
        self.lines.get(at)
    }

    /// Counts the calls that nothing but some lines admits.
    pub(super) fn broken_without(&self, gone: &BTreeSet<usize>) -> usize {
        let broken = |lines: &BTreeMap<usize, Intervals>| {
            let join = |wanted: bool| {
                let those = lines.iter().filter(|(line, _)| gone.contains(line) == wanted);
                those.fold(Intervals::default(), |all, (_, callers)| all.or(callers))
            };
            join(true).without(&join(false)).count()
        };
        usize::try_from(self.admitted.iter().map(broken).sum::<u64>()).unwrap_or(usize::MAX)
    }

    /// Returns the calls that a line admits and no line does that stays.
    pub(super) fn broken_by(&self, line: usize, gone: &BTreeSet<usize>) -> Broken {
        let mut broken = Broken::default();
        let callers = drawing::callers(self.fleet);
        let supposed = (0..).zip(self.fleet.callers()).filter(|(_, calling)| is_supposed(&calling.caller));
        let supposed = Intervals::of(supposed.map(|(at, _): (u32, _)| at..at + 1).collect());
        for (destination, lines) in self.destinations.iter().zip(&self.admitted) {
            let Some(own) = lines.get(&line) else { continue };
            let left = lines.iter().filter(|(other, _)| !gone.contains(other));
            let own = left.fold(own.without(&supposed), |own, (_, callers)| own.without(callers));
            broken.count += usize::try_from(own.count()).unwrap_or(usize::MAX);
            if broken.some.len() >= EXAMPLES {
                continue;
            }
            let Some(workload) = self.fleet.models().get(destination.cluster).and_then(|model| {
                model.cluster().inventory.workloads.iter().position(|it| std::ptr::eq(it, destination.workload))
            }) else {
                continue;
            };
            let to = Vertex::Workload { cluster: destination.cluster, workload };
            let positions = own.ranges().iter().flat_map(Clone::clone);
            let named = positions.filter_map(|at| callers.get(at as usize)).map(|(vertex, _)| vertex);
            let more = EXAMPLES.saturating_sub(broken.some.len());
            broken.some.extend(named.take(more).map(|from| (from.clone(), to.clone(), destination.port)));
        }
        broken
    }

    pub(super) fn destination(&self, at: usize) -> Option<&Destination<'m>> {
        self.destinations.get(at)
    }

    pub(super) fn edge(&self, at: usize) -> Option<&Edge> {
        self.edges.get(at)
    }

    /// Says what a step by such means is: its kind, and whether it hangs on what no file tells; `None` where it is none.
    pub(super) fn step(&self, by: By) -> Option<(Kind, bool)> {
        match by {
            By::Nothing => None,
            By::Call(Call { kind, may, .. }) => Some((kind, may)),
            By::Edge(at) => self.edges.get(at).map(|edge| (edge.kind, edge.may)),
            By::Holds => Some((Kind::Carries, true)),
        }
    }
}

/// What a step of a class asks for is allowed for at most.
pub(super) fn within(kind: Kind, most: Class) -> bool {
    kind.class() <= most
}
