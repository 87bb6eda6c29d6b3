//! The rule that nearly admits what is refused, and what it asks in vain.
//!
//! In: the rules that admit, and what was asked for. Out: [`Miss`]: of all rules the one whose fewest tests fail, with a
//! request that it admits.

use std::cmp::Reverse;

use ringfence_compiler::requests::area::Area;

use super::proxy::Question;
use crate::engine::envoy::Reads;
use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::evaluate::{self, Ruling};
use crate::exact::{Arrivals, Certainty, Space, Verdict};
use crate::request::{Identity, Request};
use crate::words;

/// A rule that nearly admits.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss<O> {
    /// The rule.
    pub rule: O,
    /// A request that it admits, as like what was asked for as can be.
    pub admits: Option<Box<Request>>,
    /// What it asks in vain.
    pub fails: Vec<Failure>,
    /// The rules that refuse even that request: where there are some, what fails is not all that stands in the way.
    pub denied: Vec<O>,
}

/// A test that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The attribute: `caller`, `path`, `port`.
    pub attribute: String,
    /// What is asked of it.
    pub wants: String,
    /// What it is; `None` where that goes without saying.
    pub has: Option<String>,
}

/// What a rule is held against.
pub(super) struct Sought<'s> {
    pub space: &'s Space,
    /// What the rules say.
    pub verdict: &'s Verdict<'s>,
    /// What they say without those that refuse.
    pub undenied: &'s Verdict<'s>,
    pub arrivals: &'s Arrivals,
    /// What was asked for.
    pub wanted: &'s [Area],
    /// The callers that were asked about, and the places they may call from.
    pub peers: &'s [Area],
    pub places: &'s [Area],
    pub question: &'s Question<'s>,
}

/// A rule that may be the nearest.
struct Candidate<'t, O> {
    /// How many tests fail, how many of those are about the caller, and how like the caller's name theirs is.
    rank: (usize, usize, Reverse<usize>),
    rule: O,
    failing: Vec<&'t Test>,
    tests: Vec<&'t Test>,
}

/// As many rules as are looked at: the nearest of a great many is nobody's mistake.
const MOST_RULES: usize = 2_000;

/// Finds the rule whose fewest tests fail; of several, one made for this caller, then one for a caller of a like name.
pub(super) fn find<O: Copy>(chain: &Chain<O>, sought: &Sought<'_>) -> Option<Miss<O>> {
    let rules = chain.allow.as_deref().unwrap_or_default();
    let arriving = sought.space.arriving(sought.arrivals);
    let wanted: Vec<Area> = sought.wanted.iter().flat_map(|area| arriving.iter().map(|one| one.and(area))).collect();
    let fails = |test: &&Test| {
        let holding = sought.space.holding(std::slice::from_ref(*test));
        !holding.iter().any(|area| wanted.iter().any(|wanted| !area.and(wanted).is_empty()))
    };
    let mut best: Option<Candidate<'_, O>> = None;
    for rule in rules.iter().take(MOST_RULES) {
        for source in &rule.sources {
            let of_source: Vec<&Test> = source.iter().filter(fails).collect();
            for operation in &rule.operations {
                let failing: Vec<&Test> = of_source.iter().copied().chain(operation.iter().filter(fails)).collect();
                let by_caller = failing.iter().filter(|test| is_about_peer(test)).count();
                let rank = (failing.len(), by_caller, Reverse(likeness(&failing, sought.question)));
                if !failing.is_empty() && best.as_ref().is_none_or(|best| rank < best.rank) {
                    let tests = source.iter().chain(operation).collect();
                    best = Some(Candidate { rank, rule: rule.origin, failing, tests });
                }
            }
        }
    }
    let Candidate { rule, failing, tests, .. } = best?;
    let example = sought.example(&tests, &failing);
    let denied = example.as_ref().map(|request| denials(chain, request)).unwrap_or_default();
    let fails = failing.into_iter().map(|test| failure(test, sought)).collect();
    Some(Miss { rule, admits: example.map(Box::new), fails, denied })
}

/// Returns the rules that refuse a request.
pub(super) fn denials<O: Copy>(chain: &Chain<O>, request: &Request) -> Vec<O> {
    let refuses = |denial: &&Enforced<O>| {
        let alone = Chain { deny: vec![(*denial).clone()], ..Chain::default() };
        matches!(evaluate::rule(&alone, request), Ruling::Denied(_))
    };
    chain.deny.iter().filter(refuses).map(|denial| denial.origin).collect()
}

