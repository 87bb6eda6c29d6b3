//! Who reaches a unit and which tokens it accepts, rule by rule.
//!
//! In: what was resolved. Out: [`Rule`]s in the order in which they decide, and [`Tokens`].

use ringfence_compiler::requests::RequestSet;
use ringfence_compiler::resolve::Resolved;
use ringfence_compiler::resolve::access::{Access, Bound, Grant, GrantKind};
use ringfence_compiler::resolve::authentication::Authentication;
use ringfence_compiler::resolve::statements::Origin;
use ringfence_compiler::resolve::world::World;
use ringfence_compiler::source::Sources;

use super::requests::Requests;
use super::view::Place;

/// A statement and what it does about some requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// What it does: `allow`, `default`, `always allow`, `deny`, `at most`, `never`.
    pub what: &'static str,
    /// About which requests.
    pub requests: Vec<Requests>,
    /// Whether it is only on trial.
    pub on_trial: bool,
    /// The statement.
    pub by: String,
    /// Its line.
    pub place: Place,
    /// The mandates that cut something off.
    pub clipped_by: Vec<(String, Place)>,
    /// Why.
    pub reason: Option<String>,
}

/// Which tokens are accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    /// Each issuer with the statement that accepts it.
    pub issuers: Vec<(String, String, Place)>,
    /// What demands that every request show a token.
    pub required: Option<(String, Place)>,
    /// The paths that need none.
    pub exempt: Vec<String>,
    /// Who else is asked, with what asks for it.
    pub external: Vec<(String, String, Place)>,
}

/// Returns every rule: grants first, then what takes away from them.
pub(super) fn rules(access: &Access, resolved: &Resolved<'_>, sources: &Sources) -> Vec<Rule> {
    let world = &resolved.world;
    let mut rules: Vec<Rule> = access
        .grants
        .iter()
        .map(|it| {
            let what = match it.kind {
                GrantKind::Floor => "always allow",
                GrantKind::Written => "allow",
                GrantKind::Default => "default",
            };
            grant(what, it, world, sources)
        })
        .collect();
    rules.extend(access.denies.iter().map(|it| grant("deny", it, world, sources)));
    for ceiling in &access.ceilings {
        let mut add = |what, set: &RequestSet| {
            rules.push(Rule { on_trial: ceiling.on_trial, ..rule(what, set, &ceiling.origin, world, sources) });
        };
        match &ceiling.bound {
            Bound::AtMost(most) => add("at most", most),
            Bound::Never(never) => {
                add("never", &never.callers);
                if !never.but.is_empty() {
                    add("let through", &never.but);
                }
            }
        }
    }
    rules
}

fn grant(what: &'static str, grant: &Grant, world: &World<'_>, sources: &Sources) -> Rule {
    let clipped = grant.clipped_by.iter();
    Rule {
        on_trial: grant.on_trial,
        clipped_by: clipped.map(|origin| (origin.id.clone(), Place::of(origin.span, sources))).collect(),
        reason: grant.reason.clone(),
        ..rule(what, &grant.set, &grant.origin, world, sources)
    }
}

fn rule(what: &'static str, set: &RequestSet, origin: &Origin, world: &World<'_>, sources: &Sources) -> Rule {
    Rule {
        what,
        requests: set.clauses().iter().map(|clause| Requests::of(clause, world)).collect(),
        on_trial: false,
        by: origin.id.clone(),
        place: Place::of(origin.span, sources),
        clipped_by: Vec::new(),
        reason: None,
    }
}

/// Returns which tokens are accepted.
pub(super) fn tokens(authentication: &Authentication, sources: &Sources) -> Tokens {
    let place = |origin: &Origin| Place::of(origin.span, sources);
    let issuers = authentication.issuers.iter();
    Tokens {
        issuers: issuers.map(|it| (it.issuer.clone(), it.origin.id.clone(), place(&it.origin))).collect(),
        required: authentication.required.as_ref().map(|origin| (origin.id.clone(), place(origin))),
        exempt: authentication.exempt.iter().map(ToString::to_string).collect(),
        external: authentication
            .external
            .iter()
            .map(|(name, origin)| (name.clone(), origin.id.clone(), place(origin)))
            .collect(),
    }
}
