//! How the graph is drawn.
//!
//! In: a [`Fleet`], edges, and which lines admit whom. Out: [`Graph`]. Ports are asked about on every core, some thousands at a time, so that
//! what each is open to is kept no longer than it takes to find the ports that are open to the same.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;
use ringfence_compiler::inventory::Workload;

use super::edge::{Edge, Kind};
use super::graph::{Arc, Call, Graph};
use super::lines::Line;
use super::segments::Segments;
use super::vertex::Vertex;
use crate::fleet::{Destination, Fleet};
use crate::intervals::Intervals;
use crate::model::{Before, numbered};
use crate::reach::Caller;
use crate::request::Identity;

/// As many ports as are asked about at a time.
const AT_A_TIME: usize = 8192;

/// How many positions of the table of callers are one piece of it.
const PIECE: u32 = 4096;
/// A set of more parts than this is put together of pieces.
const LONG: usize = 64;

/// What a port is open to.
struct Open {
    callers: Intervals,
    /// What equal sets share: made on every core, so that to find a set again does not take long on one.
    print: u64,
    /// Whether that is unsure.
    may: bool,
    /// The line that admits them.
    line: Option<usize>,
}

impl Open {
    fn to(callers: Intervals, may: bool, line: Option<usize>) -> Self {
        Self { print: callers.print(), callers, may, line }
    }
}

/// Draws the graph; `admitting` says which lines admit whom to a port.
pub(super) fn draw<'m>(
    fleet: &'m Fleet<'m>,
    edges: Vec<Edge>,
    admitting: impl Fn(&Destination<'m>) -> BTreeMap<Line, Intervals> + Sync,
) -> Graph<'m> {
    let destinations = fleet.destinations();
    let callers = callers(fleet);
    let vertices = vertices(fleet, &callers, &edges);
    let node = |vertex: &Vertex| vertices.binary_search(vertex).ok();
    let mut of_identity: BTreeMap<Identity, Vec<usize>> = BTreeMap::new();
    for (vertex, identity) in &callers {
        if let (Vertex::Workload { .. }, Some(identity), Some(node)) = (vertex, identity, node(vertex)) {
            of_identity.entry(identity.clone()).or_default().push(node);
        }
    }
    let segments = Segments::over(vertices.len(), callers.len());
    let mut sheet = Sheet::over(segments, vertices.len() + segments.len());
    for (position, (vertex, identity)) in callers.iter().enumerate() {
        let leaf = segments.leaf(position);
        if let Some(from) = node(vertex) {
            sheet.add(from, leaf, Arc::NOTHING);
        }
        if let (Some(identity), Vertex::Workload { .. }) = (identity, vertex)
            && let Some(from) = node(&Vertex::Identity(identity.clone()))
        {
            sheet.add(from, leaf, Arc::HOLDS);
        }
    }
    segments.arcs().for_each(|(from, to)| sheet.add(from, to, Arc::NOTHING));
    let places: HashMap<(usize, usize), usize> = workloads(fleet)
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
    let (mut calls, mut admitted) = (Vec::new(), Vec::with_capacity(destinations.len()));
    for (first, some) in (0..).step_by(AT_A_TIME).zip(destinations.chunks(AT_A_TIME)) {
        let asked = some.par_iter().zip(by_line.get(first..).unwrap_or_default().par_iter());
        let asked = asked.map(|(to, by_line)| open(fleet, to, (by_line, &lines), &outside));
        let asked: Vec<(Vec<Open>, BTreeMap<usize, Intervals>)> = asked.collect();
        for ((destination, to), (open, by_lines)) in (first..).zip(some).zip(asked) {
            admitted.push(by_lines);
            let Some(target) = places.get(&(to.cluster, place(to.workload))).copied() else { continue };
            let kind = kind(fleet, to);
            for Open { callers, print, may, line } in open {
                if let Some(from) = sheet.holding(callers, print) {
                    sheet.add(from, target, number(Arc::FIRST + calls.len()));
                    calls.push(Call { destination, kind, may, line });
                }
            }
        }
    }
    for (position, edge) in edges.iter().enumerate() {
        if let (Some(from), Some(to)) = (node(&edge.from), node(&edge.to)) {
            sheet.add(from, to, number(Arc::FIRST + calls.len() + position));
        }
    }
    let (starts, arcs) = sheet.sorted();
    Graph { fleet, vertices, destinations, calls, edges, of_identity, lines, admitted, starts, arcs }
}

