//! Monotony: a mandate and a deny only take away, a grant only adds.
//!
//! The one exception is documented: the first grant of a workspace or group about a workload replaces the default there.
//! So the law of grants is that everything but the default stays, and the default too where it was not in force or the
//! new grant is no replacement of it.

use proptest::prelude::*;

use super::examine::{Examined, Unit, examine, law, shown};
use super::generate::repository;
use super::meaning::Meaning;
use super::repository::*;
use super::universe::{shapes, universe};

/// Pairs the units of two repositories about the same workloads.
fn pairs<'e>(before: &'e Examined, after: &'e Examined) -> impl Iterator<Item = (&'e Unit, &'e Unit)> {
    before.units.iter().zip(&after.units).inspect(|(one, other)| {
        assert_eq!((&one.cluster, &one.name), (&other.cluster, &other.name));
    })
}

fn check_nothing_new(before: &Repository, after: &Repository, shapes: &Vec<usize>) -> Result<bool, TestCaseError> {
    let (one, other) = (examine(before), examine(after));
    if one.units.is_empty() || other.units.is_empty() {
        return Ok(false);
    }
    let requests = universe(before, shapes);
    for (old, new) in pairs(&one, &other) {
        for request in &requests {
            let widened = new.admits(request) && !old.admits(request);
            prop_assert!(!widened, "{request} at {}\n{}", new.name, shown(after));
        }
        let (old, new) = (&old.settings, &new.settings);
        for port in [8080, 9000, 7777] {
            let (old, new) = (old.mtls.value.at(port), new.mtls.value.at(port));
            prop_assert!(old.plaintext || !new.plaintext, "{}", shown(after));
        }
        prop_assert!(new.egress.value <= old.egress.value);
    }
    Ok(true)
}

#[test]
fn one_more_mandate_admits_nothing_new() {
    let strategy = (repository(), any::<prop::sample::Index>(), 0..4usize, shapes());
    law(128, 15, &strategy, |(repository, index, kind, shapes)| {
        // Of the mandates of a random repository one is taken away; to put it back admits nothing.
        let full = repository;
        let mut bare = full.clone();
        let held = |node: &&mut Node| [node.mandates.from.is_some(), node.mandates.at_most.is_some()][kind % 2];
        let mut held: Vec<&mut Mandates> = bare.nodes.iter_mut().filter(held).map(|node| &mut node.mandates).collect();
        match held.len() {
            0 => bare.zones.clear(),
            _ if kind < 1 => bare.zones.clear(),
            many if kind % 2 == 0 => held[index.index(many)].from = None,
            many => held[index.index(many)].at_most = None,
        }
        if mandates_are_alike(&bare, &full) || names_a_zone(&bare) {
            return Ok(false);
        }
        check_nothing_new(&bare, &full, &shapes)
    });
}

fn mandates_are_alike(one: &Repository, other: &Repository) -> bool {
    format!("{:?}{:?}", one.nodes, one.zones) == format!("{:?}{:?}", other.nodes, other.zones)
}

fn names_a_zone(repository: &Repository) -> bool {
    repository.zones.is_empty() && format!("{:?}", repository.accesses).contains("Zone(")
}

#[test]
fn one_more_deny_admits_nothing_new() {
    law(96, 12, &(repository(), any::<prop::sample::Index>(), shapes()), |(full, index, shapes)| {
        let mut bare = full.clone();
        let access = index.index(bare.accesses.len());
        if bare.accesses[access].deny.pop().is_none() {
            return Ok(false);
        }
        bare.accesses.retain(|access| !access.allow.is_empty() || !access.deny.is_empty());
        check_nothing_new(&bare, &full, &shapes)
    });
}

#[test]
fn one_more_grant_takes_nothing_but_a_default_away() {
    law(96, 12, &(repository(), any::<prop::sample::Index>(), shapes()), |(full, index, shapes)| {
        let mut bare = full.clone();
        let access = index.index(bare.accesses.len());
        if bare.accesses[access].allow.pop().is_none() {
            return Ok(false);
        }
        bare.accesses.retain(|access| !access.allow.is_empty() || !access.deny.is_empty());
        let (one, other) = (examine(&bare), examine(&full));
        if one.units.is_empty() || other.units.is_empty() {
            return Ok(false);
        }
        let (before, after, silent) = (Meaning::of(&bare), Meaning::of(&full), silent(&bare));
        let (silent, requests) = (Meaning::of(&silent), universe(&full, &shapes));
        for (old, new) in pairs(&one, &other) {
            let service = old.service(&bare);
            let replaced = before.unspoken(service) && !after.unspoken(service);
            for request in &requests {
                let lost = old.admits(request) && !new.admits(request);
                // What only the default admitted may go where the default does.
                let by_default = replaced && !silent.grants(service, request);
                prop_assert!(!lost || by_default, "{request} at {}\n{}", new.name, shown(&full));
            }
        }
        Ok(true)
    });
}

/// The same repository without defaults of access.
fn silent(repository: &Repository) -> Repository {
    let mut silent = repository.clone();
    silent.nodes.iter_mut().for_each(|node| node.defaults.within = None);
    silent
}
