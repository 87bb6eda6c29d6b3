//! `mesh/evaded-deny` and `mesh/open-to-plaintext`: rules about who calls, where a caller need not say who it is.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::requests::area::Area;

use super::idle::called;
use super::places::{Place, name};
use super::{Context, listed, quoted};
use crate::engine::{Chain, Enforced, Leaf, RuleRef, Test};
use crate::exact::{Certainty, Space, Verdict, areas};
use crate::glob::Glob;
use crate::istio::authorization::AuthorizationPolicy;
use crate::istio::peer_authentication::Mode;
use crate::request::Request;

/// What a caller keeps to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Its certificate.
    Identity,
    /// Its token.
    Token,
}

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let mut said: BTreeSet<RuleRef<'_>> = BTreeSet::new();
    for place in context.places.list.iter().filter(|place| !place.is_gateway && place.is_named) {
        for rule in &place.chain.deny {
            let kept = [Kept::Identity, Kept::Token].into_iter();
            let found = kept.filter_map(|kept| Some((kept, evading(place, rule, kept)?))).next();
            if let Some((kept, witness)) = found
                && said.insert(rule.origin)
            {
                report_deny(context, place, rule.origin, kept, &witness, diagnostics);
            }
        }
        for rule in place.chain.allow.iter().flatten() {
            if let Some(witness) = admitted_in_plaintext(place, rule)
                && said.insert(rule.origin)
            {
                report_allow(context, place, rule.origin, &witness, diagnostics);
            }
        }
    }
}

/// Finds a request that is admitted, and that a DENY rule would match if its caller said who it is.
fn evading(place: &Place<'_>, rule: &Enforced<RuleRef<'_>>, kept: Kept) -> Option<Request> {
    if kept == Kept::Identity && !place.mode.plaintext() || kept == Kept::Token && !place.arrivals.http {
        return None;
    }
    let positive = |test: &Test| !test.negated && test.leaves.iter().all(|leaf| is_about(leaf, kept));
    let strip = |lists: &[Vec<Test>]| -> Vec<Vec<Test>> {
        lists.iter().map(|tests| tests.iter().filter(|test| !positive(test)).cloned().collect()).collect()
    };
    if !rule.tests().any(positive) {
        return None;
    }
    // Where some alternative asks nothing about it, all that it matches is denied anyway.
    let stripped = Enforced { origin: rule.origin, sources: strip(&rule.sources), operations: strip(&rule.operations) };
    let nothing = Test { leaves: vec![Leaf::TokenOf(Glob::at_least(0), Glob::at_least(0))], negated: true };
    let tests = place.chain.rules().flat_map(Enforced::tests).chain([&nothing]);
    let space = Space::of(place.arrivals.clone(), tests, &[]);
    let verdict = Verdict::of(&space, &place.arrivals, &place.chain);
    let anonymous: Vec<Area> = match kept {
        Kept::Identity => vec![space.of_peer(None)],
        Kept::Token => space.holding(&[nothing]),
    };
    let within = areas(&space, &stripped);
    let within = within.iter().flat_map(|area| anonymous.iter().map(move |anonymous| area.and(anonymous)));
    let found = within.filter(|area| !area.is_empty()).find_map(|area| verdict.admitted(&area, Certainty::Surely));
    found.map(|(_, part)| space.request(&part))
}

fn is_about(leaf: &Leaf, kept: Kept) -> bool {
    match kept {
        Kept::Identity => matches!(leaf, Leaf::Peer(_)),
        Kept::Token => matches!(leaf, Leaf::TokenOf(..) | Leaf::Claim(..)),
    }
}

