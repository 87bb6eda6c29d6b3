//! What decides nothing: rules and statements without which exactly the same requests are admitted.
//!
//! In: every place where something is enforced, and what may be judged. Out: [`Idle`] ones, which can all be taken away together,
//! and for each those that decide in its stead. What asks what no file tells is never among them; nor is what takes too long to
//! compare. It knows neither objects nor policy: `checks` asks it about rules, [`redundant`](crate::redundant) about statements.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ringfence_compiler::requests::area::{Area, escape_within};

use crate::engine::{Chain, Enforced, Leaf};
use crate::exact::{Arrivals, Certainty, Space, Verdict, areas};

/// What decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle<O> {
    /// The rule, or the statement.
    pub what: O,
    /// Why.
    pub because: Because,
    /// What decides in its stead.
    pub instead: Vec<O>,
}

/// Why it decides nothing.
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

/// Where something is enforced: what is asked there, and what can arrive.
pub type Site<'p, O> = (&'p Chain<O>, &'p Arrivals);

/// A site, and what each of its rules says there: surely, and perhaps.
struct Told<'p, O> {
    chain: &'p Chain<O>,
    arrivals: &'p Arrivals,
    space: Space,
    sides: [Side<O>; 2],
}

/// What arrives at a site and each of its rules matches.
struct Matched<O> {
    deny: Vec<(O, Vec<Area>)>,
    allow: Vec<(O, Vec<Area>)>,
}

/// What rules say with one certainty.
struct Side<O> {
    granted: Vec<(O, Area)>,
    denied: Vec<(O, Area)>,
    /// What is open because nobody has to admit it.
    open: Vec<Area>,
    /// What is refused by no rule that is judged here: providers asked, and what cannot be.
    refused: Vec<Area>,
}

/// What was found.
pub struct Found<O> {
    /// What can all be taken away without a change, at any site, to what is admitted.
    pub idle: Vec<Idle<O>>,
    /// Of what nobody knows because comparing it takes too long.
    pub long: BTreeSet<O>,
}

