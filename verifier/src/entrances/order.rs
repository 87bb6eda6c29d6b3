//! Which rule takes a request.
//!
//! In: every match of every rule at one listener, each for one host. Out: for each the requests that get to it: those it is about,
//! without those of the matches before it. The most specific host has a request, and no other; between rules of one host the
//! order is that of the object, or of how specific they are.

use std::collections::BTreeSet;

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
    /// The object in whose order it stands: the one that delegates to the route, or the route itself.
    pub owner: Named,
    /// The position of its rule in that order, and that of the rule of a delegate.
    pub position: (usize, usize),
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
    /// What no file tells and its being there hangs on.
    pub perhaps: Vec<String>,
}

impl Candidate {
    /// Says whether this is asked before another one of the same host.
    fn is_before(&self, other: &Self) -> Fits {
        let of = |owner: &Named| (owner.kind, owner.namespace.clone(), owner.name.clone());
        let is_same = of(&self.owner) == of(&other.owner);
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

    /// Returns what it is about, and that it is there at all.
    fn tests(&self) -> Vec<Test> {
        let perhaps = self.perhaps.iter().map(|what| one(Leaf::Unknown(what.clone())));
        self.matched.tests.iter().cloned().chain(perhaps).collect()
    }
}

/// Returns the requests that get to a candidate. `rivals` are those of other listeners whose routes are of one table with its own.
pub(super) fn requests(of: &Candidate, all: &[Candidate], rivals: &[Candidate], listener: &Entrance) -> Chain<()> {
    let mut tests = of.tests();
    let mut deny = Vec::new();
    match listener.speaks {
        Speaks::Http => {
            tests.push(one(Leaf::Host(host(&of.host))));
            // A connection gets here by the name in its handshake, whatever host its requests name.
            if listener.tls.is_there() && listener.hosts.iter().all(|host| host != "*") {
                tests.push(server_names(&listener.hosts));
            }
            let others = all.iter().chain(rivals).filter(|other| other.shut.is_none());
            let (surely, perhaps): (Vec<_>, Vec<_>) =
                others.filter(|other| is_within(&other.host, &of.host)).partition(|other| other.perhaps.is_empty());
            let narrower: BTreeSet<&String> = surely.into_iter().map(|other| &other.host).collect();
            if !narrower.is_empty() {
                let leaves = narrower.iter().map(|other| Leaf::Host(host(other))).collect();
                tests.push(Test { leaves, negated: true });
            }
            let perhaps = perhaps.into_iter().filter(|other| !narrower.contains(&other.host));
            let perhaps: BTreeSet<(&String, &Vec<String>)> =
                perhaps.map(|other| (&other.host, &other.perhaps)).collect();
            for (other, unknown) in perhaps {
                let unknown = unknown.iter().map(|what| one(Leaf::Unknown(what.clone())));
                deny.push(rule(std::iter::once(one(Leaf::Host(host(other)))).chain(unknown).collect()));
            }
        }
        Speaks::Bytes if listener.tls.is_there() && of.host != "*" => {
            tests.push(server_names(std::slice::from_ref(&of.host)));
        }
        Speaks::Bytes => {}
    }
    let before = all.iter().filter(|other| other.host == of.host && other.shut.is_none());
    deny.extend(before.filter_map(|other| match other.is_before(of) {
        Fits::Yes => Some(rule(other.tests())),
        Fits::Perhaps => {
            let mut tests = other.tests();
            tests.push(one(Leaf::Unknown(older(&other.owner, &of.owner))));
            Some(rule(tests))
        }
        Fits::No => None,
    }));
    Chain { deny, custom: Vec::new(), allow: Some(vec![rule(tests)]) }
}

/// Returns what gets to a candidate where something no file tells holds.
pub(super) fn supposing(mut requests: Chain<()>, what: &str) -> Chain<()> {
    for rule in requests.allow.iter_mut().flatten() {
        rule.operations.iter_mut().for_each(|tests| tests.push(one(Leaf::Unknown(what.to_owned()))));
    }
    requests
}

/// Makes a rule of what must hold together.
fn rule(tests: Vec<Test>) -> Enforced<()> {
    Enforced { origin: (), sources: vec![Vec::new()], operations: vec![tests] }
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
