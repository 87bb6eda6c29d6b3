//! The graph: what leads to what, in one step each.
//!
//! In: a [`Fleet`], the [`Edge`]s that pods and rights make, and what gateways let in. Out: [`Graph`]. Whoever may call a port is a
//! set of intervals over the sorted table of callers, so that calls are not kept pair by pair: a tree over the table stands between
//! callers and ports, and each interval is a few of its nodes. Counts stay exact, and 10^5 workloads that may all call each other
//! are a million arcs, not 10^10.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::resolve::Governed;

use super::cut::Broken;
use super::edge::{Class, Edge, Kind};
use super::lines::{Admitted, Line};
use super::segments::Segments;
use super::vertex::Vertex;
use crate::fleet::{Destination, Fleet};
use crate::intervals::Intervals;
use crate::model::{Before, numbered};
use crate::reach::Caller;

/// As many calls that break with a line are named.
const EXAMPLES: usize = 3;

/// What leads to what.
#[derive(Debug)]
pub struct Graph<'m> {
    fleet: &'m Fleet<'m>,
    vertices: Vec<Vertex>,
    destinations: Vec<Destination<'m>>,
    edges: Vec<Edge>,
    /// The nodes of workloads by the identity they have.
    of_identity: BTreeMap<crate::request::Identity, Vec<usize>>,
    /// What an edit can take away, sorted.
    lines: Vec<Line>,
    /// The lines of each port with those that each alone admits: how many calls go with it.
    admitted: Vec<BTreeMap<usize, Intervals>>,
    /// Where the arcs of each node begin; one more than there are nodes.
    starts: Vec<usize>,
    arcs: Vec<Arc>,
}

/// One arc of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arc {
    /// The node it leads to.
    pub to: usize,
    /// By what means.
    pub by: By,
}

/// By what means an arc leads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    /// It is no step: a caller is in the table of callers, and in parts of it.
    Nothing,
    /// A call to a port, by its position.
    Call {
        /// The port.
        destination: usize,
        /// What kind of call.
        kind: Kind,
        /// Whether it hangs on what no file tells.
        may: bool,
        /// The line that admits it, by its position; `None` where it is not one line's.
        line: Option<usize>,
    },
    /// An edge, by its position.
    Edge(usize),
    /// A certificate of an account lets whoever holds it call as the pods of the account do, where the network lets it.
    Holds,
}

impl<'m> Graph<'m> {
    /// Joins calls and edges.
    #[must_use]
    pub fn of(fleet: &'m Fleet<'m>, edges: Vec<Edge>) -> Self {
        Self::made(fleet, edges, |_| BTreeMap::new())
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
        Self::made(fleet, edges, |to| who.by(to, governed(to)))
    }

