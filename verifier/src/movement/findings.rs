//! What makes a mesh easy to move in, the worst first.
//!
//! In: a [`Graph`], what is sensitive and whose each workload is. Out: [`Finding`]s. They are ranked by what follows from them, which is
//! counted and printed: sensitive workloads that are got to, then workloads, then the cost. There is no score beside that.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::source::Span;

use super::edge::{Class, Edge, Kind};
use super::graph::Graph;
use super::spread::{Allowed, Spread};
use super::vertex::Vertex;
use crate::fleet::Fleet;

/// What findings ask of an attacker at most: nobody has to break out of anything, or to be lucky.
pub const TAKEN: Allowed = Allowed { class: Class::Identity, may: false };

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weakness {
    /// Few steps lead from outside to something sensitive.
    NearOutside,
    /// Whoever holds it writes what answers rest on.
    RewritesPolicy,
    /// Whoever holds it makes identities of the mesh.
    MintsIdentities,
    /// Whoever holds it passes for others, or gives itself rights.
    TakesRights,
    /// Workloads of one tenant get to those of another that none of them may call.
    CrossesTenants,
    /// Whoever breaks out of one workload has its node, on which others may run.
    SharesNodes,
    /// Several workloads have one identity.
    SharesAccount,
    /// Workloads run under the account that is given to whatever names none.
    DefaultAccount,
}

impl Weakness {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NearOutside => "near-outside",
            Self::RewritesPolicy => "rewrites-policy",
            Self::MintsIdentities => "mints-identities",
            Self::TakesRights => "takes-rights",
            Self::CrossesTenants => "crosses-tenants",
            Self::SharesNodes => "shares-nodes",
            Self::SharesAccount => "shares-account",
            Self::DefaultAccount => "default-account",
        }
    }

    /// Says what it is.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NearOutside => "few steps lead from outside to it",
            Self::RewritesPolicy => "can write what answers rest on",
            Self::MintsIdentities => "can make pods or tokens of accounts, and with them identities of the mesh",
            Self::TakesRights => "can pass for others, or give itself rights",
            Self::CrossesTenants => "gets to workloads of another tenant that nobody of it may call",
            Self::SharesNodes => "can break out to its node, where others may run",
            Self::SharesAccount => "share one identity: whoever has one has all",
            Self::DefaultAccount => "run under the account `default`, which whatever names none gets",
        }
    }
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What is wrong.
    pub weakness: Weakness,
    /// Who it is about.
    pub who: Vec<Vertex>,
    /// What is got to, where that is not simply all in reach: sensitive workloads near the outside, or those of another tenant.
    pub to: Vec<Vertex>,
    /// The tenants whose workloads these are, where it is about those.
    pub tenants: Option<(String, String)>,
    /// How many sensitive workloads are got to.
    pub sensitive: usize,
    /// How many workloads are got to.
    pub workloads: usize,
    /// What the cheapest way to the nearest of them costs.
    pub cost: u32,
    /// The lines that make it so, with what each says.
    pub places: Vec<(Span, String)>,
}

/// What is asked about.
pub struct Concern<'c> {
    /// Whether a workload is sensitive.
    pub is_sensitive: &'c dyn Fn(&Vertex) -> bool,
    /// The tenant of a workload, where there is one.
    pub tenant: &'c dyn Fn(&Vertex) -> Option<String>,
    /// Fewer steps than these are few.
    pub near: usize,
}

/// Finds everything, the worst first.
#[must_use]
pub fn findings(graph: &Graph<'_>, concern: &Concern<'_>) -> Vec<Finding> {
    let looking = Looking { graph, edges: graph.edges(), concern };
    let mut found = looking.near_outside();
    found.extend(looking.by_right(Kind::RewritesPolicy, Weakness::RewritesPolicy));
    found.extend(looking.by_right(Kind::Mints, Weakness::MintsIdentities));
    found.extend(looking.by_right(Kind::TakesRights, Weakness::TakesRights));
    found.extend(looking.crossing());
    found.extend(looking.on_nodes());
    found.extend(looking.accounts());
    let rank = |it: &Finding| (Reverse(it.sensitive), Reverse(it.workloads), it.cost, it.weakness, it.who.clone());
    found.sort_by_cached_key(rank);
    found
}

