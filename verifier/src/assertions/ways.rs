//! Ways of an attacker that must not be there, must not be short, or must pass somewhere.
//!
//! In: claims about ways, every cluster, and what manifests say of pods and rights. Out: a [`Claim`] for each, with the way that
//! shows it where it does not hold. Whoever is on both sides is judged by itself, against everybody else on the other. What hangs on what no file tells counts against a claim, which is then not proved.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::Document;
use ringfence_compiler::spec::assertion::{AssertionSpec, Hardest, Ways};
use ringfence_compiler::spec::reference::NodePath;

use super::claims::listed;
use super::terrain::{Terrain, Who};
use super::{Claim, Evidence, Judgement, Step, Verdict};
use crate::fleet::Fleet;
use crate::model::Model;
use crate::movement::edge::Class;
use crate::movement::edges;
use crate::movement::graph::Graph;
use crate::movement::paths::{Means, Path};
use crate::movement::spread::Allowed;
use crate::movement::unmanned::unmanned;
use crate::movement::vertex::Vertex;
use crate::surroundings::Surroundings;

/// Judges every claim about ways and puts it to its assertion. The graph is drawn where there is one.
pub(super) fn judge(
    terrain: &Terrain<'_>,
    around: &(dyn Fn(&str) -> Surroundings + Sync),
    judgements: &mut [Judgement],
    diagnostics: &mut Diagnostics,
) {
    let assertions = &terrain.world().parsed.policy.assertions;
    if assertions.iter().all(|assertion| assertion.spec.ways.is_none()) {
        return;
    }
    let around: Vec<Surroundings> = terrain.lands.iter().map(|land| around(land.name)).collect();
    let more = unmanned(&terrain.lands.iter().map(|land| &land.model).collect::<Vec<_>>(), &around);
    let models = terrain.lands.iter().zip(more);
    let models: Vec<Model<'_>> =
        models.map(|(land, more)| land.model.with(land.model.policies()).supposing(more)).collect();
    let fleet = Fleet::among(models.iter().collect());
    let drawn = Drawn { terrain, graph: Graph::of(&fleet, edges(&fleet, &around)) };
    for (assertion, judgement) in assertions.iter().zip(judgements) {
        judgement.claims.extend(drawn.claims(assertion, diagnostics));
    }
}

/// The graph, and what its vertices are called.
struct Drawn<'d, 'a> {
    terrain: &'d Terrain<'a>,
    graph: Graph<'d>,
}

/// What speaks against a claim: a sentence, and the way.
type Against<'g, 'm> = (String, Path<'g, 'm>);

impl Drawn<'_, '_> {
    fn claims(&self, assertion: &Document<AssertionSpec>, diagnostics: &mut Diagnostics) -> Vec<Claim> {
        let ways = listed(assertion.spec.ways.as_ref());
        ways.map(|ways| self.claim(ways, &assertion.node, diagnostics)).collect()
    }

    fn claim(&self, ways: &Ways, node: &NodePath, diagnostics: &mut Diagnostics) -> Claim {
        let terrain = self.terrain;
        let from: Vec<Vertex> =
            ways.from.0.iter().flat_map(|it| terrain.anybody(it, node)).map(|it| vertex(it.from)).collect();
        let places = ways.to.0.iter().flat_map(|it| terrain.targets(it, node));
        let to: Vec<Vertex> =
            places.map(|place| Vertex::Workload { cluster: place.land, workload: place.index }).collect();
        let text = words(ways);
        let nobody = ways.from.0.iter().find(|it| terrain.anybody(it, node).is_empty());
        let nobody = nobody.or_else(|| ways.to.0.iter().find(|it| terrain.targets(it, node).is_empty()));
        if let Some(nobody) = nobody {
            return terrain.about_nobody("ways", text, nobody, diagnostics);
        }
        // A claim about nobody but itself holds whatever happens, which would prove nothing.
        if from.iter().all(|start| to.iter().all(|goal| goal == start)) {
            let because = format!("{} has nobody but itself to get to in {}", list(&ways.from.0), list(&ways.to.0));
            let verdict = Verdict::NotProved(Evidence { because, steps: Vec::new() });
            if let Some(to) = ways.to.0.first() {
                terrain.report(&verdict, (to.span, "nobody else is in it"), None, diagnostics);
            }
            return Claim { field: "ways", text, verdict };
        }
        let class = match ways.most.as_ref() {
            Some(Hardest::Network) => Class::Network,
            Some(Hardest::Identity) | None => Class::Identity,
            Some(Hardest::Exploit) => Class::Exploit,
        };
        let against = |may: bool| self.against(ways, node, (&from, &to), Allowed { class, may });
        let verdict = match against(false).map(|it| (it, true)).or_else(|| against(true).map(|it| (it, false))) {
            None => Verdict::Proved,
            Some(((because, path), sure)) => {
                let steps = path.steps.iter().map(|step| self.step(step)).collect();
                let perhaps = if sure { "" } else { "perhaps " };
                let evidence = Evidence { because: format!("{perhaps}{because}"), steps };
                if sure { Verdict::Broken(evidence) } else { Verdict::NotProved(evidence) }
            }
        };
        let span = ways.at_least.as_ref().map(|it| it.span).or(ways.via.as_ref().map(|it| it.span));
        let span = span.or(ways.to.0.first().map(|it| it.span));
        if let Some(span) = span {
            terrain.report(&verdict, (span, "an attacker gets there"), None, diagnostics);
        }
        Claim { field: "ways", text, verdict }
    }