/// Returns everything an attacker may have in hand, sorted.
fn vertices(fleet: &Fleet<'_>, callers: &[(Vertex, Option<Identity>)], edges: &[Edge]) -> Vec<Vertex> {
    let own = |(vertex, identity): &(Vertex, Option<Identity>)| {
        [Some(vertex.clone()), identity.clone().map(Vertex::Identity)]
    };
    let mut vertices: Vec<Vertex> = callers.iter().flat_map(own).flatten().collect();
    vertices.extend(edges.iter().flat_map(|edge| [edge.from.clone(), edge.to.clone()]));
    vertices.extend(workloads(fleet).map(|(vertex, _)| vertex));
    vertices.par_sort_unstable();
    vertices.dedup();
    vertices
}

/// Says to whom a port is open, and which lines alone admit whom.
fn open(
    fleet: &Fleet<'_>,
    to: &Destination<'_>,
    (by_line, lines): (&BTreeMap<Line, Intervals>, &[Line]),
    outside: &Intervals,
) -> (Vec<Open>, BTreeMap<usize, Intervals>) {
    let mut reaching = fleet.reaching(to);
    let is_outside = outside.positions().any(|at| reaching.open.contains(at));
    if is_outside && !is_opened(fleet, to) {
        // Whether anybody outside gets to the addresses of pods no file tells.
        let from_outside = reaching.open.and(outside);
        reaching.open = reaching.open.without(outside);
        reaching.unsure = reaching.unsure.or(&from_outside);
    }
    let (mut open, mut admitted) = (Vec::new(), BTreeMap::new());
    for (set, may) in [(reaching.open, false), (reaching.unsure, true)] {
        if by_line.is_empty() {
            open.push(Open::to(set, may, None));
            continue;
        }
        let mut left = set.clone();
        for (line, callers) in by_line {
            let here = callers.and(&set);
            left = left.without(&here);
            let line = lines.binary_search(line).ok();
            if let Some(line) = line {
                let known: &mut Intervals = admitted.entry(line).or_default();
                *known = known.or(&here);
            }
            open.push(Open::to(here, may, line));
        }
        open.push(Open::to(left, may, None));
    }
    (open, admitted)
}

/// Arcs while they are drawn.
struct Sheet {
    segments: Segments,
    arcs: Vec<(u32, Arc)>,
    /// The node of each set of callers, by what equal sets share.
    sets: HashMap<u64, Vec<(Intervals, usize)>>,
    /// The node that some lead to together.
    joints: HashMap<Vec<usize>, usize>,
    /// How many nodes there are.
    nodes: usize,
}

impl Sheet {
    fn over(segments: Segments, nodes: usize) -> Self {
        Self { segments, arcs: Vec::new(), sets: HashMap::new(), joints: HashMap::new(), nodes }
    }

    fn add(&mut self, from: usize, to: usize, by: u32) {
        self.arcs.push((number(from), Arc { to: number(to), by }));
    }