/// Looks for what decides nothing at any of these sites. `may_go` says what may be taken away where others are gone already.
pub fn find<O: Copy + Ord + Send + Sync>(
    sites: &[Site<'_, O>],
    may_go: impl Fn(O, &BTreeSet<O>) -> bool + Sync,
) -> Found<O> {
    let told: Vec<Told<'_, O>> = sites.par_iter().map(|site| Told::of(*site)).collect();
    let nothing = BTreeSet::new();
    let alone: Vec<_> = told.par_iter().map(|told| told.judge(|what| may_go(what, &nothing))).collect();
    let mut judged: BTreeMap<O, (bool, Vec<&Told<'_, O>>)> = BTreeMap::new();
    let mut long = BTreeSet::new();
    for (told, verdicts) in told.iter().zip(alone) {
        for (what, is_idle) in verdicts {
            let (all_idle, at) = judged.entry(what).or_insert((true, Vec::new()));
            *all_idle &= is_idle != Some(false);
            at.push(told);
            if is_idle.is_none() {
                long.insert(what);
            }
        }
    }
    // What decides somewhere decides, however long it takes elsewhere.
    judged.retain(|_, (is_idle, _)| *is_idle);
    long.retain(|what| judged.contains_key(what));
    // Of two that stand for each other the first stays.
    let mut gone: BTreeSet<O> = BTreeSet::new();
    for (what, (_, at)) in judged.iter().rev().filter(|(what, _)| !long.contains(what)) {
        if may_go(*what, &gone) && at.iter().all(|told| told.is_idle(*what, &gone) == Some(true)) {
            gone.insert(*what);
        }
    }
    if gone.is_empty() {
        return Found { idle: Vec::new(), long };
    }
    let concerned = told.par_iter().filter(|told| told.chain.rules().any(|rule| gone.contains(&rule.origin)));
    let matched: Vec<Matched<O>> = concerned.map(Told::matched).collect();
    Found { idle: gone.iter().map(|what| explained(&matched, *what, &gone)).collect(), long }
}

impl<O: Copy> Side<O> {
    fn of((chain, arrivals): Site<'_, O>, space: &Space, certainty: Certainty) -> Self {
        let verdict = Verdict::of(space, arrivals, chain);
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

impl<'p, O: Copy + Ord> Told<'p, O> {
    fn of(site: Site<'p, O>) -> Self {
        let (chain, arrivals) = site;
        let space = Space::of(arrivals.clone(), chain.rules().flat_map(Enforced::tests), &[]);
        let sides = [Certainty::Surely, Certainty::Perhaps].map(|certainty| Side::of(site, &space, certainty));
        Self { chain, arrivals, space, sides }
    }

    /// Says of each rule whether it is idle by itself.
    fn judge(&self, may_go: impl Fn(O) -> bool) -> Vec<(O, Option<bool>)> {
        let rules = self.chain.deny.iter().chain(self.chain.allow.iter().flatten());
        let known = |rule: &Enforced<O>| {
            !rule.tests().flat_map(|test| &test.leaves).any(|leaf| matches!(leaf, Leaf::Unknown(_)))
        };
        let judge = |rule: &Enforced<O>| match may_go(rule.origin) && known(rule) {
            true => self.is_idle(rule.origin, &BTreeSet::new()),
            false => Some(false),
        };
        rules.map(|rule| (rule.origin, judge(rule))).collect()
    }

    /// Tells whether the same is admitted without a rule, where others are gone already; `None` where it takes too long.
    fn is_idle<'s>(&'s self, rule: O, gone: &BTreeSet<O>) -> Option<bool> {
        all(self.sides.iter().map(|side| {
            let stays = |of: &&(O, Area)| of.0 != rule && !gone.contains(&of.0);
            // Where there are many rules most areas do not meet, and none is copied to find that out.
            let others = |list: &'s [(O, Area)]| list.iter().filter(stays).map(|(_, area)| area);
            let ours = |list: &'s [(O, Area)]| list.iter().filter(|of| of.0 == rule).map(|(_, area)| area);
            let denied = || others(&side.denied).chain(&side.refused);
            // What a DENY rule refuses has to be refused by others, or admitted by none: not even by those that are gone, so that
            // each of what is found can be taken away without the rest.
            let refusing: Vec<&Area> = ours(&side.denied).collect();
            if !refusing.is_empty() {
                let granted = side.granted.iter().map(|(_, area)| area).chain(&side.open);
                let both = granted.flat_map(|granted| refusing.iter().map(move |ours| (granted, *ours)));
                let both = both.filter(|(granted, ours)| granted.meets(ours));
                return all(both.map(|(granted, ours)| is_covered(&granted.and(ours), denied())));
            }
            // What an ALLOW rule admits has to be refused, or admitted by others.
            all(ours(&side.granted).map(|area| is_covered(area, denied().chain(others(&side.granted)))))
        }))
    }

    /// Returns what arrives and each rule matches.
    fn matched(&self) -> Matched<O> {
        let arriving = self.space.arriving(self.arrivals);
        let matched = |rule: &Enforced<O>| {
            let areas = areas(&self.space, rule);
            let both = areas.iter().flat_map(|area| arriving.iter().map(move |arriving| area.and(arriving)));
            (rule.origin, both.filter(|area| !area.is_empty()).collect::<Vec<Area>>())
        };
        Matched {
            deny: self.chain.deny.iter().map(matched).collect(),
            allow: self.chain.allow.iter().flatten().map(matched).collect(),
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

/// Says why something is idle, and what decides instead, over all sites.
fn explained<O: Copy + Ord>(matched: &[Matched<O>], what: O, gone: &BTreeSet<O>) -> Idle<O> {
    let (mut because, mut instead) = (BTreeSet::new(), BTreeSet::new());
    for matched in matched {
        let stays = |of: &&(O, Vec<Area>)| of.0 != what && !gone.contains(&of.0);
        let denying: Vec<_> = matched.deny.iter().filter(stays).collect();
        let allowing: Vec<_> = matched.allow.iter().filter(stays).collect();
        let of = |rules: &'_ [(O, Vec<Area>)]| rules.iter().find(|of| of.0 == what).map(|of| of.1.clone());
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
    Idle { what, because, instead: instead.into_iter().collect() }
}

/// Returns rules that together match all of an area: one where one will do.
fn cover<O: Copy>(ours: &[Area], others: &[&(O, Vec<Area>)]) -> Option<Vec<O>> {
    let meets = |areas: &[Area]| areas.iter().any(|area| ours.iter().any(|ours| ours.meets(area)));
    let others: Vec<_> = others.iter().filter(|(_, areas)| meets(areas)).collect();
    let covers = |areas: &[&Area]| all(ours.iter().map(|area| is_covered(area, areas.iter().copied()))) == Some(true);
    if let Some((single, _)) = others.iter().find(|(_, areas)| covers(&areas.iter().collect::<Vec<_>>())) {
        return Some(vec![*single]);
    }
    let together: Vec<&Area> = others.iter().flat_map(|(_, areas)| areas).collect();
    covers(&together).then(|| others.iter().map(|(origin, _)| *origin).collect())
}
