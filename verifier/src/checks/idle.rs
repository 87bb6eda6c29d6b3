//! `mesh/shadowed-rule` and `mesh/redundant-rule`: rules without which exactly the same requests are admitted.
//!
//! In: every place where a rule is enforced. Out: the rules that decide nothing ([`crate::idle`]), each with those that decide in
//! its stead. Rules of policies that also hold where nothing here knows what they do are never among them.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::places::{Places, PolicyName, name};
use super::{Context, listed};
use crate::engine::RuleRef;
use crate::idle::{Because, Found, Idle, find};
use crate::istio::authorization::{Action, AuthorizationPolicy};

/// Finds the rules that can all be taken away without a change, at any place, to what is admitted; and those of which nobody
/// knows.
#[must_use]
pub fn idle<'m>(places: &Places<'m>) -> Found<RuleRef<'m>> {
    // Two policies of one name are one too many, and nobody knows which of them counts.
    let mut twice: BTreeSet<PolicyName<'m>> = BTreeSet::new();
    for place in &places.list {
        let mut names = BTreeSet::new();
        twice.extend(place.selected.iter().map(|policy| name(policy)).filter(|name| !names.insert(*name)));
    }
    let may_go = |rule: RuleRef<'m>| {
        let policy = (rule.namespace, rule.name);
        !places.beyond.contains(&policy) && !twice.contains(&policy)
    };
    let sites: Vec<_> = places.list.iter().map(|place| (&place.chain, &place.arrivals)).collect();
    find(&sites, |rule, _| may_go(rule))
}

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let policies: BTreeMap<PolicyName<'_>, &AuthorizationPolicy> =
        context.model.policies().authorization.iter().map(|policy| (name(policy), policy)).collect();
    let Found { idle, long } = idle(context.places);
    let mut policies_of: BTreeMap<PolicyName<'_>, usize> = BTreeMap::new();
    for rule in &long {
        *policies_of.entry((rule.namespace, rule.name)).or_default() += 1;
    }
    for (policy, rules) in policies_of {
        if let Some(written) = policies.get(&policy) {
            let message =
                format!("AuthorizationPolicy `{}/{}` has rules that take too long to compare", policy.0, policy.1);
            let label = format!("whether {rules} of its rules decide anything is not known");
            let help = "nothing is said of them here; what they admit and deny is known all the same";
            diagnostics.report(code::NOT_COMPARED.at(written.span, message).label(label).help(help));
        }
    }
    let gone = needless(context.places, &context.model.policies().authorization, &idle);
    for idle in &idle {
        let policy = (idle.what.namespace, idle.what.name);
        if let Some(written) = policies.get(&policy) {
            report(idle, written, gone.contains(&policy), &policies, diagnostics);
        }
    }
}

/// Returns the policies that can go as a whole, beside all rules that are idle.
#[must_use]
pub fn needless<'m>(
    places: &Places<'_>,
    policies: &'m [AuthorizationPolicy],
    idle: &[Idle<RuleRef<'_>>],
) -> BTreeSet<PolicyName<'m>> {
    let mut gone: BTreeSet<PolicyName<'m>> = BTreeSet::new();
    for policy in policies.iter().filter(|policy| !policy.rules.is_empty()) {
        let of_it = idle.iter().filter(|idle| (idle.what.namespace, idle.what.name) == name(policy));
        if of_it.count() == policy.rules.len() && can_go(places, policy, &gone) {
            gone.insert(name(policy));
        }
    }
    gone
}

/// Tells whether a policy without rules may go as well: the last ALLOW of a workload must not, for then everything is admitted.
fn can_go(places: &Places<'_>, policy: &AuthorizationPolicy, gone: &BTreeSet<PolicyName<'_>>) -> bool {
    let stays = |other: &AuthorizationPolicy| {
        other.action == Action::Allow && !other.dry_run && name(other) != name(policy) && !gone.contains(&name(other))
    };
    let mut its_own =
        places.list.iter().filter(|place| place.selected.iter().any(|selected| name(selected) == name(policy)));
    policy.action == Action::Deny || its_own.all(|place| place.selected.iter().any(|other| stays(other)))
}

fn report(
    idle: &Idle<RuleRef<'_>>,
    policy: &AuthorizationPolicy,
    is_whole: bool,
    policies: &BTreeMap<PolicyName<'_>, &AuthorizationPolicy>,
    diagnostics: &mut Diagnostics,
) {
    let Some(rule) = policy.rules.get(idle.what.rule) else { return };
    let at = called(&idle.what);
    let (code, message, label) = match idle.because {
        Because::Denied => (&code::SHADOWED_RULE, format!("{at} admits nothing"), "all that it matches is denied"),
        Because::Admitted => (
            &code::REDUNDANT_RULE,
            format!("{at} admits nothing that others do not"),
            "the same is admitted without it",
        ),
        Because::Refused => {
            (&code::REDUNDANT_RULE, format!("{at} denies nothing that others do not"), "the same is denied without it")
        }
        Because::Unadmitted => {
            (&code::REDUNDANT_RULE, format!("{at} denies what nothing admits"), "no ALLOW rule admits any of it")
        }
        Because::Nothing => (&code::REDUNDANT_RULE, format!("{at} matches no request"), "no request is such"),
    };
    let mut found = code.at(rule.span, message).label(label);
    let others = idle.instead.iter().filter_map(|other| {
        let policy = policies.get(&(other.namespace, other.name))?;
        Some((policy.rules.get(other.rule)?.span, policy.action, called(other)))
    });
    let others: Vec<_> = others.collect();
    for (span, action, called) in others.iter().take(3) {
        let words = match (action, idle.because) {
            (Action::Deny, _) => format!("denied by {called}"),
            (_, Because::Unadmitted) => format!("all that {called} admits is something else"),
            _ => format!("admitted by {called}"),
        };
        found = found.and(*span, words);
    }
    let further = listed(others.iter().skip(3).map(|(_, _, called)| called.clone()));
    let further = if further.is_empty() { String::new() } else { format!("; and so do {further}") };
    let help = match (idle.because, is_whole, policy.action) {
        (Because::Denied, ..) => "narrow what denies it, or remove the rule",
        (_, true, _) => "the whole policy can go: nothing changes without it",
        (_, false, Action::Allow) if policy.rules.len() == 1 => {
            "empty the policy, and keep it: without any ALLOW policy everything is admitted"
        }
        _ => "it can go: nothing changes without it at any workload at hand",
    };
    diagnostics.report(found.help(format!("{help}{further}")));
}

/// Returns what a rule is called: `rule 2 of AuthorizationPolicy `shop/db``.
pub(super) fn called(rule: &RuleRef<'_>) -> String {
    format!("rule {} of AuthorizationPolicy `{}/{}`", rule.rule + 1, rule.namespace, rule.name)
}
