//! Which rule takes a request.
//!
//! In: every match of every rule at one listener, each for one host. Out: for each the requests that get to it: those it is about,
//! without those of the matches before it. The most specific host has a request, and no other; between rules of one host the
//! order is that of the object, or of how specific they are.

use super::Entrance;
use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::kubernetes::fits::Fits;
use crate::routing::gateway::Speaks;
use crate::routing::matching::{Match, host, one, server_names};
use crate::routing::{Leads, Named};

/// A match of a rule at a listener, for one host.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The route.
    pub object: Named,
    /// The position of its rule.
    pub position: usize,
    /// The host.
    pub host: String,
    /// What it is about.
    pub matched: Match,
    /// Where it leads.
    pub leads: Leads,
    /// Whether its place is by how specific it is, not by where it was written.
    pub is_ranked: bool,
    /// Why it is not asked after all.
    pub shut: Option<String>,
}

impl Candidate {
    /// Says whether this is asked before another one of the same host.
    fn is_before(&self, other: &Self) -> Fits {
        let is_same = (&self.object.kind, &self.object.namespace, &self.object.name)
            == (&other.object.kind, &other.object.namespace, &other.object.name);
        if self.is_ranked && other.is_ranked {
            return match self.matched.rank.cmp(&other.matched.rank) {
                std::cmp::Ordering::Greater => Fits::Yes,
                std::cmp::Ordering::Less => Fits::No,
                std::cmp::Ordering::Equal if is_same => Fits::of(self.position < other.position),
                // The older one, and no file tells which that is.
                std::cmp::Ordering::Equal => Fits::Perhaps,
            };
        }
        let (all, all_of_other) = (self.matched.is_of_everything(), other.matched.is_of_everything());
        match (is_same, all, all_of_other) {
            (true, ..) => Fits::of(self.position < other.position),
            // What is about everything stands last (istio/istio `route.go`, `SortVHostRoutes`).
            (false, false, true) => Fits::Yes,
            (false, true, false) => Fits::No,
            (false, ..) => Fits::Perhaps,
        }
    }
}

/// Returns the requests that get to a candidate.
pub(super) fn requests(of: &Candidate, all: &[Candidate], rivals: &[String], listener: &Entrance) -> Chain<()> {
    let mut tests = of.matched.tests.clone();
    match listener.speaks {
        Speaks::Http => {
            tests.push(one(Leaf::Host(host(&of.host))));
            // A connection gets here by the name in its handshake, whatever host its requests name.
            if listener.tls.is_there() && listener.hosts.iter().all(|host| host != "*") {
                tests.push(server_names(&listener.hosts));
            }
            let others = all.iter().map(|other| &other.host).chain(rivals);
            let mut narrower: Vec<&String> = others.filter(|other| is_within(other, &of.host)).collect();
            narrower.sort();
            narrower.dedup();
            if !narrower.is_empty() {
                let leaves = narrower.into_iter().map(|other| Leaf::Host(host(other))).collect();
                tests.push(Test { leaves, negated: true });
            }
        }
        Speaks::Bytes if listener.tls.is_there() && of.host != "*" => {
            tests.push(server_names(std::slice::from_ref(&of.host)));
        }
        Speaks::Bytes => {}
    }
    let rule = |tests: Vec<Test>| Enforced { origin: (), sources: vec![Vec::new()], operations: vec![tests] };
    let before = all.iter().filter(|other| other.host == of.host && other.shut.is_none());
    let deny = before.filter_map(|other| match other.is_before(of) {
        Fits::Yes => Some(rule(other.matched.tests.clone())),
        Fits::Perhaps => {
            let mut tests = other.matched.tests.clone();
            tests.push(one(Leaf::Unknown(older(&other.object, &of.object))));
            Some(rule(tests))
        }
        Fits::No => None,
    });
    let deny = deny.collect();
    Chain { deny, custom: Vec::new(), allow: Some(vec![rule(tests)]) }
}

/// Names the unknown that decides between two objects of which the older one counts.
pub(crate) fn older(one: &Named, other: &Named) -> String {
    format!("whether {one} is older than {other}")
}

/// Tells whether a host is of fewer names than another that has all of them.
pub(super) fn is_within(narrow: &str, wide: &str) -> bool {
    match wide.strip_prefix('*') {
        _ if narrow == wide => false,
        Some(end) => narrow.ends_with(end) && narrow.len() > end.len(),
        None => false,
    }
}

/// Returns the host that two hosts have in common: the narrower one.
pub(crate) fn common(one: &str, other: &str) -> Option<String> {
    if one == other || is_within(one, other) {
        return Some(one.to_owned());
    }
    is_within(other, one).then(|| other.to_owned())
}
