//! Ceilings as DENY: what lies outside is denied by an object of its own, so that an ALLOW from elsewhere opens nothing.
//!
//! In: the ceilings at a unit. Out: DENY rules for their complement, as far as callers and ports say it. The finer part of a
//! ceiling (methods, paths) is kept by the merged ALLOW, which was proved to lie inside. Such rules have no HTTP field, so
//! they mean the same on every port.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Rules;
use crate::ir::{Origins, Rule, UnitPlan};
use crate::requests::{Field, IdentityPattern, RequestSet};
use crate::resolve::access::{Barred, Bound, Ceiling};
use crate::resolve::statements::Origin;

/// Complements that were written before; `None` where that was reported to be impossible.
pub(super) type Known = BTreeMap<RequestSet, Option<Vec<Rule>>>;

/// Returns the rules that deny what ceilings do not permit.
///
/// Whole namespaces have the same ceilings, so `known` keeps what was written before.
pub(super) fn denied(
    ceilings: &[Ceiling],
    on_trial: bool,
    known: &mut Known,
    rules: &mut Rules<'_, '_, '_>,
) -> Vec<Rule> {
    let mut denied: BTreeMap<Rule, BTreeSet<Origin>> = BTreeMap::new();
    for ceiling in ceilings.iter().filter(|ceiling| ceiling.on_trial == on_trial) {
        let written = match &ceiling.bound {
            Bound::AtMost(most) => known.get(most).cloned().unwrap_or_else(|| {
                let written = complement(&most.l4(), &ceiling.origin, rules);
                known.insert(most.clone(), written.clone());
                written
            }),
            Bound::Never(never) => barring(never, &ceiling.origin, rules),
        };
        for rule in written.into_iter().flatten() {
            let origins = denied.entry(rule).or_default();
            origins.insert(ceiling.origin.clone());
            // What an exception let through shapes the rule as much as the mandate does.
            origins.extend(ceiling.exceptions.iter().cloned());
        }
    }
    denied.into_iter().map(|(rule, origins)| Rule { origins, ..rule }).collect()
}

/// Writes the rules that keep callers out, whatever they send but what exceptions let through.
fn barring(never: &Barred, origin: &Origin, rules: &mut Rules<'_, '_, '_>) -> Option<Vec<Rule>> {
    let clauses = never.callers.clauses().iter();
    let identities: BTreeSet<IdentityPattern> =
        clauses.flat_map(|clause| clause.identities.patterns().cloned()).collect();
    if identities.is_empty() {
        return Some(Vec::new());
    }
    let principals = rules.principals(&Field::Only(identities), origin)?;
    let rest = complement(&never.but.l4(), origin, rules)?;
    Some(rest.into_iter().map(|rule| Rule { principals: principals.clone(), ..rule }).collect())
}

/// Who is permitted on some port: everyone, or these identities and addresses.
#[derive(Default)]
struct Permitted {
    everyone: bool,
    identities: BTreeSet<IdentityPattern>,
    addresses: BTreeSet<ipnet::IpNet>,
}

/// Writes "everything but this" for a set that asks nothing of HTTP: port by port, whoever is not permitted there.
fn complement(set: &RequestSet, origin: &Origin, rules: &mut Rules<'_, '_, '_>) -> Option<Vec<Rule>> {
    let named: BTreeSet<u16> = set.clauses().iter().flat_map(|clause| clause.ports.patterns().copied()).collect();
    let permitted = |port: Option<u16>| {
        let mut permitted = Permitted::default();
        for clause in set.clauses() {
            let here = match (&clause.ports, port) {
                (Field::Any, _) => true,
                (Field::Only(ports), Some(port)) => ports.contains(&port),
                (Field::Only(_), None) => false,
            };
            if !here {
                continue;
            }
            match (&clause.identities, &clause.addresses) {
                (Field::Any, Field::Any) => permitted.everyone = true,
                (Field::Only(identities), Field::Any) => permitted.identities.extend(identities.iter().cloned()),
                (Field::Any, Field::Only(addresses)) => permitted.addresses.extend(addresses.iter().copied()),
                // No statement asks for both; if one did, permitting each alone denies less, and the ALLOW stays exact.
                (Field::Only(identities), Field::Only(addresses)) => {
                    permitted.identities.extend(identities.iter().cloned());
                    permitted.addresses.extend(addresses.iter().copied());
                }
            }
        }
        permitted
    };
    let mut denied = Vec::new();
    let mut deny = |permitted: Permitted, ports: Vec<u16>, not_ports: Vec<u16>| {
        if permitted.everyone {
            return Some(());
        }
        let identities = Field::Only(permitted.identities).simplified();
        let not_principals = rules.principals(&identities, origin)?;
        let not_ip_blocks = permitted.addresses.iter().map(ToString::to_string).collect();
        denied.push(Rule { ports, not_ports, not_principals, not_ip_blocks, ..Rule::default() });
        Some(())
    };
    deny(permitted(None), Vec::new(), named.iter().copied().collect())?;
    for port in named {
        deny(permitted(Some(port)), vec![port], Vec::new())?;
    }
    Some(denied)
}

/// Takes what ceilings deny alike at every meshed unit out of the units: one object for the namespace, which also holds for
/// workloads that come later.
pub(super) fn shared(units: &mut [UnitPlan]) -> (Vec<Rule>, Vec<Rule>) {
    let mut shared = (Vec::new(), Vec::new());
    let alike = |pick: fn(&crate::ir::MeshPlan) -> &Vec<Rule>| {
        let mut lists = units.iter().filter_map(|unit| unit.mesh.as_ref()).map(pick);
        let mut all = lists.next()?.clone();
        for list in lists {
            if !means_the_same(&all, list) {
                return None;
            }
            for (rule, other) in all.iter_mut().zip(list) {
                rule.origins.extend(other.origins.iter().cloned());
            }
        }
        Some(all)
    };
    let (enforced, on_trial) = (alike(|mesh| &mesh.ceilings), alike(|mesh| &mesh.ceilings_on_trial));
    for mesh in units.iter_mut().filter_map(|unit| unit.mesh.as_mut()) {
        if enforced.is_some() {
            mesh.ceilings.clear();
        }
        if on_trial.is_some() {
            mesh.ceilings_on_trial.clear();
        }
    }
    shared.0.extend(enforced.into_iter().flatten());
    shared.1.extend(on_trial.into_iter().flatten());
    shared
}

/// Tells whether two lists deny the same, whatever they come from: an exception may be needed at one workload alone.
fn means_the_same(ours: &[Rule], theirs: &[Rule]) -> bool {
    let bare = |rule: &Rule| Rule { origins: Origins::new(), ..rule.clone() };
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(one, other)| bare(one) == bare(other))
}
