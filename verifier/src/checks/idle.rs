//! `mesh/shadowed-rule` and `mesh/redundant-rule`: rules without which exactly the same requests are admitted.
//!
//! In: every place where a rule is enforced. Out: [`Idle`] rules, which can all be taken away together, and for each those that
//! decide in its stead. Rules that ask what no file tells, and rules of policies that also hold where nothing here knows what
//! they do, are never among them; nor are rules that take too long to compare.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::requests::area::{Area, escape_within};

use super::places::{Place, Places, PolicyName, name};
use super::{Context, listed};
use crate::engine::{Enforced, Leaf, RuleRef};
use crate::exact::{Certainty, Space, Verdict, areas};
use crate::istio::authorization::{Action, AuthorizationPolicy};

/// A rule that decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle<'m> {
    /// The rule.
    pub rule: RuleRef<'m>,
    /// Why.
    pub because: Because,
    /// The rules that decide what it matches.
    pub instead: Vec<RuleRef<'m>>,
}

/// Why a rule decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// It matches no request.
    Nothing,
    /// It admits what is denied.
    Denied,
    /// It admits what others admit or deny.
    Admitted,
    /// It denies what others deny.
    Refused,
    /// It denies what nothing admits.
    Unadmitted,
}

/// A place, the space in which its rules are told apart, and what each of them says: surely, and perhaps.
struct Told<'p, 'm> {
    place: &'p Place<'m>,
    space: Space,
    sides: [Side<'m>; 2],
}

/// What arrives at a place and each of its rules matches.
struct Matched<'m> {
    deny: Vec<(RuleRef<'m>, Vec<Area>)>,
    allow: Vec<(RuleRef<'m>, Vec<Area>)>,
}

/// What rules say with one certainty.
struct Side<'m> {
    granted: Vec<(RuleRef<'m>, Area)>,
    denied: Vec<(RuleRef<'m>, Area)>,
    /// What is open because nobody has to admit it.
    open: Vec<Area>,
    /// What is refused by no rule that is judged here: providers asked, and what cannot be.
    refused: Vec<Area>,
}

/// Finds the rules that can all be taken away without a change, at any place, to what is admitted.
#[must_use]
pub fn idle<'m>(places: &Places<'m>) -> Vec<Idle<'m>> {
    judged(places).0
}

/// Finds them, and the rules of which nobody knows because comparing them takes too long.
fn judged<'m>(places: &Places<'m>) -> (Vec<Idle<'m>>, BTreeSet<RuleRef<'m>>) {
    let told: Vec<Told<'_, 'm>> = places.list.par_iter().map(Told::of).collect();
    let alone: Vec<Vec<(RuleRef<'m>, Option<bool>)>> = told.par_iter().map(Told::judge).collect();
    let mut judged: BTreeMap<RuleRef<'m>, bool> = BTreeMap::new();
    let mut long = BTreeSet::new();
    for (rule, is_idle) in alone.into_iter().flatten() {
        *judged.entry(rule).or_insert(true) &= is_idle != Some(false);
        if is_idle.is_none() {
            long.insert(rule);
        }
    }
    // What decides somewhere decides, however long it takes elsewhere.
    long.retain(|rule| judged.get(rule) == Some(&true));
    let judgeable = |rule: &RuleRef<'m>| !places.beyond.contains(&(rule.namespace, rule.name));
    let candidates: Vec<RuleRef<'m>> = judged
        .into_iter()
        .filter(|(rule, is_idle)| *is_idle && judgeable(rule) && !long.contains(rule))
        .map(|(rule, _)| rule)
        .collect();
    // Of two that stand for each other the first stays.
    let mut gone: BTreeSet<RuleRef<'m>> = BTreeSet::new();
    for rule in candidates.into_iter().rev() {
        if told.iter().all(|told| told.is_idle(rule, &gone) == Some(true)) {
            gone.insert(rule);
        }
    }
    if gone.is_empty() {
        return (Vec::new(), long);
    }
    let matched: Vec<Matched<'m>> = told.par_iter().map(Told::matched).collect();
    let gone: Vec<_> = gone.iter().map(|rule| explained(&matched, *rule, &gone)).collect();
    (gone, long)
}

impl<'m> Side<'m> {
    fn of(place: &Place<'m>, space: &Space, certainty: Certainty) -> Self {
        let (chain, verdict) = (&place.chain, Verdict::of(space, &place.arrivals, &place.chain));
        let (mut granted, mut open) = (Vec::new(), Vec::new());
        for (at, area) in verdict.grants(certainty) {
            match at.and_then(|at| chain.allow.as_ref()?.get(at)) {
                Some(rule) => granted.push((rule.origin, area)),
                None => open.push(area),
            }
        }
        let denied = verdict.denials(certainty).into_iter();
        let denied = denied.filter_map(|(at, area)| Some((chain.deny.get(at)?.origin, area))).collect();
        Self { granted, denied, open, refused: verdict.other_refusals(certainty) }
    }
}

impl<'p, 'm> Told<'p, 'm> {
    fn of(place: &'p Place<'m>) -> Self {
        let space = Space::of(place.arrivals.clone(), place.chain.rules().flat_map(Enforced::tests), &[]);
        let sides = [Certainty::Surely, Certainty::Perhaps].map(|certainty| Side::of(place, &space, certainty));
        Self { place, space, sides }
    }

    /// Says of each rule whether it is idle by itself.
    fn judge(&self) -> Vec<(RuleRef<'m>, Option<bool>)> {
        let chain = &self.place.chain;
        // Two policies of one name are one too many, and nobody knows which of them counts.
        let names: Vec<PolicyName<'_>> = self.place.selected.iter().map(|policy| name(policy)).collect();
        let is_single =
            |rule: &RuleRef<'_>| names.iter().filter(|name| **name == (rule.namespace, rule.name)).count() == 1;
        let rules = chain.deny.iter().chain(chain.allow.iter().flatten());
        let known = |rule: &Enforced<RuleRef<'m>>| {
            is_single(&rule.origin)
                && !rule.tests().flat_map(|test| &test.leaves).any(|leaf| matches!(leaf, Leaf::Unknown(_)))
        };
        let judge = |rule: &Enforced<RuleRef<'m>>| match known(rule) {
            true => self.is_idle(rule.origin, &BTreeSet::new()),
            false => Some(false),
        };
        rules.map(|rule| (rule.origin, judge(rule))).collect()
    }

    /// Tells whether the same is admitted without a rule, where others are gone already; `None` where it takes too long.
    fn is_idle<'s>(&'s self, rule: RuleRef<'m>, gone: &BTreeSet<RuleRef<'m>>) -> Option<bool> {
        all(self.sides.iter().map(|side| {
            let stays = |of: &&(RuleRef<'m>, Area)| of.0 != rule && !gone.contains(&of.0);
            // Where there are many rules most areas do not meet, and none is copied to find that out.
            let others = |list: &'s [(RuleRef<'m>, Area)]| list.iter().filter(stays).map(|(_, area)| area);
            let ours = |list: &'s [(RuleRef<'m>, Area)]| list.iter().filter(|of| of.0 == rule).map(|(_, area)| area);
            let denied = || others(&side.denied).chain(&side.refused);
            // What a DENY rule refuses has to be refused by others, or admitted by none.
            let refusing: Vec<&Area> = ours(&side.denied).collect();
            if !refusing.is_empty() {
                let granted = others(&side.granted).chain(&side.open);
                let both = granted.flat_map(|granted| refusing.iter().map(move |ours| (granted, *ours)));
                let both = both.filter(|(granted, ours)| granted.meets(ours));
                return all(both.map(|(granted, ours)| is_covered(&granted.and(ours), denied())));
            }
            // What an ALLOW rule admits has to be refused, or admitted by others.
            all(ours(&side.granted).map(|area| is_covered(area, denied().chain(others(&side.granted)))))
        }))
    }

    /// Returns what arrives and each rule matches.
    fn matched(&self) -> Matched<'m> {
        let arriving = self.space.arriving(&self.place.arrivals);
        let matched = |rule: &Enforced<RuleRef<'m>>| {
            let areas = areas(&self.space, rule);
            let both = areas.iter().flat_map(|area| arriving.iter().map(move |arriving| area.and(arriving)));
            (rule.origin, both.filter(|area| !area.is_empty()).collect::<Vec<Area>>())
        };
        let chain = &self.place.chain;
        Matched {
            deny: chain.deny.iter().map(matched).collect(),
            allow: chain.allow.iter().flatten().map(matched).collect(),
        }
    }
}