/// Finds a request of a caller without identity that is admitted by a rule which only says who may not call, and by no other.
fn admitted_in_plaintext(place: &Place<'_>, rule: &Enforced<RuleRef<'_>>) -> Option<Request> {
    if !place.mode.plaintext() {
        return None;
    }
    let identity = |test: &&Test| test.leaves.iter().any(|leaf| is_about(leaf, Kept::Identity));
    let only_negative = |tests: &Vec<Test>| {
        let mut about = tests.iter().filter(identity).peekable();
        about.peek().is_some() && about.all(|test| test.negated)
    };
    if !rule.sources.iter().any(only_negative) {
        return None;
    }
    let space = Space::of(place.arrivals.clone(), place.chain.rules().flat_map(Enforced::tests), &[]);
    let nobody = space.of_peer(None);
    let admitted = |chain: &Chain<RuleRef<'_>>, certainty| {
        let verdict = Verdict::of(&space, &place.arrivals, chain);
        let within = areas(&space, rule).into_iter().map(|area| area.and(&nobody));
        within.filter(|area| !area.is_empty()).find_map(|area| verdict.admitted(&area, certainty))
    };
    let others = place.chain.allow.iter().flatten().filter(|other| other.origin != rule.origin).cloned().collect();
    let rest = Chain { allow: Some(others), ..place.chain.clone() };
    if admitted(&rest, Certainty::Perhaps).is_some() {
        return None;
    }
    admitted(&place.chain, Certainty::Surely).map(|(_, part)| space.request(&part))
}

fn policy_of<'m>(place: &Place<'m>, rule: RuleRef<'_>) -> Option<&'m AuthorizationPolicy> {
    place.selected.iter().copied().find(|policy| name(policy) == (rule.namespace, rule.name))
}

/// Returns the ports at which a rule is enforced, as people call them.
fn where_enforced(context: &Context<'_>, place: &Place<'_>, rule: RuleRef<'_>) -> String {
    let same = context.places.list.iter().filter(|other| {
        !other.is_gateway && other.is_named && other.mode == place.mode && policy_of(other, rule).is_some()
    });
    let workloads = same.flat_map(|other| other.workloads.iter().map(|workload| quoted(workload)));
    listed(workloads)
}

fn in_mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Strict => "STRICT",
        Mode::Permissive => "PERMISSIVE",
        Mode::Disable => "DISABLE",
    }
}

fn report_deny(
    context: &Context<'_>,
    place: &Place<'_>,
    rule: RuleRef<'_>,
    kept: Kept,
    witness: &Request,
    diagnostics: &mut Diagnostics,
) {
    let span = policy_of(place, rule).and_then(|policy| policy.rules.get(rule.rule)).map(|rule| rule.span);
    let Some(span) = span else { return };
    let (how, label, help) = match kept {
        Kept::Identity => (
            "without a certificate",
            format!("mTLS is {} at {}", in_mode(place.mode), where_enforced(context, place, rule)),
            "ask for mTLS with a STRICT PeerAuthentication, or say with an ALLOW who may call",
        ),
        Kept::Token => (
            "without a token",
            format!("no token is asked for at {}", where_enforced(context, place, rule)),
            "deny `notRequestPrincipals: [\"*\"]` as well",
        ),
    };
    diagnostics.report(
        code::EVADED_DENY
            .at(span, format!("whoever comes {how} gets around {}", called(&rule)))
            .label(label)
            .help(format!("{help}; admitted is {witness}")),
    );
}

fn report_allow(
    context: &Context<'_>,
    place: &Place<'_>,
    rule: RuleRef<'_>,
    witness: &Request,
    diagnostics: &mut Diagnostics,
) {
    let span = policy_of(place, rule).and_then(|policy| policy.rules.get(rule.rule)).map(|rule| rule.span);
    let Some(span) = span else { return };
    let at = where_enforced(context, place, rule);
    diagnostics.report(
        code::OPEN_TO_PLAINTEXT
            .at(span, format!("{} admits callers without a certificate", called(&rule)))
            .label(format!("says only who may not call, and mTLS is {} at {at}", in_mode(place.mode)))
            .help(format!(
                "ask for mTLS with a STRICT PeerAuthentication, or name who may call; admitted is {witness}"
            )),
    );
}
