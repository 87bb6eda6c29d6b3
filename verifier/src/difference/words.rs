//! What is asked of a caller, in words: the rules of one side that the other has not.
//!
//! In: [`Forms`] of both sides. Out: a few short phrases (`GET, POST /v1/*`). They say where to look; what is exact is the
//! witness beside them.

use std::collections::BTreeSet;

use super::access::{Form, Forms};
use super::compare::Passing;
use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::words;

/// What is admitted where nothing is asked.
pub(super) const ANYTHING: &str = "any request";

/// Says what one side admits and the other does not, as far as single rules say it.
pub(super) fn phrased(ours: Passing<'_>, theirs: Passing<'_>) -> Vec<String> {
    let Some((ours, _)) = ours else { return Vec::new() };
    if !ours.modelled {
        return vec!["what is not modelled".to_owned()];
    }
    // Where the same is asked on both sides, it is the network that lets more of them there.
    let theirs: Option<&Forms> = theirs.map(|(forms, _)| forms).filter(|theirs| *theirs != ours);
    let rules = |forms: &Forms, of: fn(&Chain<()>) -> Vec<Enforced<()>>| -> BTreeSet<Enforced<()>> {
        chains(forms).flat_map(of).collect()
    };
    let allowed = |forms: &Forms| rules(forms, |chain| chain.allow.clone().unwrap_or_default());
    let denied = |forms: &Forms| rules(forms, |chain| chain.deny.clone());
    let is_open = |forms: &Forms| chains(forms).any(|chain| chain.allow.is_none());
    let mut said = BTreeSet::new();
    let already = theirs.map(allowed).unwrap_or_default();
    if is_open(ours) && !theirs.is_some_and(is_open) {
        said.insert(ANYTHING.to_owned());
    } else {
        said.extend(allowed(ours).difference(&already).flat_map(phrases));
    }
    // What is denied on the other side is admitted here.
    if let Some(theirs) = theirs {
        let here = denied(ours);
        let freed = denied(theirs).difference(&here).flat_map(phrases).collect::<Vec<_>>();
        said.extend(freed.into_iter().map(|phrase| format!("{phrase}, which is denied otherwise")));
    } else {
        let except: Vec<String> = denied(ours).iter().flat_map(phrases).collect::<BTreeSet<_>>().into_iter().collect();
        if !except.is_empty() {
            said = said.into_iter().map(|phrase| format!("{phrase}, but not {}", except.join(" or "))).collect();
        }
    }
    said.into_iter().collect()
}

fn chains(forms: &Forms) -> impl Iterator<Item = &Chain<()>> {
    forms.ways.iter().flat_map(|way: &Form| &way.chains)
}

/// Says what a rule asks, one phrase for each of its operations.
fn phrases(rule: &Enforced<()>) -> Vec<String> {
    let one = |source: &Vec<Test>, operation: &Vec<Test>| {
        let tests = || operation.iter().chain(source);
        let of = |wanted: fn(&Leaf) -> Option<String>, test: &Test| -> Option<String> {
            let texts: Option<Vec<String>> = test.leaves.iter().map(wanted).collect();
            texts.filter(|_| !test.negated).map(|texts| texts.join(", "))
        };
        let method = |leaf: &Leaf| if let Leaf::Method(glob) = leaf { Some(words::glob(glob)) } else { None };
        let path = |leaf: &Leaf| if let Leaf::Path(glob) = leaf { Some(words::glob(glob)) } else { None };
        let methods: Vec<String> = tests().filter_map(|test| of(method, test)).collect();
        let paths: Vec<String> = tests().filter_map(|test| of(path, test)).collect();
        let rest = tests().filter(|test| of(method, test).is_none() && of(path, test).is_none()).map(condition);
        let rest: Vec<String> = rest.collect();
        let begin = match (methods.is_empty(), paths.is_empty()) {
            (true, true) => ANYTHING.to_owned(),
            (false, true) => format!("{} requests", methods.join(" and ")),
            (true, false) => paths.join(" and "),
            (false, false) => format!("{} {}", methods.join(" and "), paths.join(" and ")),
        };
        match rest.is_empty() {
            true => begin,
            false => format!("{begin} with {}", rest.join(" and ")),
        }
    };
    let pairs = rule.sources.iter().flat_map(|source| rule.operations.iter().map(move |operation| (source, operation)));
    pairs.map(|(source, operation)| one(source, operation)).collect()
}

fn condition(test: &Test) -> String {
    let leaves: Vec<String> = test.leaves.iter().map(words::condition).collect();
    let negation = if test.negated { "not " } else { "" };
    format!("{negation}{}", leaves.join(" or "))
}
