//! What is admitted while a change is on its way: some objects are new already, and others still old.
//!
//! In: two fleets of the same workloads under old and new policies. Out: [`Mixtures`]: requests that some mixture of the two admits
//! and neither end does. No mixture is tried by itself: objects are chosen one by one, so for one request each gate is as open as the
//! most open choice of its own objects. A DENY refuses surely only what both its versions refuse; an ALLOW may admit what one
//! of them admits, and everything, where no ALLOW is there in both; NetworkPolicies likewise. PeerAuthentications and
//! RequestAuthentications are few at one workload, and their mixtures are gone through; where they are not, that is said.

mod gates;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Known;
use super::compare::{Passing, Witness, opened};
use super::pairing::{self, Pair, Place};
use crate::exact::Certainty;
use crate::fleet::{Fleet, Reaching};
use crate::model::Model;
use crate::policies::Policies;
use crate::reach::Reach;
use crate::request::Peer;

/// Access that is there for a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// The cluster of the workload.
    pub cluster: String,
    /// The workload.
    pub workload: String,
    /// The port; nothing for those that nobody names.
    pub port: Option<u16>,
    /// Who gets in, by cluster and name.
    pub callers: Vec<(Option<String>, String)>,
    /// A request, and whether it surely gets in.
    pub witness: Witness,
    /// The objects of which one is old and another new then, as `Kind namespace/name`.
    pub objects: Vec<String>,
}

/// What is admitted on the way.
#[derive(Debug, Default, PartialEq)]
pub struct Mixtures {
    /// What neither end admits.
    pub openings: Vec<Opening>,
    /// Workloads of which it is not known: what is before them is not followed, or too much of how they take peers changes.
    pub skipped: BTreeSet<String>,
    /// Clusters of which it is not known, because policies of the tiers around NetworkPolicy change.
    pub tiers: BTreeSet<String>,
}

impl Mixtures {
    /// Looks at every mixture of the policies of two lists of models, cluster by cluster in the same order and of the same
    /// workloads.
    #[must_use]
    pub fn between<'m>(before: &[Model<'m>], after: &[Model<'m>]) -> Self {
        let between: Vec<Policies> = before.iter().zip(after).map(|(one, other)| gates::network(one, other)).collect();
        let between: Vec<Model<'_>> =
            after.iter().zip(&between).map(|(model, policies)| model.with(policies)).collect();
        Self::among(&Fleet::of(before), &Fleet::of(after), &Fleet::of(&between))
    }

    fn among<'m>(before: &Fleet<'m>, after: &Fleet<'m>, between: &Fleet<'m>) -> Self {
        let callers = pairing::callers(before, after);
        let ends = before.models().iter().zip(after.models());
        let moving: Vec<_> = ends.map(|(one, other)| gates::Moving::of([one, other])).collect();
        let (mut known, mut seen, mut found) = (Known::default(), HashMap::new(), Self::default());
        let tiers = before.models().iter().zip(after.models()).filter(|(one, other)| gates::tiers_move([one, other]));
        found.tiers.extend(tiers.map(|(one, _)| one.name().to_owned()));
        for place in pairing::places(before, after) {
            let (Some((ours, workload)), Some((theirs, _))) = (place.before, place.after) else { continue };
            let (Some(one), Some(other)) = (before.models().get(ours), after.models().get(theirs)) else { continue };
            let Some(objects) = moving.get(theirs).map(|moving| moving.about([one, other], workload)) else { continue };
            let mut peers = None;
            let mut opened: BTreeMap<(Option<u16>, bool), Opening> = BTreeMap::new();
            for (port, name) in ports(&place) {
                let Some(told) = known.tell([before, after], &place, port) else { continue };
                let [to_before, to_after] = place.at([before, after], port);
                let (Some(to_before), Some(to_after)) = (to_before, to_after) else { continue };
                let network = [before.passing(&to_before), after.passing(&to_after), between.passing(&to_after)];
                let [was, is, may] = &network;
                if objects.is_empty() && told.first() == told.last() && was == is && is == may {
                    continue;
                }
                let modelled = told.iter().all(|at| known.told.get(*at).is_some_and(|told| told.modelled));
                if !modelled {
                    found.skipped.insert(format!("{}:{}", place.cluster, place.name));
                    continue;
                }
                let Some(peers) = peers.get_or_insert_with(|| gates::peers([one, other], workload)) else {
                    found.skipped.insert(format!("{}:{}", place.cluster, place.name));
                    continue;
                };
                let ways: Vec<usize> = gates::ways([one, other], workload, port, peers)
                    .into_iter()
                    .map(|told| known.intern(told))
                    .collect();
                let port = Port { number: port, network: &network, told: &told, ways: &ways };
                for pair in &callers {
                    let Some(witness) = known.opened(pair, &place, &port, &mut seen) else { continue };
                    let opening = opened.entry((name, !witness.sure)).or_insert_with(|| Opening {
                        cluster: place.cluster.clone(),
                        workload: place.name.clone(),
                        port: name,
                        callers: Vec::new(),
                        witness,
                        objects: objects.clone(),
                    });
                    opening.callers.push((pair.party.cluster.clone(), pair.party.name.clone()));
                }
            }
            found.openings.extend(opened.into_values());
        }
        found
    }
}