    /// Finds the way that speaks against a claim.
    fn against(
        &self,
        ways: &Ways,
        node: &NodePath,
        (from, to): (&[Vertex], &[Vertex]),
        allowed: Allowed,
    ) -> Option<Against<'_, '_>> {
        let (first, last) = (list(&ways.from.0), list(&ways.to.0));
        if let Some(via) = &ways.via {
            let gates: Vec<Vertex> = self.terrain.anybody(via, node).into_iter().map(|it| vertex(it.from)).collect();
            let gates: Vec<Vertex> = gates.into_iter().filter(|it| !from.contains(it) && !to.contains(it)).collect();
            if let Some(path) = self.graph.shortest(from, to, allowed, &gates) {
                return Some((format!("a way from {first} to {last} goes around `{}`", via.value), path));
            }
            // Through there ways may lead; how long they are is another claim.
            ways.at_least.as_ref()?;
        }
        let path = self.graph.shortest(from, to, allowed, &[])?;
        match &ways.at_least {
            Some(least) if path.steps.len() >= least.value.0 as usize => None,
            Some(least) => Some((
                format!("a way from {first} to {last} takes {} steps, not {}", path.steps.len(), least.value.0),
                path,
            )),
            None => Some((format!("a way leads from {first} to {last}"), path)),
        }
    }

    fn step(&self, step: &crate::movement::paths::Step<'_, '_>) -> Step {
        let (port, decided) = match &step.by {
            Means::Call(to) => (Some(to.port), vec![step.kind.sentence().to_owned()]),
            Means::Edge(edge) => {
                let lines = edge.places.iter().map(|(_, what)| what.clone());
                (None, [step.kind.sentence().to_owned()].into_iter().chain(lines).collect())
            }
        };
        Step { from: self.name(step.from), to: self.name(step.to), port, request: None, decided, statement: None }
    }

    fn name(&self, vertex: &Vertex) -> String {
        vertex.called(self.graph.fleet())
    }
}

fn vertex(who: Who<'_>) -> Vertex {
    match who {
        Who::Pods(cluster, workload, _) => Vertex::Workload { cluster, workload },
        Who::Known(_, stranger) => Vertex::Identity(stranger.identity.clone()),
        Who::Outside(_) => Vertex::Internet,
    }
}

fn list<T: std::fmt::Display>(all: &[ringfence_compiler::source::Spanned<T>]) -> String {
    all.iter().map(|it| format!("`{}`", it.value)).collect::<Vec<_>>().join(", ")
}

/// Puts a claim into words.
fn words(ways: &Ways) -> String {
    let by = match ways.most {
        Some(Hardest::Network) => " by calls",
        Some(Hardest::Identity) | None => " by calls, identities and rights",
        Some(Hardest::Exploit) => " by any step",
    };
    let (from, to) = (list(&ways.from.0), list(&ways.to.0));
    match (&ways.at_least, &ways.via) {
        (Some(least), Some(via)) => {
            format!("every way from {from} to {to}{by} passes `{}` and takes {} steps", via.value, least.value.0)
        }
        (None, Some(via)) => format!("every way from {from} to {to}{by} passes `{}`", via.value),
        (Some(least), None) => format!("every way from {from} to {to}{by} takes {} steps", least.value.0),
        (None, None) => format!("no way from {from} to {to}{by}"),
    }
}