impl Sought<'_> {
    /// Finds a request that a rule admits, with what was asked for wherever the rule leaves that open: one that nothing
    /// else refuses, if there is one.
    fn example(&self, tests: &[&Test], failing: &[&Test]) -> Option<Request> {
        let tests: Vec<Test> = tests.iter().map(|test| (*test).clone()).collect();
        let asked = self.question.asked.tests(if self.arrivals.http { Reads::Http } else { Reads::Bytes });
        let mut aspects = vec![(self.peers.to_vec(), failing.iter().all(|test| !is_about_peer(test)))];
        aspects.push((self.places.to_vec(), failing.iter().all(|test| !is_about_address(test))));
        aspects.extend(asked.iter().map(|test| {
            let attribute = |test: &Test| test.leaves.first().map(std::mem::discriminant);
            let holds = failing.iter().all(|failing| attribute(failing) != attribute(test));
            (self.space.holding(std::slice::from_ref(test)), holds)
        }));
        // What does not fail must stay as it was asked for: otherwise more is missing than what is said to fail.
        self.kept(&tests, &aspects, self.verdict, true)
            .or_else(|| self.kept(&tests, &aspects, self.undenied, true))
            .or_else(|| self.kept(&tests, &aspects, self.undenied, false))
    }

    /// Narrows what a rule admits to one aspect of the question after the other, as long as something is admitted.
    fn kept(
        &self,
        tests: &[Test],
        aspects: &[(Vec<Area>, bool)],
        verdict: &Verdict<'_>,
        strictly: bool,
    ) -> Option<Request> {
        let admitted = |areas: &[Area]| areas.iter().find_map(|area| verdict.admitted(area, Certainty::Perhaps));
        let mut areas = self.space.holding(tests);
        for (aspect, is_met) in aspects {
            let both = areas.iter().flat_map(|area| aspect.iter().map(|one| area.and(one)));
            let narrowed: Vec<Area> = both.filter(|area| !area.is_empty()).collect();
            if admitted(&narrowed).is_some() {
                areas = narrowed;
            } else if strictly && *is_met {
                return None;
            }
        }
        admitted(&areas).map(|(_, part)| self.space.request(&part))
    }
}

fn is_about_address(test: &Test) -> bool {
    matches!(test.leaves.first(), Some(Leaf::Address(_)))
}

fn is_about_peer(test: &Test) -> bool {
    matches!(test.leaves.first(), Some(Leaf::Peer(_)))
}

/// Counts how many characters the names that a failing test asks for share with a name of the caller.
fn likeness(failing: &[&Test], question: &Question<'_>) -> usize {
    let shared = |wanted: &str| {
        let has = question.shown.iter().map(ToString::to_string);
        has.map(|has| has.bytes().zip(wanted.bytes()).take_while(|(ours, theirs)| ours == theirs).count()).max()
    };
    let wanted = failing.iter().filter(|test| !test.negated).flat_map(|test| &test.leaves);
    let names = wanted.filter_map(|leaf| if let Leaf::Peer(glob) = leaf { Some(words::peer(glob)) } else { None });
    names.filter_map(|name| shared(&name)).max().unwrap_or(0)
}

/// Says what a failing test asks, and what it gets.
fn failure(test: &Test, sought: &Sought<'_>) -> Failure {
    let asked = sought.question.asked;
    let names = || {
        let list = |names: &[Identity]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        let Question { shown, foreign, .. } = sought.question;
        match (shown.is_empty(), foreign.is_empty()) {
            _ if !sought.arrivals.mtls => "nobody: mTLS is off at this port, so no certificate is seen".to_owned(),
            (false, _) => list(shown),
            (true, false) => format!("{}, of a trust domain that this mesh does not take", list(foreign)),
            (true, true) => "nobody with a certificate".to_owned(),
        }
    };
    let (attribute, has) = match test.leaves.first() {
        Some(Leaf::Peer(_)) => ("caller".to_owned(), Some(names())),
        Some(Leaf::Address(_)) => ("address".to_owned(), sought.question.address.map(|block| block.to_string())),
        Some(Leaf::Remote(_)) => ("remote address".to_owned(), None),
        Some(Leaf::Destination(_)) => ("destination address".to_owned(), None),
        Some(Leaf::Port(_)) => ("port".to_owned(), Some(sought.arrivals.port.to_string())),
        Some(Leaf::ServerName(_)) => ("server name".to_owned(), None),
        Some(Leaf::Host(_)) => ("host".to_owned(), asked.host.clone()),
        Some(Leaf::Method(_)) => ("method".to_owned(), asked.method.clone()),
        Some(Leaf::Path(_) | Leaf::Target(_)) => ("path".to_owned(), asked.path_seen()),
        Some(Leaf::Header(name, _)) => {
            let sent = asked.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name.as_str()));
            (format!("header {}", name.as_str()), sent.map(|(_, value)| value.clone()))
        }
        Some(Leaf::TokenOf(..) | Leaf::Claim(..)) => ("token".to_owned(), None),
        Some(Leaf::Unknown(_)) | None => ("what no file tells".to_owned(), None),
    };
    Failure { attribute, wants: wants(test), has }
}

/// As many values as are named.
const MOST_VALUES: usize = 3;

/// Lists values of which one is asked for.
pub(crate) fn one_of(values: &[String]) -> String {
    let list = values.iter().take(MOST_VALUES).cloned().collect::<Vec<_>>().join(" or ");
    match values.len().saturating_sub(MOST_VALUES) {
        0 => list,
        more => format!("{list} or one of {more} more"),
    }
}

fn wants(test: &Test) -> String {
    let mut values: Vec<String> = test.leaves.iter().map(words::value).collect();
    values.dedup();
    let list = one_of(&values);
    if test.negated { format!("anything but {list}") } else { list }
}