/// How many steps one comparison may take. What takes more is said to decide something: silence is what costs nobody anything.
const STEPS: usize = 1_000;

fn is_covered<'a>(area: &Area, by: impl Iterator<Item = &'a Area>) -> Option<bool> {
    escape_within(area, by, STEPS).map(|part| part.is_none())
}

/// Tells whether all hold: one that does not is enough to know, and else each has to be known.
fn all(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for one in each {
        match one {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}

/// Says why a rule is idle, and what decides instead, over all places.
fn explained<'m>(matched: &[Matched<'m>], rule: RuleRef<'m>, gone: &BTreeSet<RuleRef<'m>>) -> Idle<'m> {
    let (mut because, mut instead) = (BTreeSet::new(), BTreeSet::new());
    for matched in matched {
        let stays = |of: &&(RuleRef<'m>, Vec<Area>)| of.0 != rule && !gone.contains(&of.0);
        let denying: Vec<_> = matched.deny.iter().filter(stays).collect();
        let allowing: Vec<_> = matched.allow.iter().filter(stays).collect();
        let of = |rules: &'_ [(RuleRef<'m>, Vec<Area>)]| rules.iter().find(|of| of.0 == rule).map(|of| of.1.clone());
        if let Some(ours) = of(&matched.allow) {
            if ours.is_empty() {
                continue;
            }
            if let Some(by) = cover(&ours, &denying) {
                because.insert(Because::Denied);
                instead.extend(by);
            } else {
                because.insert(Because::Admitted);
                let all: Vec<_> = allowing.into_iter().chain(denying).collect();
                instead.extend(cover(&ours, &all).unwrap_or_default());
            }
        } else if let Some(ours) = of(&matched.deny) {
            if ours.is_empty() {
                continue;
            }
            if let Some(by) = cover(&ours, &denying) {
                because.insert(Because::Refused);
                instead.extend(by);
            } else {
                because.insert(Because::Unadmitted);
                instead.extend(allowing.into_iter().map(|(origin, _)| origin));
            }
        }
    }
    let because = match (because.len(), because.first(), because.last()) {
        (0, ..) => Because::Nothing,
        // What is denied at one place and admitted by others at another is both.
        (2.., Some(Because::Denied), _) => Because::Admitted,
        (_, _, last) => last.copied().unwrap_or(Because::Nothing),
    };
    Idle { rule, because, instead: instead.into_iter().collect() }
}

