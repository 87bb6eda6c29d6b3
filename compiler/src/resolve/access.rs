//! Who reaches each unit: `(⋂ ceilings) ∩ (⋃ grants) ∖ (⋃ denies)`, with every floor inside.
//!
//! In: mandates, zones, Access statements, exceptions. Out: [`Access`] for each unit. A grant that leaves a ceiling is an
//! error with a request that shows it, unless it asks to be clipped; a default is clipped in silence and says so when
//! asked.

mod ceilings;
mod consent;
mod floors;
mod grants;

use std::collections::BTreeSet;

use rayon::prelude::*;

use self::floors::Floors;
use super::authentication::Authentication;
use super::fields::Words;
use super::interval::Statement;
use super::settings::Settings;
use super::statements::Origin;
use super::units::Unit;
use super::waivers::Waivers;
use super::world::World;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostic, Diagnostics, nearest};
use crate::requests::{Part, Request, RequestSet};
use crate::spec::reference::Reference;

pub use ceilings::{Barred, Bound, Ceiling};
pub use grants::{Grant, GrantKind};

/// Which units a statement is about.
pub(super) mod scope {
    pub(in crate::resolve) use super::grants::{in_node, own_services, units_of};
}

/// Who reaches a unit.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What bounds it, from the root down, then zones.
    pub ceilings: Vec<Ceiling>,
    /// What admits requests; what is outside a ceiling is cut off.
    pub grants: Vec<Grant>,
    /// What denies requests.
    pub denies: Vec<Grant>,
    /// Statements of its own workspace, where there is a default that holds as soon as none of them is left.
    pub keep_default_away: BTreeSet<Origin>,
}

impl Access {
    /// Returns the same access with other sets of requests; a grant or deny of which nothing is left is gone.
    #[must_use]
    pub fn mapped(&self, map: &impl Fn(&RequestSet) -> RequestSet) -> Self {
        let each = |grants: &[Grant]| {
            let mapped = grants.iter().map(|grant| Grant { set: map(&grant.set), ..grant.clone() });
            mapped.filter(|grant| !grant.set.is_empty()).collect()
        };
        Self {
            ceilings: self.ceilings.iter().map(|ceiling| ceiling.mapped(map)).collect(),
            grants: each(&self.grants),
            denies: each(&self.denies),
            keep_default_away: self.keep_default_away.clone(),
        }
    }

    /// Returns the union of what is granted and enforced, before denies.
    #[must_use]
    pub fn granted(&self) -> RequestSet {
        let enforced = self.grants.iter().filter(|grant| !grant.on_trial);
        RequestSet::from_clauses(enforced.flat_map(|grant| grant.set.clauses().iter().cloned()))
    }

    /// Returns the union of what is denied and enforced.
    #[must_use]
    pub fn denied(&self) -> RequestSet {
        let enforced = self.denies.iter().filter(|deny| !deny.on_trial);
        RequestSet::from_clauses(enforced.flat_map(|deny| deny.set.clauses().iter().cloned()))
    }
}