    fn made(
        fleet: &'m Fleet<'m>,
        edges: Vec<Edge>,
        admitting: impl Fn(&Destination<'m>) -> BTreeMap<Line, Intervals> + Sync,
    ) -> Self {
        let destinations = fleet.destinations();
        let callers: Vec<(Vertex, Option<crate::request::Identity>)> = callers(fleet);
        let own = |(vertex, identity): &(Vertex, Option<crate::request::Identity>)| {
            [Some(vertex.clone()), identity.clone().map(Vertex::Identity)]
        };
        let mut vertices: Vec<Vertex> = callers.iter().flat_map(own).flatten().collect();
        vertices.extend(edges.iter().flat_map(|edge| [edge.from.clone(), edge.to.clone()]));
        vertices.extend(workloads(fleet).map(|(vertex, _)| vertex));
        vertices.sort();
        vertices.dedup();
        let at: BTreeMap<&Vertex, usize> = vertices.iter().enumerate().map(|(at, vertex)| (vertex, at)).collect();
        let node = |vertex: &Vertex| at.get(vertex).copied();
        let mut of_identity: BTreeMap<crate::request::Identity, Vec<usize>> = BTreeMap::new();
        for (vertex, identity) in &callers {
            if let (Vertex::Workload { .. }, Some(identity), Some(node)) = (vertex, identity, node(vertex)) {
                of_identity.entry(identity.clone()).or_default().push(node);
            }
        }
        let segments = Segments::over(vertices.len(), callers.len());
        let mut arcs: Vec<(usize, Arc)> = Vec::new();
        for (position, (vertex, identity)) in callers.iter().enumerate() {
            let leaf = segments.leaf(position);
            if let Some(from) = node(vertex) {
                arcs.push((from, Arc { to: leaf, by: By::Nothing }));
            }
            if let (Some(identity), Vertex::Workload { .. }) = (identity, vertex)
                && let Some(from) = node(&Vertex::Identity(identity.clone()))
            {
                arcs.push((from, Arc { to: leaf, by: By::Holds }));
            }
        }
        arcs.extend(segments.arcs().map(|(from, to)| (from, Arc { to, by: By::Nothing })));
        let places: BTreeMap<(usize, usize), usize> = workloads(fleet)
            .filter_map(|(vertex, workload)| match vertex {
                Vertex::Workload { cluster, .. } => Some(((cluster, place(workload)), node(&vertex)?)),
                _ => None,
            })
            .collect();
        let by_line: Vec<BTreeMap<Line, Intervals>> = destinations.par_iter().map(&admitting).collect();
        let of_edges = edges.iter().filter_map(line);
        let mut lines: Vec<Line> = by_line.iter().flat_map(|lines| lines.keys().cloned()).chain(of_edges).collect();
        lines.sort();
        lines.dedup();
        let outside = (0..).zip(&callers).filter(|(_, (vertex, _))| *vertex == Vertex::Internet);
        let outside = Intervals::of(outside.map(|(position, _): (u32, _)| position..position + 1).collect());
        let calls = destinations.par_iter().zip(&by_line).enumerate().map(|(destination, (to, by_line))| {
            let target = places.get(&(to.cluster, place(to.workload))).copied();
            let mut reaching = target.map(|_| fleet.reaching(to)).unwrap_or_default();
            if !is_opened(fleet, to) {
                // Whether anybody outside gets to the addresses of pods no file tells.
                let from_outside = reaching.open.and(&outside);
                reaching.open = reaching.open.without(&outside);
                reaching.unsure = reaching.unsure.or(&from_outside);
            }
            let kind = kind(fleet, to);
            let (mut arcs, mut admitted) = (Vec::new(), BTreeMap::new());
            let mut add = |set: &Intervals, may: bool, line: Option<usize>| {
                let nodes = set.ranges().iter().flat_map(|range| segments.covering(range.clone()));
                let by = By::Call { destination, kind, may, line };
                arcs.extend(nodes.flat_map(|from| target.map(|to| (from, Arc { to, by }))));
            };
            for (set, may) in [(&reaching.open, false), (&reaching.unsure, true)] {
                let mut left = set.clone();
                for (line, callers) in by_line {
                    let here = callers.and(set);
                    left = left.without(&here);
                    let line = lines.binary_search(line).ok();
                    add(&here, may, line);
                    if let Some(line) = line {
                        let known: &mut Intervals = admitted.entry(line).or_default();
                        *known = known.or(&here);
                    }
                }
                add(&left, may, None);
            }
            (arcs, admitted)
        });
        let mut admitted = Vec::with_capacity(destinations.len());
        for (of_port, by_lines) in calls.collect::<Vec<_>>() {
            arcs.extend(of_port);
            admitted.push(by_lines);
        }
        for (position, edge) in edges.iter().enumerate() {
            if let (Some(from), Some(to)) = (node(&edge.from), node(&edge.to)) {
                arcs.push((from, Arc { to, by: By::Edge(position) }));
            }
        }
        arcs.par_sort_unstable();
        arcs.dedup();
        let nodes = vertices.len() + segments.len();
        let mut starts = vec![0; nodes + 1];
        for (from, _) in &arcs {
            if let Some(count) = starts.get_mut(from + 1) {
                *count += 1;
            }
        }
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        let arcs = arcs.into_iter().map(|(_, arc)| arc).collect();
        Self { fleet, vertices, destinations, edges, of_identity, lines, admitted, starts, arcs }
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
                match arc.by {
                    By::Nothing => left.push(arc.to),
                    By::Call { .. } => called.extend(self.vertex(arc.to)),
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

    /// Returns the arcs of a node.
    pub(super) fn arcs(&self, node: usize) -> &[Arc] {
        self.arcs.get(self.range(node)).unwrap_or_default()
    }

    /// Returns the line that admits what an arc is, by its position.
    pub(super) fn line_of(&self, arc: usize) -> Option<usize> {
        match self.arcs.get(arc)?.by {
            By::Call { line, .. } => line,
            By::Edge(at) => self.lines.binary_search(&line(self.edges.get(at)?)?).ok(),
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
        let callers = callers(self.fleet);
        for (destination, lines) in self.destinations.iter().zip(&self.admitted) {
            let Some(own) = lines.get(&line) else { continue };
            let left = lines.iter().filter(|(other, _)| !gone.contains(other));
            let own = left.fold(own.clone(), |own, (_, callers)| own.without(callers));
            broken.count += usize::try_from(own.count()).unwrap_or(usize::MAX);
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
            By::Call { kind, may, .. } => Some((kind, may)),
            By::Edge(at) => self.edges.get(at).map(|edge| (edge.kind, edge.may)),
            By::Holds => Some((Kind::Carries, true)),
        }
    }
}

/// Returns the line that makes an edge: the first of its places.
fn line(edge: &Edge) -> Option<Line> {
    let (span, what) = edge.places.first()?;
    Some(Line { span: *span, name: what.clone() })
}

/// Tells whether a Service opens a port to the outside, or its pods are on the network of their node.
fn is_opened(fleet: &Fleet<'_>, to: &Destination<'_>) -> bool {
    let leads = |service: &ringfence_compiler::inventory::KubernetesService| {
        let mut targets = service.ports.iter().flat_map(|port| numbered(to.workload, &port.target));
        service.opened.is_some() && targets.any(|port| port == to.port)
    };
    let model = fleet.models().get(to.cluster);
    to.workload.host_network || model.is_some_and(|model| model.services(to.workload).any(leads))
}

/// Says what kind of call leads to a port.
fn kind(fleet: &Fleet<'_>, to: &Destination<'_>) -> Kind {
    let model = fleet.models().get(to.cluster);
    match model.map(|model| model.before(to.workload, to.port)) {
        Some(Before::Nothing) => Kind::Bypasses,
        _ => Kind::Reaches,
    }
}

/// Returns a number that no other workload has as long as its inventory lives.
fn place(workload: &Workload) -> usize {
    std::ptr::from_ref(workload).addr()
}

/// Returns every workload as a vertex.
fn workloads<'m>(fleet: &Fleet<'m>) -> impl Iterator<Item = (Vertex, &'m Workload)> {
    fleet.models().iter().enumerate().flat_map(|(cluster, model)| {
        let all = model.cluster().inventory.workloads.iter().enumerate();
        all.map(move |(workload, it)| (Vertex::Workload { cluster, workload }, it))
    })
}

/// Returns what each caller of the table is, and the identity it calls with.
fn callers(fleet: &Fleet<'_>) -> Vec<(Vertex, Option<crate::request::Identity>)> {
    let at: BTreeMap<(usize, usize), usize> = workloads(fleet)
        .filter_map(|(vertex, it)| match vertex {
            Vertex::Workload { cluster, workload } => Some(((cluster, place(it)), workload)),
            _ => None,
        })
        .collect();
    let vertex = |calling: &crate::fleet::Calling<'_>| {
        let home = calling.cluster.and_then(|cluster| Some((cluster, fleet.models().get(cluster)?)));
        match (calling.caller, home) {
            (Caller::Workload(it) | Caller::WorkloadOf(_, it), Some((cluster, model))) => {
                let workload = at.get(&(cluster, place(it))).copied()?;
                Some((Vertex::Workload { cluster, workload }, model.identity(it)))
            }
            (Caller::Stranger(it) | Caller::StrangerOf(_, it), _) => {
                Some((Vertex::Identity(it.identity.clone()), Some(it.identity.clone())))
            }
            _ => Some((Vertex::Internet, None)),
        }
    };
    fleet.callers().iter().map(|calling| vertex(calling).unwrap_or((Vertex::Internet, None))).collect()
}

/// What a step of a class asks for is allowed for at most.
pub(super) fn within(kind: Kind, most: Class) -> bool {
    kind.class() <= most
}
