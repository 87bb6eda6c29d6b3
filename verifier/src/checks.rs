//! What plain manifests get wrong, by what they do rather than by how they look.
//!
//! In: the clusters of a mesh and what else their manifests say. Out: diagnostics. Each check is a module, asks the model, and
//! reports the effect. A check that is not sure says nothing: a mesh that works has no findings.

mod ambient;
mod apart;
mod bypassed;
mod evaded;
mod header;
mod idle;
mod nobody;
mod overriding;
pub mod places;
mod rivals;
mod same_priority;
mod unenforced;
mod unplaced;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::Workload;

use self::places::Places;
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
    surroundings: &'m Surroundings,
}

/// Every check.
const CHECKS: &[fn(&Context<'_>, &mut Diagnostics)] = &[
    ambient::check,
    apart::check,
    bypassed::check,
    evaded::check,
    header::check,
    idle::check,
    nobody::check,
    overriding::check,
    rivals::check,
    same_priority::check,
    unenforced::check,
    unplaced::check,
];

/// Reports what is found in each cluster.
pub fn check(models: &[Model<'_>], surroundings: &Surroundings, diagnostics: &mut Diagnostics) {
    let fleet = Fleet::of(models);
    for (cluster, model) in models.iter().enumerate() {
        let places = Places::of(model);
        let context = Context { fleet: &fleet, cluster, model, places: &places, surroundings };
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
