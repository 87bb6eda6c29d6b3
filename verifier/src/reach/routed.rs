//! By a route at a waypoint: who calls one Service is sent to another, by a proxy that is neither.
//!
//! In: a caller with an identity, a port, and what is asked for. Out: each [`Routed`] way, which is never sure: whether the waypoint goes
//! by the route depends on its version, on who wrote the route and where, and on what it changes. Nothing is said where policies or
//! the network surely stop it on either stretch.

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::source::Span;

use super::proxy::{Question, ask};
use super::waypoint::{Hop, Passed, passed};
use super::{Answer, Asked, Caller, Decider, Detail, Gate, Reach, explain};
use crate::engine::envoy::Reads;
use crate::engine::{Chain, Enforced, Test};
use crate::entrances::{Detour, Entrances};
use crate::exact::Arrivals;
use crate::model::{Before, Model, Stranger};
use crate::request::Identity;
use crate::routing::Named;
use crate::waypoints::used_by;

/// A way by a route at a waypoint.
#[derive(Debug)]
pub struct Routed<'e> {
    /// The route.
    pub route: &'e Named,
    /// Its rule: the position, and where it was written.
    pub rule: (usize, Span),
    /// What the hops to the waypoint, and past it, say.
    pub passed: Passed<'e>,
    /// The answer: that it may be.
    pub reach: Reach,
}

impl<'e> Routed<'e> {
    /// Returns the same as an answer about the workload.
    #[must_use]
    pub fn answer(self) -> Answer<'e> {
        let unsure = Gate::Unsure(Decider::NotModelled("routes at a waypoint"));
        let by = format!("{} at waypoint {}", self.route, self.passed.waypoint);
        Answer { by: Some(by), ..Answer::before(unsure, Gate::Open(Decider::Nobody)) }
    }
}

/// Finds every way by a route at a waypoint to a port that something may take.
#[must_use]
pub fn routed<'e>(
    model: &'e Model<'e>,
    entrances: &'e Entrances,
    (to, port): (&'e Workload, u16),
    from: Caller<'e>,
    asked: &Asked,
) -> Vec<Routed<'e>> {
    let mut here = model.cluster().inventory.workloads_in(&to.namespace);
    let Some((at, _)) = here.find(|(_, one)| std::ptr::eq(*one, to)) else { return Vec::new() };
    let detours = entrances.detours_to(at, port);
    if detours.is_empty() || from.identity(model).is_none() {
        return Vec::new();
    }
    let one = |detour: &'e Detour| {
        let hops = hops(model, detour).into_iter().filter(|hop| is_about(model, detour, hop, from, asked));
        hops.filter_map(move |hop| way(model, detour, &hop, (to, port), from, asked)).collect::<Vec<_>>()
    };
    detours.iter().flat_map(one).collect()
}

/// Finds the waypoint of the Service that is called, once for each port of it.
fn hops<'e>(model: &'e Model<'e>, detour: &'e Detour) -> Vec<Hop<'e>> {
    let inventory = model.cluster().inventory;
    let (namespace, name) = (detour.service.0.as_str(), detour.service.1.as_str());
    let found = inventory.services_in(namespace).iter().find(|it| it.name == name && !it.is_entry);
    let Some(service) = found else { return Vec::new() };
    let Some(named) = used_by(&service.labels, inventory.namespaces.get(namespace), namespace) else {
        return Vec::new();
    };
    let mut waypoints = model.policies().waypoints.iter();
    let waypoint = waypoints.find(|it| it.namespace == named.namespace && it.name == named.name);
    if waypoint.is_some_and(|it| !it.serves_services || !it.lets(namespace, model).may()) {
        return Vec::new();
    }
    let ports = service.ports.iter().filter(|front| detour.port.is_none_or(|port| port == front.port));
    let hop = |front: &ringfence_compiler::inventory::ServicePort| {
        let reads = Reads::of(front.protocol.as_ref().map(|said| said.value));
        Hop { named, waypoint, service: Some(service), port: front.port, reads }
    };
    ports.map(hop).collect()
}

/// Tells whether the rule may be about what is asked for.
fn is_about(model: &Model<'_>, detour: &Detour, hop: &Hop<'_>, from: Caller<'_>, asked: &Asked) -> bool {
    if detour.matches.is_empty() || !hop.reads.contains(&Reads::Http) {
        return true;
    }
    let operations: Vec<Vec<Test>> = detour.matches.clone();
    let rule = Enforced { origin: (), sources: vec![Vec::new()], operations };
    let chain = Chain { allow: Some(vec![rule]), ..Chain::default() };
    let arrivals = Arrivals { http: true, mtls: true, plaintext: false, ..Arrivals::anything(hop.port) };
    let question = Question::of(model, from, asked, Detail::default());
    ask(&chain, &arrivals, &question).told.reach() != Reach::Denied
}

fn way<'e>(
    model: &'e Model<'e>,
    detour: &'e Detour,
    hop: &Hop<'e>,
    (to, port): (&'e Workload, u16),
    from: Caller<'e>,
    asked: &Asked,
) -> Option<Routed<'e>> {
    let passed = passed(model, from, (to, port), asked, &[], hop);
    let near = passed.before.iter().chain([&passed.policies]).map(Gate::reach).min()?;
    let onward = match (model.before(to, port), hop.waypoint) {
        (Before::Ztunnel, _) => passed.after.iter().map(Gate::reach).chain([passed.ztunnel]).min()?,
        (_, None) => Reach::Depends,
        (_, Some(waypoint)) => {
            let identity = Identity::new(model.cluster().trust_domain(), &waypoint.namespace, &waypoint.account);
            let name = format!("{}/{}", waypoint.namespace, waypoint.name);
            let pods = Stranger { name, identity, labels: None };
            explain(model, Caller::Stranger(&pods), (to, port), &Asked::anything(), Detail::default()).reach()
        }
    };
    let reach = near.min(onward).min(Reach::Depends);
    let passed = Passed { ztunnel: onward, reach, ..passed };
    (reach != Reach::Denied).then_some(Routed { route: &detour.route, rule: detour.rule, passed, reach })
}