/// The ports of a place, and how each is called: not at all, where it stands for those that nobody names.
fn ports(place: &Place<'_>) -> impl Iterator<Item = (u16, Option<u16>)> {
    place.ports.iter().map(|port| (*port, Some(*port))).chain(place.other.map(|port| (port, None)))
}

/// A port at both ends and between them.
struct Port<'p> {
    number: u16,
    network: &'p [Option<Reaching>; 3],
    told: &'p [usize; 2],
    ways: &'p [usize],
}

/// What was worked out before: by what is asked at both ends and between them.
type Seen = HashMap<(Vec<super::Asked>, Vec<super::Asked>), Option<Witness>>;

impl Known {
    /// Finds a request of a caller that is admitted between the ends and at neither.
    fn opened(&mut self, pair: &Pair, place: &Place<'_>, port: &Port<'_>, seen: &mut Seen) -> Option<Witness> {
        if !pair.party.shown && pair.party.cluster.as_ref() != Some(&place.cluster) {
            return None;
        }
        let [was, is, may] = port.network;
        let [told_before, told_after] = *port.told;
        let caller = pair.after.as_ref();
        if may.as_ref().is_some_and(|may| caller.is_some_and(|(at, _)| may.of(*at) == Reach::Denied)) {
            return None;
        }
        let ends = vec![
            self.passing(pair.before.as_ref(), Some(was), told_before),
            self.passing(caller, Some(is), told_after),
        ];
        let ways: Vec<super::Asked> =
            port.ways.iter().map(|told| self.passing(caller, Some(may), *told)).filter(Option::is_some).collect();
        if ways.is_empty() || ways.iter().all(|way| ends.contains(way)) {
            return None;
        }
        let key = (ends, ways);
        let found = match seen.get(&key) {
            Some(known) => known.clone(),
            None => {
                let side = |side: &super::Asked| -> Passing<'_> {
                    let (forms, surely) = (*side)?;
                    Some((self.forms.get(forms)?, if surely { Certainty::Surely } else { Certainty::Perhaps }))
                };
                let (ends, ways): (Vec<_>, Vec<_>) =
                    (key.0.iter().map(side).collect(), key.1.iter().map(side).collect());
                let found = opened(port.number, &ends, &ways);
                seen.insert(key, found.clone());
                found
            }
        };
        found.map(|mut witness| {
            witness.request.port = port.number;
            let identity = caller.and_then(|(_, identity)| identity.as_ref());
            let shows = |identity: &&crate::request::Identity| {
                let told = port.ways.iter().filter_map(|at| self.told.get(*at));
                told.into_iter().any(|told| told.takes(identity, &witness.request))
            };
            witness.request.peer = identity.filter(shows).cloned().map(Peer::from);
            witness
        })
    }
}