/// Works out who reaches each unit.
pub(super) fn resolve(
    world: &World<'_>,
    waivers: &Waivers<'_>,
    units: &[Unit<'_>],
    settings: &[Option<Settings>],
    authentications: &[Authentication],
    diagnostics: &mut Diagnostics,
) -> Vec<Access> {
    let rules = grants::Rules::read(world, units, diagnostics);
    let mandates = ceilings::Mandated::read(world, diagnostics);
    let floors = Floors::read(world, units, diagnostics);
    consent::check(world, units, rules.admissions().chain(floors.admissions()), diagnostics);
    let each = units.par_iter().enumerate().map(|(at, unit)| {
        let mut said = Diagnostics::new();
        let ceilings = mandates.at(unit, world, waivers, &mut said);
        let mut access = Access { ceilings, ..Access::default() };
        access.grants = floors.at(at, unit);
        for ceiling in &mut access.ceilings {
            ceiling.yield_to(&access.grants);
        }
        floors::check(&access, &mut said);
        let (written, denies) = rules.at(at, unit);
        access.denies = denies;
        access.keep_default_away = rules.speaking_against_default(world, at, unit);
        for grant in written.into_iter().chain(grants::default(world, unit, &rules, at, &mut said)) {
            access.grants.extend(bounded(grant, &access.ceilings, &mut said));
        }
        for ceiling in &mut access.ceilings {
            access.grants.iter_mut().for_each(|grant| ceiling.mark_used(grant));
        }
        check_denies(&access, &mut said);
        if let (Some(settings), Some(authentication)) =
            (settings.get(at).and_then(Option::as_ref), authentications.get(at))
        {
            check_trust_domains(world, &access, settings, &mut said);
            let domains: BTreeSet<String> = named_domains(&access).map(ToString::to_string).collect();
            waivers.mark_words(world, "trustDomains", unit, |word| domains.contains(word));
            waivers.mark_words(world, "jwt.issuers", unit, |word| authentication.accepts(word));
            check_issuers(&access, authentication, &mut said);
        }
        (access, said)
    });
    let mut resolved = Vec::new();
    for (access, said) in each.collect::<Vec<_>>() {
        resolved.push(access);
        diagnostics.append(said);
    }
    floors.try_out(units, &resolved, diagnostics);
    shared_accounts(world, units, diagnostics);
    resolved
}

/// Holds a grant against the ceilings: inside, clipped, or an error with both lines and a request. A default is clipped in
/// silence.
fn bounded(mut grant: Grant, ceilings: &[Ceiling], diagnostics: &mut Diagnostics) -> Option<Grant> {
    let default = grant.kind == GrantKind::Default;
    let mut suspended = BTreeSet::new();
    for ceiling in ceilings {
        let Some(witness) = ceiling.refuses(&grant.set) else { continue };
        if ceiling.suspends {
            grant.set = match ceiling.clip(&grant.set) {
                Ok(rest) => rest,
                // What is suspended may be less exact than what is bounded: floors are granted beside it.
                Err(_) => RequestSet::nothing(),
            };
            grant.clipped_by.push(ceiling.origin.clone());
            suspended.insert(ceiling.origin.clone());
            continue;
        }
        match (ceiling.on_trial, grant.clip) {
            (true, _) if default => {}
            (true, _) => {
                let trial = code::DRY_RUN_MANDATE
                    .at(grant.origin.span, format!("a grant leaves `{}`, which is on trial", ceiling.origin.id));
                diagnostics
                    .report(trial.label("will be refused").and(ceiling.origin.span, "on trial").help(shown(&witness)));
            }
            (false, true) => match ceiling.clip(&grant.set) {
                Ok(clipped) => {
                    grant.clipped_by.push(ceiling.origin.clone());
                    grant.set = clipped;
                }
                Err(reason) => {
                    diagnostics.report(unclipped(&grant, ceiling, reason));
                    return None;
                }
            },
            (false, false) => {
                diagnostics.report(widens(&grant, ceiling, &witness));
                return None;
            }
        }
    }
    for by in suspended.iter().filter(|_| !default) {
        let message = match grant.set.is_empty() {
            true => format!("this grant is suspended by `{}`", by.id),
            false => format!("a part of this grant is suspended by `{}`", by.id),
        };
        let suspended = code::SUSPENDED_GRANT.at(grant.origin.span, message).label("admits less than it says");
        diagnostics.report(suspended.and(by.span, "the quarantine").help("it is back when the zone is gone"));
    }
    if !grant.set.is_empty() {
        return Some(grant);
    }
    if !suspended.is_empty() {
        return None;
    }
    if let Some(by) = grant.clipped_by.first().filter(|_| !default) {
        let nothing = code::USELESS_CLIP.at(grant.origin.span, "nothing of this grant lies within the mandates");
        diagnostics.report(
            nothing
                .label("grants nothing")
                .and(by.span, "clipped by this")
                .help("grant something the mandate permits, or delete the grant"),
        );
    }
    None
}

/// Says that what a ceiling leaves of a grant cannot be written.
fn unclipped(grant: &Grant, ceiling: &Ceiling, reason: String) -> Diagnostic {
    let refused = crate::diagnostics::codes::lowering::INEXPRESSIBLE.at(grant.origin.span, reason);
    let help = match grant.kind {
        GrantKind::Default => "grant what is meant by name, so that the default ends",
        _ => "write in the grant which of it is meant, without `clip`",
    };
    refused.label("cannot be clipped").and(ceiling.origin.span, "to this").help(help)
}

/// Says that a grant leaves a ceiling.
fn widens(grant: &Grant, ceiling: &Ceiling, witness: &Request) -> Diagnostic {
    code::WIDENS_MANDATE
        .at(grant.origin.span, format!("a grant permits more than `{}` does", ceiling.origin.id))
        .label("outside the mandate")
        .and(ceiling.origin.span, ceiling.words())
        .help(format!(
            "{}; stay within, write `clip: true` to drop what is outside, or have an Exception approved",
            shown(witness)
        ))
}

/// Describes a request that shows a point.
fn shown(request: &Request) -> String {
    let who = request
        .identity
        .as_ref()
        .map_or_else(|| format!("{} without an identity", request.address), ToString::to_string);
    let what = format!("{} {}", request.method, request.path);
    let what = if what.trim().is_empty() { String::new() } else { format!(" `{}`", what.trim()) };
    format!("for one, `{who}` on port {}{what}", request.port)
}

/// Reports denies that cut into a floor, and grants of which denies leave nothing.
fn check_denies(access: &Access, diagnostics: &mut Diagnostics) {
    for deny in access.denies.iter().filter(|deny| !deny.on_trial) {
        for floor in access.grants.iter().filter(|grant| grant.kind == GrantKind::Floor) {
            if let Some(witness) = deny.set.meets(&floor.set) {
                diagnostics.report(
                    code::BELOW_FLOOR
                        .at(deny.origin.span, format!("a deny cuts into what `{}` demands", floor.origin.id))
                        .label("denies some of it")
                        .and(floor.origin.span, "must always be admitted")
                        .help(shown(&witness)),
                );
            }
        }
    }
    let denied = access.denied();
    if denied.is_empty() {
        return;
    }
    for grant in access.grants.iter().filter(|grant| grant.kind == GrantKind::Written && !grant.on_trial) {
        if grant.set.is_subset_of(&denied).is_ok() {
            let eaten =
                code::EATEN_GRANT.at(grant.origin.span, "denies leave nothing of this grant").label("admits nobody");
            let by = access.denies.iter().filter(|deny| !deny.on_trial && deny.set.meets(&grant.set).is_some());
            let eaten = by.fold(eaten, |eaten, deny| eaten.and(deny.origin.span, "denied here"));
            diagnostics.report(eaten.help("make the deny narrower, or delete the grant"));
        }
    }
}

/// Returns the trust domains of the callers that grants name.
fn named_domains(access: &Access) -> impl Iterator<Item = &Part> {
    let clauses = access.grants.iter().flat_map(|grant| grant.set.clauses());
    clauses.flat_map(|clause| clause.identities.patterns()).map(|pattern| &pattern.trust_domain)
}

fn check_trust_domains(world: &World<'_>, access: &Access, settings: &Settings, diagnostics: &mut Diagnostics) {
    let Words::Only(allowed) = &settings.trust_domains.value else { return };
    for grant in &access.grants {
        // Whoever is admitted without being asked for an identity may have one of any trust domain.
        let unasked = grant.set.clauses().iter().any(|clause| {
            clause.identities.is_any()
                && (clause.addresses.is_any() || clause.addresses.patterns().any(|net| world.may_be_pods(net)))
        });
        if unasked {
            let by = settings.trust_domains.ceilings.iter().find(|by| by.value != Words::All);
            let widens = code::WIDENS_MANDATE
                .at(grant.origin.span, "callers of any trust domain are admitted here")
                .label("outside the mandate");
            let widens =
                by.into_iter().fold(widens, |widens, by| widens.and(by.origin.span, "the trust domains that may"));
            diagnostics.report(
                widens
                    .help("name the callers; if these are addresses of no pods, list the `podCidrs` of every cluster"),
            );
        }
        for pattern in grant.set.clauses().iter().flat_map(|clause| clause.identities.patterns()) {
            let inside = matches!(&pattern.trust_domain, Part::Exactly(domain) if allowed.contains(domain));
            if inside {
                continue;
            }
            let leaves = |by: &&Statement<Words, Origin>| match (&by.value, &pattern.trust_domain) {
                (Words::Only(words), Part::Exactly(domain)) => !words.contains(domain),
                (words, _) => *words != Words::All,
            };
            let by = settings.trust_domains.ceilings.iter().find(leaves);
            let widens = code::WIDENS_MANDATE
                .at(
                    grant.origin.span,
                    format!("callers of trust domain `{}` may not be named here", pattern.trust_domain),
                )
                .label("outside the mandate");
            let widens =
                by.into_iter().fold(widens, |widens, by| widens.and(by.origin.span, "the trust domains that may"));
            diagnostics.report(widens.help("stay within the mandate, or have an Exception to it approved"));
        }
    }
}

fn check_issuers(access: &Access, authentication: &Authentication, diagnostics: &mut Diagnostics) {
    for grant in &access.grants {
        for issuer in grant.issuers.iter().filter(|issuer| !authentication.accepts(&issuer.value)) {
            let known: Vec<&str> = authentication.issuers.iter().map(|known| known.issuer.as_str()).collect();
            let unknown = code::UNKNOWN_ISSUER
                .at(issuer.span, format!("the workload does not accept tokens of `{}`", issuer.value));
            let unknown = unknown
                .label("never admits anybody")
                .help("add an Authentication for it at the workload's node or above");
            diagnostics.report(match nearest(&issuer.value, known) {
                Some(near) => unknown.help(format!("did you mean `{near}`?")),
                None => unknown,
            });
        }
    }
}

/// Reports identities that workloads of two services share: a grant to one is a grant to the other.
fn shared_accounts(world: &World<'_>, units: &[Unit<'_>], diagnostics: &mut Diagnostics) {
    let mut owners: std::collections::BTreeMap<(&str, &str, &str), Vec<&Unit<'_>>> = std::collections::BTreeMap::new();
    for unit in units {
        let accounts: BTreeSet<&str> =
            unit.workloads.iter().map(|workload| workload.service_account.as_str()).collect();
        for account in accounts {
            let Some(cluster) = world.clusters.get(unit.cluster) else { continue };
            let sharing = owners.entry((cluster.trust_domain(), unit.namespace, account)).or_default();
            if !sharing.iter().any(|other| other.services == unit.services) {
                sharing.push(unit);
            }
        }
    }
    for ((_, namespace, account), sharing) in owners {
        let [first, second, ..] = sharing.as_slice() else { continue };
        let (Some(one), Some(other)) = (first.workloads.first(), second.workloads.first()) else { continue };
        // Versions of one service that a Route divides requests among have to share it.
        let divided = |index: &usize| world.services.get(*index).is_some_and(|service| is_divided(world, service));
        if first
            .services
            .iter()
            .filter(|index| divided(index))
            .any(|index| sharing.iter().all(|unit| unit.services.contains(index)))
        {
            continue;
        }
        let names = sharing.iter().map(|unit| format!("`{}`", unit.name)).collect::<Vec<_>>().join(", ");
        diagnostics.report(
            code::SHARED_ACCOUNT
                .at(one.span, format!("{names} share service account `{namespace}/{account}`"))
                .label("one of them")
                .and(other.span, "another")
                .help("a mesh cannot tell them apart: what is granted to one is granted to all; give each its own account"),
        );
    }
}

/// Tells whether some Route is about a service of this name.
fn is_divided(world: &World<'_>, service: &super::world::Service<'_>) -> bool {
    world.parsed.policy.routes.iter().any(|route| match &route.spec.service.value {
        Reference::Short(name) | Reference::Service(_, name) => {
            *name == service.name && route.node.contains(&service.node)
        }
        _ => false,
    })
}