struct Looking<'l, 'm> {
    graph: &'l Graph<'m>,
    edges: &'l [Edge],
    concern: &'l Concern<'l>,
}

/// What somebody gets to.
struct Gain {
    sensitive: usize,
    workloads: usize,
    cost: u32,
}

impl Looking<'_, '_> {
    fn fleet(&self) -> &Fleet<'_> {
        self.graph.fleet()
    }

    /// Counts what somebody gets to beside itself.
    fn gain(&self, from: &[Vertex], allowed: Allowed) -> Gain {
        let spread = Spread::of(self.graph, from, allowed);
        let reached = spread.reached(self.graph);
        let workloads = reached.filter(|(it, _)| matches!(it, Vertex::Workload { .. }) && !from.contains(it));
        let mut gain = Gain { sensitive: 0, workloads: 0, cost: u32::MAX };
        for (vertex, cost) in workloads {
            gain.workloads += 1;
            gain.sensitive += usize::from((self.concern.is_sensitive)(vertex));
            gain.cost = gain.cost.min(cost);
        }
        Gain { cost: if gain.workloads == 0 { 0 } else { gain.cost }, ..gain }
    }

    fn near_outside(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let spread = Spread::of(self.graph, &[Vertex::Internet], TAKEN);
        for (vertex, cost) in spread.reached(self.graph) {
            if !matches!(vertex, Vertex::Workload { .. }) || !(self.concern.is_sensitive)(vertex) {
                continue;
            }
            let goal = std::slice::from_ref(vertex);
            let Some(path) = self.graph.paths(&[Vertex::Internet], goal, TAKEN, 1).into_iter().next() else { continue };
            if path.steps.len() < self.concern.near {
                let Gain { sensitive, workloads, .. } = self.gain(goal, TAKEN);
                found.push(Finding {
                    weakness: Weakness::NearOutside,
                    who: goal.to_vec(),
                    to: Vec::new(),
                    tenants: None,
                    sensitive: sensitive + 1,
                    workloads: workloads + 1,
                    cost,
                    places: Vec::new(),
                });
            }
        }
        found
    }

    /// Finds subjects of Kubernetes that have a right, each once.
    fn by_right(&self, kind: Kind, weakness: Weakness) -> Vec<Finding> {
        let mut by_holder: BTreeMap<&Vertex, Vec<&Edge>> = BTreeMap::new();
        // The group that may do anything by nature is nobody's mistake; who gets to it is. What is not sure is no finding.
        let is_made = |edge: &&Edge| !edge.places.is_empty() && !edge.may;
        for edge in self.edges.iter().filter(|edge| edge.kind == kind).filter(is_made) {
            by_holder.entry(&edge.from).or_default().push(edge);
        }
        let finding = |(who, edges): (&Vertex, Vec<&Edge>)| {
            let Gain { sensitive, workloads, cost } = self.gain(std::slice::from_ref(who), TAKEN);
            let places: BTreeSet<(Span, String)> = edges.iter().flat_map(|edge| edge.places.iter().cloned()).collect();
            let places = places.into_iter().collect();
            Finding {
                weakness,
                who: vec![who.clone()],
                to: Vec::new(),
                tenants: None,
                sensitive,
                workloads,
                cost,
                places,
            }
        };
        by_holder.into_iter().map(finding).collect()
    }

    fn crossing(&self) -> Vec<Finding> {
        let mut members: BTreeMap<String, Vec<Vertex>> = BTreeMap::new();
        for vertex in self.graph.vertices().iter().filter(|it| matches!(it, Vertex::Workload { .. })) {
            if let Some(tenant) = (self.concern.tenant)(vertex) {
                members.entry(tenant).or_default().push(vertex.clone());
            }
        }
        let mut found = Vec::new();
        for (tenant, own) in &members {
            let far = Spread::of(self.graph, own, TAKEN);
            let called = self.called_by(own);
            for (other, theirs) in members.iter().filter(|(other, _)| *other != tenant) {
                let indirect = theirs.iter().filter_map(|it| Some((it, far.cost(self.graph, it)?)));
                let indirect: Vec<(&Vertex, u32)> = indirect.filter(|(it, _)| !called.contains(it)).collect();
                let Some(cost) = indirect.iter().map(|(_, cost)| *cost).min() else { continue };
                found.push(Finding {
                    weakness: Weakness::CrossesTenants,
                    who: own.clone(),
                    to: indirect.iter().map(|(it, _)| (*it).clone()).collect(),
                    tenants: Some((tenant.clone(), other.clone())),
                    sensitive: indirect.iter().filter(|(it, _)| (self.concern.is_sensitive)(it)).count(),
                    workloads: indirect.len(),
                    cost,
                    places: Vec::new(),
                });
            }
        }
        found
    }

    /// Returns whatever some workloads may call by themselves.
    fn called_by(&self, own: &[Vertex]) -> BTreeSet<Vertex> {
        let calls = |vertex: &Vertex| self.graph.called_by(vertex);
        own.iter().flat_map(calls).cloned().collect()
    }

    fn on_nodes(&self) -> Vec<Finding> {
        let breaks = self.edges.iter().filter(|edge| edge.kind == Kind::BreaksOut && !edge.may);
        let mut by_holder: BTreeMap<&Vertex, Vec<&Edge>> = BTreeMap::new();
        breaks.for_each(|edge| by_holder.entry(&edge.from).or_default().push(edge));
        let finding = |(who, edges): (&Vertex, Vec<&Edge>)| {
            let nodes: Vec<Vertex> = edges.iter().map(|edge| edge.to.clone()).collect();
            let on_them = self.edges.iter().filter(|edge| edge.kind == Kind::HoldsPods && nodes.contains(&edge.from));
            let is_other = |it: &&Vertex| *it != who && matches!(it, Vertex::Workload { .. });
            let on_them: BTreeSet<&Vertex> = on_them.map(|edge| &edge.to).filter(is_other).collect();
            let sensitive = on_them.iter().filter(|it| (self.concern.is_sensitive)(it)).count();
            let places = edges.iter().flat_map(|edge| edge.places.iter().cloned()).collect();
            (!on_them.is_empty()).then(|| Finding {
                weakness: Weakness::SharesNodes,
                who: vec![who.clone()],
                to: on_them.iter().map(|it| (*it).clone()).collect(),
                tenants: None,
                sensitive,
                workloads: on_them.len(),
                cost: Kind::BreaksOut.cost() + Kind::HoldsPods.cost() + super::spread::MAY,
                places,
            })
        };
        by_holder.into_iter().filter_map(finding).collect()
    }

    fn accounts(&self) -> Vec<Finding> {
        let mut by_identity: BTreeMap<&Vertex, Vec<&Edge>> = BTreeMap::new();
        for edge in self.edges.iter().filter(|edge| edge.kind == Kind::Carries) {
            by_identity.entry(&edge.to).or_default().push(edge);
        }
        let mut found = Vec::new();
        for (identity, edges) in by_identity {
            let who: Vec<Vertex> = edges.iter().map(|edge| edge.from.clone()).collect();
            let is_default = matches!(identity, Vertex::Identity(it) if it.service_account == "default");
            // A workload that runs in several clusters is one.
            let names: BTreeSet<Option<(&str, &str)>> = who.iter().map(|it| self.named(it)).collect();
            let weakness = match (is_default, names.len()) {
                (true, _) => Weakness::DefaultAccount,
                (false, 2..) => Weakness::SharesAccount,
                (false, _) => continue,
            };
            let Gain { sensitive, workloads, cost } = self.gain(&who, TAKEN);
            let sensitive = sensitive + who.iter().filter(|it| (self.concern.is_sensitive)(it)).count();
            let workloads = workloads + who.len();
            let places = edges.iter().flat_map(|edge| edge.places.iter().cloned()).collect();
            found.push(Finding { weakness, who, to: Vec::new(), tenants: None, sensitive, workloads, cost, places });
        }
        found
    }

    fn named(&self, vertex: &Vertex) -> Option<(&str, &str)> {
        let Vertex::Workload { cluster, workload } = vertex else { return None };
        let it = self.fleet().models().get(*cluster)?.cluster().inventory.workloads.get(*workload)?;
        Some((it.namespace.as_str(), it.name.as_str()))
    }
}