/// Returns rules that together match all of an area: one where one will do.
fn cover<'m>(ours: &[Area], others: &[&(RuleRef<'m>, Vec<Area>)]) -> Option<Vec<RuleRef<'m>>> {
    let meets = |areas: &[Area]| areas.iter().any(|area| ours.iter().any(|ours| ours.meets(area)));
    let others: Vec<_> = others.iter().filter(|(_, areas)| meets(areas)).collect();
    let covers = |areas: &[&Area]| all(ours.iter().map(|area| is_covered(area, areas.iter().copied()))) == Some(true);
    if let Some((single, _)) = others.iter().find(|(_, areas)| covers(&areas.iter().collect::<Vec<_>>())) {
        return Some(vec![*single]);
    }
    let together: Vec<&Area> = others.iter().flat_map(|(_, areas)| areas).collect();
    covers(&together).then(|| others.iter().map(|(origin, _)| *origin).collect())
}

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let policies: BTreeMap<PolicyName<'_>, &AuthorizationPolicy> =
        context.model.policies().authorization.iter().map(|policy| (name(policy), policy)).collect();
    let (idle, long) = judged(context.places);
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
        let policy = (idle.rule.namespace, idle.rule.name);
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
    idle: &[Idle<'_>],
) -> BTreeSet<PolicyName<'m>> {
    let mut gone: BTreeSet<PolicyName<'m>> = BTreeSet::new();
    for policy in policies.iter().filter(|policy| !policy.rules.is_empty()) {
        let of_it = idle.iter().filter(|idle| (idle.rule.namespace, idle.rule.name) == name(policy));
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
    idle: &Idle<'_>,
    policy: &AuthorizationPolicy,
    is_whole: bool,
    policies: &BTreeMap<PolicyName<'_>, &AuthorizationPolicy>,
    diagnostics: &mut Diagnostics,
) {
    let Some(rule) = policy.rules.get(idle.rule.rule) else { return };
    let at = called(&idle.rule);
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
