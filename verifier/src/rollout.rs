//! Whether output can take the place of other output while neither controller applies it at once.
//!
//! In: policy, the files that are there, and those that were compiled. Out: [`Plan`]: what is open on the way that neither end opens,
//! what goes and opens something by going, and the next step by which nothing is. Mixtures of objects are looked at
//! ([`Mixtures`]), not orders: no order is relied on.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::compile::between::{Phase, between};
use ringfence_compiler::compile::{Compiled, is_object};
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::resolve::Resolved;
use ringfence_compiler::resolve::world::Cluster;

use crate::difference::{Difference, Kind, Mixtures, Opening};
use crate::fleet::Fleet;
use crate::model::Model;
use crate::policies::Policies;
use crate::translation;

/// How many objects that go are looked at one by one.
const MOST: usize = 50;

/// Texts by path.
pub type Files = BTreeMap<String, String>;

/// What a roll-out comes to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// What is open on the way to the new output and at neither end.
    pub openings: Vec<Opening>,
    /// Workloads, and clusters, of which that is not known: nobody may take it for safe.
    pub skipped: BTreeSet<String>,
    /// Files of objects that go, and how many pairs of a caller and a port gain by that alone.
    pub opening_prunes: BTreeMap<String, u64>,
    /// How many pairs gain when everything that goes is gone, where that is more than each opens by itself.
    pub together: Option<u64>,
    /// How many objects that go were not looked at.
    pub not_tried: usize,
    /// Kinds of objects that change and are not followed on the way.
    pub not_followed: BTreeSet<String>,
}

/// What to write next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The new output.
    Target,
    /// A step, after which there are more.
    Step(Phase, Files),
    /// Nothing: no step is safe, and why.
    Nothing(String),
}

/// Says what going straight from one output to the other comes to.
#[must_use]
pub fn plan(resolved: &Resolved<'_>, current: &Files, target: &Files) -> Plan {
    let mixtures = mixtures(resolved, current, target);
    let mut plan = Plan {
        openings: mixtures.openings,
        skipped: mixtures.skipped.into_iter().chain(mixtures.tiers).collect(),
        not_followed: not_followed(current, target),
        ..Plan::default()
    };
    let is_of_policy = |cluster: &&str| resolved.world.clusters.contains_key(*cluster);
    let of_none: BTreeSet<&str> = current.keys().filter_map(|path| cluster_of(path)).collect();
    let of_none = of_none.into_iter().filter(|cluster| !is_of_policy(cluster));
    plan.skipped.extend(of_none.map(|cluster| format!("cluster {cluster}, of which no policy is left")));
    // What cannot be read is not absent: without it the old end would look more open than it is.
    let unread = resolved.world.clusters.keys().filter(|cluster| {
        let mut said = Diagnostics::new();
        read(cluster, current, &mut said);
        said.has_errors()
    });
    plan.skipped.extend(unread.map(|cluster| format!("cluster {cluster}, of which something there cannot be read")));
    let goes = |path: &String| cluster_of(path).is_some_and(|it| is_of_policy(&it)) && !target.contains_key(path);
    let gone: BTreeSet<&String> = current.keys().filter(|path| goes(path)).collect();
    let gained = |gone: &BTreeSet<&String>| -> Option<u64> {
        let rest = current.iter().filter(|(path, _)| !gone.contains(path));
        let rest: Files = rest.map(|(path, text)| (path.clone(), text.clone())).collect();
        let (before, after) = (policies(resolved, current), policies(resolved, &rest));
        let difference =
            Difference::between(&Fleet::of(&models(resolved, &before)), &Fleet::of(&models(resolved, &after)));
        let kinds = [Kind::Gained, Kind::MayGain, Kind::Moved];
        difference.gains().then(|| kinds.into_iter().map(|kind| difference.count(kind)).sum())
    };
    plan.not_tried = gone.len().saturating_sub(MOST);
    for path in gone.iter().take(MOST) {
        plan.opening_prunes.extend(gained(&BTreeSet::from([*path])).map(|pairs| ((*path).clone(), pairs)));
    }
    if gone.len() > 1 {
        let apart: u64 = plan.opening_prunes.values().sum();
        plan.together = gained(&gone).filter(|pairs| *pairs > apart || plan.opening_prunes.is_empty());
    }
    plan
}

