//! The rule that nearly admits what is refused, and what it asks in vain.
//!
//! In: the rules that admit, and what was asked for. Out: [`Miss`]: of all rules the one whose fewest tests fail, with a
//! request that it admits.

use std::cmp::Reverse;

use ringfence_compiler::requests::area::Area;

use super::proxy::Question;
use crate::engine::envoy::Reads;
use crate::engine::{Enforced, Leaf, Test};
use crate::exact::{Arrivals, Certainty, Space, Verdict};
use crate::request::Request;

/// A rule that nearly admits.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss<O> {
    /// The rule.
    pub rule: O,
    /// A request that it admits, as like what was asked for as can be.
    pub admits: Option<Box<Request>>,
    /// What it asks in vain.
    pub fails: Vec<Failure>,
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
    /// What the rules say without denies.
    pub verdict: &'s Verdict<'s>,
    pub arrivals: &'s Arrivals,
    /// What was asked for.
    pub wanted: &'s [Area],
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
pub(super) fn find<O: Copy>(rules: &[Enforced<O>], sought: &Sought<'_>) -> Option<Miss<O>> {
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
    let fails = failing.into_iter().map(|test| failure(test, sought)).collect();
    Some(Miss { rule, admits: sought.example(&tests).map(Box::new), fails })
}

impl Sought<'_> {
    /// Finds a request that a rule admits, with what was asked for wherever the rule leaves that open.
    fn example(&self, tests: &[&Test]) -> Option<Request> {
        let mut kept: Vec<Test> = tests.iter().map(|test| (*test).clone()).collect();
        for asked in self.question.asked.tests(if self.arrivals.http { Reads::Http } else { Reads::Bytes }) {
            kept.push(asked);
            if self.space.holding(&kept).is_empty() {
                kept.pop();
            }
        }
        let found = self.space.holding(&kept);
        let found = found.iter().find_map(|area| self.verdict.admitted(area, Certainty::Perhaps));
        found.map(|(_, part)| self.space.request(&part))
    }
}

fn is_about_peer(test: &Test) -> bool {
    matches!(test.leaves.first(), Some(Leaf::Peer(_)))
}

/// Counts how many characters the names that a failing test asks for share with a name of the caller.
fn likeness(failing: &[&Test], question: &Question<'_>) -> usize {
    let shared = |wanted: &str| {
        let has = question.shown.iter().map(|peer| format!("spiffe://{peer}"));
        has.map(|has| has.bytes().zip(wanted.bytes()).take_while(|(ours, theirs)| ours == theirs).count()).max()
    };
    let wanted = failing.iter().filter(|test| !test.negated).flat_map(|test| &test.leaves);
    let names = wanted.filter_map(|leaf| if let Leaf::Peer(glob) = leaf { Some(glob.to_string()) } else { None });
    names.filter_map(|name| shared(&name)).max().unwrap_or(0)
}

/// Says what a failing test asks, and what it gets.
fn failure(test: &Test, sought: &Sought<'_>) -> Failure {
    let asked = sought.question.asked;
    let names = || {
        let names: Vec<String> = sought.question.shown.iter().map(ToString::to_string).collect();
        if names.is_empty() { "nobody with a certificate".to_owned() } else { names.join(" or ") }
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
    let list = one_of(&test.leaves.iter().map(words).collect::<Vec<_>>());
    if test.negated { format!("anything but {list}") } else { list }
}

fn words(leaf: &Leaf) -> String {
    match leaf {
        Leaf::Peer(glob) => {
            let text = glob.to_string();
            text.strip_prefix("spiffe://").map_or(text.clone(), str::to_owned)
        }
        Leaf::Address(net) | Leaf::Remote(net) | Leaf::Destination(net) => net.to_string(),
        Leaf::Port(port) => port.to_string(),
        Leaf::ServerName(glob)
        | Leaf::Host(glob)
        | Leaf::Method(glob)
        | Leaf::Path(glob)
        | Leaf::Target(glob)
        | Leaf::Header(_, glob) => glob.to_string(),
        Leaf::TokenOf(issuer, subject) => format!("one of {issuer}/{subject}"),
        Leaf::Claim(path, glob) => format!("one with {}: {glob}", path.join(".")),
        Leaf::Unknown(what) => what.clone(),
    }
}
