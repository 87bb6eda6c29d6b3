//! Whom a proxy admits at one port: all identities of the mesh at once.
//!
//! In: the ways in which a port may be taken, and the table of identities. Out: [`Admission`]: the identities of which some
//! request is admitted, surely or perhaps, and whether one of a caller without identity is. It says the same as asking for
//! each caller by itself ([`crate::reach`]), which a test holds it to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::engine::envoy::Reads;
use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::exact::{Arrivals, Certainty, Space, Verdict};
use crate::glob::Glob;
use crate::identities::Identities;
use crate::intervals::Intervals;
use crate::istio::peer_authentication::Mode;
use crate::memo::Memo;
use crate::reach::Reach;
use crate::residual::{is_plain, residual};

/// Whom a proxy admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The identities of which some request is admitted, by their positions in the table.
    pub open: Intervals,
    /// Those of which it depends on what no file tells.
    pub unsure: Intervals,
    /// What becomes of callers without an identity.
    pub nameless: Reach,
}

/// One way in which a port may be taken.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// How it is read.
    pub reads: Reads,
    /// How peers arrive.
    pub mode: Mode,
    /// What is asked of requests.
    pub chain: Chain<()>,
}

/// What all ways into a port share.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Door {
    /// The port.
    pub port: u16,
    /// The trust domains whose certificates are taken.
    pub trust_domains: Vec<String>,
    /// The issuers whose tokens are taken, and for whom.
    pub issuers: Vec<(String, Vec<String>)>,
}

/// What is left to ask once peer and port are known.
type Question = (Chain<()>, Reads, Vec<(String, Vec<String>)>);

/// Answers that were found before: the same names and the same rules stand at many ports.
#[derive(Debug)]
pub struct Answers {
    identities: Identities,
    named: Memo<Glob, Arc<Intervals>>,
    asked: Memo<Question, Reach>,
}

impl Answers {
    /// Begins without any.
    #[must_use]
    pub fn about(identities: Identities) -> Self {
        Self { identities, named: Memo::default(), asked: Memo::default() }
    }

    /// Works out whom a port admits that may be taken in any of these ways.
    #[must_use]
    pub fn admission(&self, door: &Door, ways: &[Way]) -> Admission {
        let of_ways: Vec<Admission> = ways.iter().map(|way| self.of_way(door, way)).collect();
        joined(of_ways).unwrap_or(Admission {
            open: Intervals::default(),
            unsure: self.identities.all(),
            nameless: Reach::Depends,
        })
    }

    fn of_way(&self, door: &Door, way: &Way) -> Admission {
        let nameless = match way.mode.plaintext() {
            false => Reach::Denied,
            true => self.ask(door, way, &|_| false),
        };
        let mut own: BTreeMap<Reach, Vec<Range<u32>>> = BTreeMap::new();
        if way.mode.mtls() && nameless != Reach::Allowed {
            for (group, uri) in self.groups(&way.chain, &self.accepted(&door.trust_domains)) {
                let reach = self.ask(door, way, &|glob| glob.matches(&uri));
                own.entry(reach).or_default().extend(group);
            }
        }
        let mut take = |reach| Intervals::of(own.remove(&reach).unwrap_or_default());
        let all = self.identities.all();
        // A caller with an identity may come without it.
        let (open, unsure) = match nameless {
            Reach::Allowed => (all, Intervals::default()),
            Reach::Depends => {
                let open = take(Reach::Allowed);
                let rest = all.without(&open);
                (open, rest)
            }
            Reach::Denied => (take(Reach::Allowed), take(Reach::Depends)),
        };
        Admission { open, unsure, nameless }
    }

    /// Returns the identities whose certificates are of these trust domains.
    fn accepted(&self, trust_domains: &[String]) -> Intervals {
        let of = |domain: &String| self.named(&Glob::prefix(format!("spiffe://{domain}/")));
        trust_domains.iter().map(of).fold(Intervals::default(), |all, one| all.or(&one))
    }