/// Returns what to write next so that nothing is open on the way that neither end opens.
#[must_use]
pub fn next(resolved: &Resolved<'_>, plan: &Plan, current: &Files, target: &Files) -> Next {
    if let Some(one) = plan.skipped.first() {
        let more = match plan.skipped.len() {
            1 => String::new(),
            all => format!(" and of {} more", all - 1),
        };
        return Next::Nothing(format!("what opens on the way is not known of {one}{more}"));
    }
    if plan.openings.is_empty() {
        return Next::Target;
    }
    let step = |phase| -> Result<Files, String> {
        let mut files = Files::new();
        for cluster in resolved.world.clusters.keys() {
            files.extend(between(cluster, phase, current, target)?);
        }
        Ok(files)
    };
    let mut from = current.clone();
    let mut first = None;
    for phase in [Phase::Restrict, Phase::Switch] {
        let to = match step(phase) {
            Ok(to) => to,
            Err(path) => {
                return Next::Nothing(format!("`{path}` restricts other pods than before under the same name"));
            }
        };
        if is_same(&from, &to) {
            continue;
        }
        if let Some(opening) = mixtures(resolved, &from, &to).openings.first() {
            return Next::Nothing(format!(
                "also on the way there `{}` of {} opens for a moment",
                opening.workload, opening.cluster
            ));
        }
        first.get_or_insert((phase, to.clone()));
        from = to;
    }
    if let Some(opening) = mixtures(resolved, &from, target).openings.first() {
        return Next::Nothing(format!(
            "also on the way from there `{}` of {} opens for a moment",
            opening.workload, opening.cluster
        ));
    }
    first.map_or_else(|| Next::Nothing("no step lies between".to_owned()), |(phase, files)| Next::Step(phase, files))
}

/// Returns the cluster whose object a file holds.
fn cluster_of(path: &str) -> Option<&str> {
    is_object(path).then(|| path.strip_prefix("clusters/")?.split('/').next()).flatten()
}

fn is_same(one: &Files, other: &Files) -> bool {
    let objects = |files: &'_ Files| -> BTreeMap<String, String> {
        files.iter().filter(|(path, _)| is_object(path)).map(|(path, text)| (path.clone(), text.clone())).collect()
    };
    objects(one) == objects(other)
}

fn mixtures(resolved: &Resolved<'_>, current: &Files, target: &Files) -> Mixtures {
    if is_same(current, target) {
        return Mixtures::default();
    }
    let (before, after) = (policies(resolved, current), policies(resolved, target));
    Mixtures::between(&models(resolved, &before), &models(resolved, &after))
}

/// Reads the policies of every cluster.
fn policies(resolved: &Resolved<'_>, files: &Files) -> BTreeMap<String, Policies> {
    // What cannot be read is said in the plan.
    let policies = |name: &&str| ((*name).to_owned(), read(name, files, &mut Diagnostics::new()));
    resolved.world.clusters.keys().map(policies).collect()
}

fn read(cluster: &str, files: &Files, said: &mut Diagnostics) -> Policies {
    let own = files.iter().filter(|(path, _)| cluster_of(path) == Some(cluster));
    let files = own.map(|(path, text)| (path.clone(), text.clone())).collect();
    translation::read(cluster, &Compiled { files, ..Compiled::default() }, said)
}

fn models<'m>(resolved: &'m Resolved<'_>, policies: &'m BTreeMap<String, Policies>) -> Vec<Model<'m>> {
    let clusters = resolved.world.clusters.iter();
    let model = |(name, cluster): (&&str, &'m Cluster<'_>)| {
        let cluster = Cluster { document: cluster.document, inventory: cluster.inventory };
        Some(Model::joining(cluster, policies.get(*name)?))
    };
    clusters.filter_map(model).collect()
}

/// The kinds that are followed.
const FOLLOWED: [&str; 4] = ["authorizationpolicy", "peerauthentication", "requestauthentication", "networkpolicy"];
/// Kinds that let nobody in.
const HARMLESS: [&str; 4] = ["telemetry", "validatingadmissionpolicy", "validatingadmissionpolicybinding", "sidecar"];

/// Returns the kinds of objects that are not the same and of which the way is not looked at.
fn not_followed(current: &Files, target: &Files) -> BTreeSet<String> {
    let paths: BTreeSet<&String> = current.keys().chain(target.keys()).filter(|path| is_object(path)).collect();
    let moved = paths.into_iter().filter(|path| current.get(*path) != target.get(*path));
    let kinds = moved.filter_map(|path| path.rsplit('/').next()?.split("--").nth(1));
    kinds.filter(|kind| !FOLLOWED.contains(kind) && !HARMLESS.contains(kind)).map(str::to_owned).collect()
}
