//! What plain manifests get wrong, by what they do rather than by how they look.
//!
//! In: the clusters of a mesh and what else their manifests say. Out: diagnostics. Each check is a module, asks the model, and
//! reports the effect. A check that is not sure says nothing: a mesh that works has no findings.

mod ambient;
mod apart;
mod auto_passthrough;
mod bypassed;
mod evaded;
mod foreign_gateway;
mod foreign_host;
mod header;
mod idle;
mod idle_route;
mod left_out;
mod lost_delegate;
mod mixed_routes;
mod no_names;
mod nobody;
mod outside_names;
mod overriding;
mod past_sidecar;
pub mod places;
mod plaintext;
mod ports_left_out;
mod rights;
mod rival_listeners;
mod rival_routes;
mod rivals;
mod same_priority;
mod service_port;
mod shared_certificate;
mod tunnels;
mod unenforced;
mod unforced_egress;
mod unplaced;
mod waypoints;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::Workload;

use self::places::Places;
use crate::entrances::{Entrance, Entrances, Listening, Pods};
use crate::fleet::Fleet;
use crate::model::Model;
use crate::surroundings::Surroundings;

pub use idle::{idle, needless};

/// What a check may ask.
struct Context<'m> {
    fleet: &'m Fleet<'m>,
    cluster: usize,
    model: &'m Model<'m>,
    places: &'m Places<'m>,
    entrances: &'m Entrances,
    surroundings: &'m Surroundings,
}

/// Every check.
const CHECKS: &[fn(&Context<'_>, &mut Diagnostics)] = &[
    ambient::check,
    apart::check,
    auto_passthrough::check,
    bypassed::check,
    evaded::check,
    foreign_gateway::check,
    foreign_host::check,
    header::check,
    idle::check,
    idle_route::check,
    left_out::check,
    lost_delegate::check,
    mixed_routes::check,
    no_names::check,
    nobody::check,
    outside_names::check,
    overriding::check,
    past_sidecar::check,
    plaintext::check,
    ports_left_out::check,
    rights::check,
    rival_listeners::check,
    rival_routes::check,
    rivals::check,
    same_priority::check,
    service_port::check,
    shared_certificate::check,
    tunnels::check,
    unenforced::check,
    unforced_egress::check,
    unplaced::check,
    waypoints::check,
];

/// Reports what is found in each cluster.
pub fn check(models: &[Model<'_>], surroundings: &Surroundings, diagnostics: &mut Diagnostics) {
    let fleet = Fleet::of(models);
    for (cluster, model) in models.iter().enumerate() {
        let (places, entrances) = (Places::of(model), Entrances::at_hand(model));
        let context = Context { fleet: &fleet, cluster, model, places: &places, entrances: &entrances, surroundings };
        CHECKS.iter().for_each(|check| check(&context, diagnostics));
    }
}

/// How many names are written out before the rest is only counted.
const NAMED: usize = 6;

/// Joins names, each once and in their order: `a, b and 3 more`.
fn listed(names: impl IntoIterator<Item = String>) -> String {
    let mut list: Vec<String> = Vec::new();
    for name in names {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    let more = list.len().saturating_sub(NAMED);
    list.truncate(NAMED);
    let named = list.join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

/// Returns the name of a workload in backticks.
fn quoted(workload: &Workload) -> String {
    format!("`{}/{}`", workload.namespace, workload.name)
}

/// Tells whether pods are surely the same. Of those of whom nothing is known but that somebody means them, nobody can tell.
fn are_same(one: &Pods, other: &Pods) -> bool {
    one == other && !matches!(one, Pods::Unknown(labels) if labels.is_empty())
}

/// Tells whether two listeners are at one port of some pods.
fn is_at_one_port(one: &Entrance, other: &Entrance) -> bool {
    let shares = |ours: &Listening| {
        other.pods.iter().any(|theirs| are_same(&ours.pods, &theirs.pods) && ours.port == theirs.port)
    };
    one.pods.iter().any(shares)
}