    /// Puts identities together that no test on the peer tells apart, each group with the URI of one of them.
    fn groups(&self, chain: &Chain<()>, among: &Intervals) -> Vec<(Vec<Range<u32>>, String)> {
        let asked: BTreeSet<Vec<&Glob>> = chain.rules().flat_map(Enforced::tests).map(peers).collect();
        // The set itself is one more, so that what no test is about is a group too.
        let mut turns: Vec<(u32, usize)> = Vec::new();
        let mut add = |at, met: &Intervals| {
            turns.extend(met.ranges().iter().flat_map(|range| [(range.start, at), (range.end, at)]));
        };
        add(0, among);
        for (at, globs) in (1..).zip(asked.iter().filter(|globs| !globs.is_empty())) {
            let met = globs.iter().flat_map(|glob| self.named(glob).ranges().to_vec());
            add(at, &Intervals::of(met.collect()).and(among));
        }
        turns.sort_unstable();
        let mut groups: BTreeMap<Vec<usize>, Vec<Range<u32>>> = BTreeMap::new();
        let mut met: BTreeSet<usize> = BTreeSet::new();
        let mut since = 0;
        for (position, at) in turns {
            if position > since && !met.is_empty() {
                groups.entry(met.iter().copied().collect()).or_default().push(since..position);
            }
            since = position;
            if !met.remove(&at) {
                met.insert(at);
            }
        }
        let with_uri = |ranges: Vec<Range<u32>>| {
            let uri = ranges.first().and_then(|range| self.identities.uri(range.start)).unwrap_or_default().to_owned();
            (ranges, uri)
        };
        groups.into_values().map(with_uri).collect()
    }

    /// Returns the identities a glob means.
    fn named(&self, glob: &Glob) -> Arc<Intervals> {
        self.named.of_borrowed(glob, || Arc::new(self.identities.matching(glob)))
    }

    /// Asks whether some request of a known peer is admitted.
    fn ask(&self, door: &Door, way: &Way, is_peer: &impl Fn(&Glob) -> bool) -> Reach {
        let left = residual(&way.chain, door.port, is_peer);
        if left.allow.as_ref().is_some_and(Vec::is_empty) || left.deny.iter().any(is_plain) {
            return Reach::Denied;
        }
        let everything = left.allow.as_ref().is_none_or(|allow| allow.iter().any(is_plain));
        if everything && left.deny.is_empty() && left.custom.is_empty() {
            return Reach::Allowed;
        }
        self.asked.of((left, way.reads, door.issuers.clone()), |(left, reads, issuers)| {
            // The peer is settled, so that it does not matter how one arrives.
            let arrivals = Arrivals {
                http: *reads == Reads::Http,
                mtls: false,
                issuers: issuers.clone(),
                ..Arrivals::anything(door.port)
            };
            let space = Space::of(arrivals.clone(), left.rules().flat_map(Enforced::tests), &[]);
            let verdict = Verdict::of(&space, &arrivals, left);
            let some = |certainty| verdict.admitted(&space.everything(), certainty).is_some();
            match (some(Certainty::Surely), some(Certainty::Perhaps)) {
                (true, _) => Reach::Allowed,
                (false, true) => Reach::Depends,
                (false, false) => Reach::Denied,
            }
        })
    }
}

/// Returns what a test asks of the peer.
fn peers(test: &Test) -> Vec<&Glob> {
    test.leaves.iter().filter_map(|leaf| if let Leaf::Peer(glob) = leaf { Some(glob) } else { None }).collect()
}

/// Joins ways of which nobody knows the one: open in all of them is open, shut in all of them is shut.
fn joined(ways: Vec<Admission>) -> Option<Admission> {
    ways.into_iter().reduce(|one, other| {
        let open = one.open.and(&other.open);
        let any = one.open.or(&one.unsure).or(&other.open).or(&other.unsure);
        let nameless = if one.nameless == other.nameless { one.nameless } else { Reach::Depends };
        Admission { unsure: any.without(&open), open, nameless }
    })
}
