//! Who and what of before is who and what of after.
//!
//! In: two fleets. Out: callers and workloads by cluster, kind and name, each with where it is on either side; what is on one
//! side only was added or has gone.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::inventory::Workload;

use crate::fleet::{Calling, Destination, Fleet};
use crate::matrix::{OUTSIDE, name};
use crate::reach::Caller;
use crate::request::Identity;
use crate::spoken::Spoken;

use super::supposed::is_supposed;

/// Something that is there before, after, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// On both sides.
    Kept,
    /// Only after.
    New,
    /// Only before.
    Gone,
}

impl Presence {
    pub(super) fn of<T>(before: Option<&T>, after: Option<&T>) -> Self {
        match (before, after) {
            (None, _) => Self::New,
            (_, None) => Self::Gone,
            _ => Self::Kept,
        }
    }
}

/// A caller, as a person would name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party {
    /// Its cluster; none for who is outside of all.
    pub cluster: Option<String>,
    /// What it is called: `shop/web`, `gateway:public`, `outside`.
    pub name: String,
    /// Whether manifests or facts show it; otherwise it is a pod that there may be.
    pub shown: bool,
    /// On which sides it is.
    pub presence: Presence,
    /// The identity it can show after, or else before.
    pub identity: Option<Identity>,
}

/// A caller of both sides.
#[derive(Debug)]
pub(super) struct Pair {
    pub party: Party,
    pub before: Option<(u32, Option<Identity>)>,
    pub after: Option<(u32, Option<Identity>)>,
}

/// A workload of both sides, and the cluster it is in on each.
#[derive(Debug)]
pub(super) struct Place<'m> {
    pub cluster: String,
    pub name: String,
    pub before: Option<(usize, &'m Workload)>,
    pub after: Option<(usize, &'m Workload)>,
    /// The ports that somebody speaks of, and one of which nobody does.
    pub ports: BTreeSet<u16>,
    pub other: Option<u16>,
}

/// Orders callers by cluster, kind of caller, name and kind of workload; several may share all of them.
type Key<'m> = (Option<String>, u8, String, &'m str, usize);

/// Finds the callers of both sides.
pub(super) fn callers(before: &Fleet<'_>, after: &Fleet<'_>) -> Vec<Pair> {
    let (ours, theirs) = (keyed(before), keyed(after));
    let keys: BTreeSet<&Key<'_>> = ours.keys().chain(theirs.keys()).collect();
    let of_key = |key: &Key<'_>| {
        let (before, after) = (ours.get(key).cloned(), theirs.get(key).cloned());
        let identity = after.as_ref().or(before.as_ref()).and_then(|(_, identity)| identity.clone());
        let (cluster, _, name, ..) = key.clone();
        let presence = Presence::of(before.as_ref(), after.as_ref());
        let shown = !is_supposed(&name);
        Pair { party: Party { cluster, shown, name, presence, identity }, before, after }
    };
    keys.into_iter().map(of_key).collect()
}

fn keyed<'m>(fleet: &Fleet<'m>) -> BTreeMap<Key<'m>, (u32, Option<Identity>)> {
    let mut found = BTreeMap::new();
    for (position, calling) in (0..).zip(fleet.callers()) {
        let home = calling.cluster.and_then(|home| fleet.models().get(home));
        let cluster = home.map(|model| model.name().to_owned());
        let identity = home.and_then(|home| calling.caller.identity(home));
        let (order, name, kind) = key(calling);
        let same =
            (0..).map(|at| (cluster.clone(), order, name.clone(), kind, at)).find(|key| !found.contains_key(key));
        if let Some(key) = same {
            found.insert(key, (position, identity));
        }
    }
    found
}

fn key<'m>(calling: &Calling<'m>) -> (u8, String, &'m str) {
    match calling.caller {
        Caller::Workload(workload) | Caller::WorkloadOf(_, workload) => (0, name(workload), workload.kind.as_str()),
        Caller::Stranger(stranger) | Caller::StrangerOf(_, stranger) => {
            (if is_supposed(&stranger.name) { 2 } else { 1 }, stranger.name.clone(), "")
        }
        Caller::Outside(_) => (3, OUTSIDE.to_owned(), ""),
    }
}

/// Finds the workloads of both sides, with every port that somebody speaks of on either.
pub(super) fn places<'m>(before: &Fleet<'m>, after: &Fleet<'m>) -> Vec<Place<'m>> {
    /// By cluster, name and kind; several workloads may share all of them.
    type Places<'m> = BTreeMap<(String, String, &'m str, usize), (Place<'m>, Vec<Spoken>)>;
    let mut places = Places::new();
    for (is_after, fleet) in [(false, before), (true, after)] {
        for (cluster, model) in fleet.models().iter().enumerate() {
            for workload in model.workloads() {
                let key = |at| (model.name().to_owned(), name(workload), workload.kind.as_str(), at);
                let is_free = |(place, _): &(Place<'m>, _)| {
                    if is_after { place.after.is_none() } else { place.before.is_none() }
                };
                let Some(key) = (0..).map(key).find(|key| places.get(key).is_none_or(is_free)) else { continue };
                let (place, spoken) = places.entry(key).or_insert_with(|| {
                    let (cluster, name) = (model.name().to_owned(), name(workload));
                    (
                        Place { cluster, name, before: None, after: None, ports: BTreeSet::new(), other: None },
                        Vec::new(),
                    )
                });
                *(if is_after { &mut place.after } else { &mut place.before }) = Some((cluster, workload));
                let here = Spoken::arriving(model, workload);
                place.ports.extend(here.named().into_iter().chain(here.of_proxy()));
                spoken.push(here);
            }
        }
    }
    let with_other = |(mut place, spoken): (Place<'m>, Vec<Spoken>)| {
        // Beyond the ports that the kernel hands out there is no server. What a range holds is not what nobody names.
        let is_unspoken =
            |port: &u16| !place.ports.contains(port) && !spoken.iter().any(|spoken| spoken.ranges_hold(*port));
        place.other = (30_000..=u16::MAX).chain(1..30_000).find(is_unspoken);
        place
    };
    places.into_values().map(with_other).collect()
}

impl<'m> Place<'m> {
    /// Returns a port of it before, and after.
    pub fn at(&self, [before, after]: [&Fleet<'m>; 2], port: u16) -> [Option<Destination<'m>>; 2] {
        let at = |fleet: &Fleet<'m>, side: Option<(usize, &'m Workload)>| {
            let (cluster, workload) = side?;
            let readings = fleet.models().get(cluster)?.readings(workload, port);
            Some(Destination { cluster, workload, port, readings })
        };
        [at(before, self.before), at(after, self.after)]
    }
}