    /// Returns the node that every caller of a set leads to; `None` where there is none.
    fn holding(&mut self, set: Intervals, print: u64) -> Option<usize> {
        if set.is_empty() {
            return None;
        }
        let alike = self.sets.get(&print).into_iter().flatten();
        if let Some((_, known)) = alike.into_iter().find(|(known, _)| *known == set) {
            return Some(*known);
        }
        // What begins in one piece of the table is put together by itself: in most pieces, long sets are the same.
        let mut pieces: Vec<(u32, Vec<usize>)> = Vec::new();
        for range in set.ranges() {
            let parts = self.segments.covering(range.clone());
            match pieces.last_mut() {
                Some((piece, known)) if *piece == range.start / PIECE => known.extend(parts),
                _ => pieces.push((range.start / PIECE, parts)),
            }
        }
        let is_long = pieces.iter().map(|(_, parts)| parts.len()).sum::<usize>() > LONG;
        let pieces = pieces.into_iter().map(|(_, parts)| parts);
        let parts = if is_long { pieces.map(|parts| self.joined(parts)).collect() } else { pieces.flatten().collect() };
        let node = self.joined(parts);
        self.sets.entry(print).or_default().push((set, node));
        Some(node)
    }

    /// Returns the node that all of these lead to.
    fn joined(&mut self, parts: Vec<usize>) -> usize {
        if let [one] = parts.as_slice() {
            return *one;
        }
        if let Some(known) = self.joints.get(&parts) {
            return *known;
        }
        let node = self.nodes;
        self.nodes += 1;
        parts.iter().for_each(|part| self.add(*part, node, Arc::NOTHING));
        self.joints.insert(parts, node);
        node
    }

    /// Returns where the arcs of each node begin, and the arcs.
    fn sorted(mut self) -> (Vec<usize>, Vec<Arc>) {
        self.arcs.par_sort_unstable();
        self.arcs.dedup();
        let mut starts = vec![0; self.nodes + 1];
        for (from, _) in &self.arcs {
            if let Some(count) = starts.get_mut(*from as usize + 1) {
                *count += 1;
            }
        }
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        (starts, self.arcs.into_iter().map(|(_, arc)| arc).collect())
    }
}

/// There are fewer nodes and arcs than `u32` has values: there is no memory for more.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Returns the line that makes an edge: the first of its places that an edit can take away. That somebody runs, be it what an attacker
/// has or what it is after, is none: to delete it is no answer to how to guard it.
pub(super) fn line(edge: &Edge) -> Option<Line> {
    let runs = |what: &str| what.starts_with("runs ") || what.starts_with("may run ");
    let (span, what) = edge.places.iter().find(|(_, what)| !runs(what))?;
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
pub(super) fn callers(fleet: &Fleet<'_>) -> Vec<(Vertex, Option<Identity>)> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_long_set_is_led_to_by_its_positions_and_no_others() {
        let positions = 3 * PIECE as usize;
        let segments = Segments::over(0, positions);
        let mut sheet = Sheet::over(segments, segments.len());
        segments.arcs().for_each(|(from, to)| sheet.add(from, to, Arc::NOTHING));
        let every = |step: u32, but: Option<u32>| {
            let all = (0..3 * PIECE).step_by(step as usize).filter(|at| Some(*at) != but);
            Intervals::of(all.map(|at| at..at + 2).collect())
        };
        let sets = [
            every(7, None),
            every(7, Some(PIECE + 4)),
            every(1000, None),
            Intervals::range(5..2 * PIECE + 3),
            every(7, None),
        ];
        let nodes: Vec<usize> = sets.iter().map(|set| sheet.holding(set.clone(), set.print()).unwrap()).collect();
        assert_eq!(nodes[0], nodes[4]);
        // What all but one piece have in common is there once.
        assert!(sheet.arcs.len() < segments.len() + sets[0].ranges().len() * 2 * 2, "{}", sheet.arcs.len());
        let (starts, arcs) = sheet.sorted();
        for at in (0..positions).step_by(3) {
            let (mut left, mut led) = (vec![segments.leaf(at)], BTreeSet::new());
            while let Some(node) = left.pop() {
                if led.insert(node) {
                    left.extend(arcs[starts[node]..starts[node + 1]].iter().map(|arc| arc.node()));
                }
            }
            for (set, node) in sets.iter().zip(&nodes) {
                assert_eq!(led.contains(node), set.contains(number(at)), "{at}");
            }
        }
    }
}
