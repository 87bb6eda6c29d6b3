//! What a change means: access that is gained, lost, or another than before.
//!
//! In: a [`Fleet`] before and one after. Out: [`Difference`]. Each pair of a caller and a port is compared as an exact set of
//! requests; where both sides ask the same of a caller, nothing is compared, so that most of a mesh costs nothing. Pairs with
//! the same change are put together, callers and ports apart, so that a change reads like what somebody would say of it.

mod access;
mod compare;
mod lines;
mod mixtures;
mod pairing;
mod shifts;
mod supposed;
mod words;

use std::collections::{BTreeMap, HashMap};

use self::access::{Forms, Told};
use self::compare::{Outcome, compare};
use self::pairing::{Pair, Place};
use crate::exact::Certainty;
use crate::fleet::{Destination, Fleet, Reaching};
use crate::reach::Reach;
use crate::request::{Identity, Peer};

pub use self::compare::Witness;
pub use self::lines::{Change, Kind, Target};
pub use self::mixtures::{Mixtures, Opening};
pub use self::pairing::{Party, Presence};
pub use self::shifts::Shift;
pub use self::supposed::supposed;

/// What is different after.
#[derive(Debug, Default, PartialEq)]
pub struct Difference {
    /// Every caller of both sides.
    pub callers: Vec<Party>,
    /// Access that changed, what is gained first.
    pub changes: Vec<Change>,
    /// What changed at workloads themselves, each with the workloads, by cluster and name.
    pub shifts: Vec<(Shift, Vec<(String, String)>)>,
}

impl Difference {
    /// Compares two fleets.
    #[must_use]
    pub fn between<'m>(before: &Fleet<'m>, after: &Fleet<'m>) -> Self {
        let callers = pairing::callers(before, after);
        let mut known = Known::default();
        let (mut lines, mut shifts) = (lines::Lines::default(), BTreeMap::<Shift, Vec<(String, String)>>::new());
        let moved: Vec<usize> = (0..callers.len()).filter(|at| callers.get(*at).is_some_and(Pair::is_moved)).collect();
        let everybody: Vec<usize> = (0..callers.len()).collect();
        let is_same_table = moved.is_empty() && callers.iter().all(Pair::is_in_place);
        for place in pairing::places(before, after) {
            let ports = place.ports.iter().copied().map(|port| (port, false));
            let ports = ports.chain(place.other.map(|port| (port, true)));
            let told: Vec<((u16, bool), [usize; 2])> = ports
                .filter_map(|(port, is_other)| Some(((port, is_other), known.tell([before, after], &place, port)?)))
                .collect();
            if let (Some((ours, one)), Some((theirs, other))) = (place.before, place.after)
                && let (Some(ours), Some(theirs)) = (before.models().get(ours), after.models().get(theirs))
            {
                let told: Vec<(u16, [&Told; 2])> = told
                    .iter()
                    .filter_map(|((port, is_other), [ours, theirs])| {
                        let port = if *is_other { 0 } else { *port };
                        Some((port, [known.told.get(*ours)?, known.told.get(*theirs)?]))
                    })
                    .collect();
                for shift in shifts::shifts((ours, one), (theirs, other), &told) {
                    shifts.entry(shift).or_default().push((place.cluster.clone(), place.name.clone()));
                }
            }
            for ((port, is_other), told) in &told {
                let [to_before, to_after] = place.at([before, after], *port);
                let network = [to_before.map(|to| before.passing(&to)), to_after.map(|to| after.passing(&to))];
                let is_network_still = match &network {
                    [Some(None), Some(None)] => true,
                    [Some(one), Some(other)] => is_same_table && one == other,
                    _ => false,
                };
                let port = Port { place: &place, number: *port, is_other: *is_other, told: *told, network };
                let [ours, theirs] = told;
                let among = if is_network_still && ours == theirs { &moved } else { &everybody };
                for at in among {
                    if let Some(pair) = callers.get(*at)
                        && let Some(found) = known.become_of(pair, &port)
                    {
                        lines.add(*at, pair, &port, found);
                    }
                }
            }
        }
        let changes = lines.finish(&callers);
        let callers = callers.into_iter().map(|pair| pair.party).collect();
        Self { callers, changes, shifts: shifts.into_iter().collect() }
    }

    /// Tells whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.shifts.is_empty()
    }

    /// Counts pairs of a caller that is shown and a port that somebody names, by what became of them.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.changes.iter().filter(|change| change.kind() == kind).map(Change::pairs).sum()
    }

    /// Tells whether anybody gains anything, were it perhaps. What changed at a workload itself decides nothing here: where
    /// it lets somebody in, that is a change.
    #[must_use]
    pub fn gains(&self) -> bool {
        self.changes.iter().any(|change| change.gained.is_some())
    }
}

/// A port, on both sides.
struct Port<'p, 'm> {
    place: &'p Place<'m>,
    number: u16,
    /// Whether it stands for all that nobody names.
    is_other: bool,
    told: [usize; 2],
    network: [Option<Option<Reaching>>; 2],
}

/// What became of a caller at a port, and what is asked of it on both sides.
struct Found {
    outcome: Outcome,
    words: [Vec<String>; 2],
}

/// What is asked of a caller, by its position among the forms, and whether the network surely lets it there.
type Asked = Option<(usize, bool)>;

/// What became of a caller, and what it loses and gains in words.
type Compared = (Outcome, [Vec<String>; 2]);

/// What was worked out before: the same is asked of many callers at many ports.
#[derive(Default)]
struct Known {
    told: Vec<Told>,
    told_at: HashMap<Told, usize>,
    forms: Vec<Forms>,
    forms_at: HashMap<Forms, usize>,
    asked: HashMap<(usize, Option<Identity>), Option<usize>>,
    compared: HashMap<[Asked; 2], Option<Compared>>,
}

impl Known {
    /// Collects what the proxies of a port are told; where there is no workload on one side, it is told the same.
    fn tell<'m>(&mut self, fleets: [&Fleet<'m>; 2], place: &Place<'m>, port: u16) -> Option<[usize; 2]> {
        let [before, after] = place.at(fleets, port);
        let of = |fleet: &Fleet<'_>, to: &Destination<'_>| {
            Some(Told::at(fleet.models().get(to.cluster)?, to.workload, port))
        };
        let [ours, theirs] = fleets;
        let before = before.and_then(|to| of(ours, &to));
        let after = after.and_then(|to| of(theirs, &to));
        let one = before.clone().or_else(|| after.clone())?;
        let other = after.or(before)?;
        Some([self.intern(one), self.intern(other)])
    }

    fn intern(&mut self, told: Told) -> usize {
        if let Some(at) = self.told_at.get(&told) {
            return *at;
        }
        self.told.push(told.clone());
        self.told_at.insert(told, self.told.len() - 1);
        self.told.len() - 1
    }

    /// Says what became of a caller at a port; `None` where nothing did.
    fn become_of(&mut self, pair: &Pair, port: &Port<'_, '_>) -> Option<Found> {
        // Pods of another cluster are seen by their addresses, and supposing those adds nothing.
        if !pair.party.shown && pair.party.cluster.as_ref() != Some(&port.place.cluster) {
            return None;
        }
        let [ours, theirs] = &port.network;
        let [told_before, told_after] = port.told;
        let before = self.passing(pair.before.as_ref(), ours.as_ref(), told_before);
        let after = self.passing(pair.after.as_ref(), theirs.as_ref(), told_after);
        if before == after {
            return None;
        }
        let found = match self.compared.get(&[before, after]) {
            Some(known) => known.clone(),
            None => {
                let side = |side: Asked| {
                    let (forms, surely) = side?;
                    Some((self.forms.get(forms)?, if surely { Certainty::Surely } else { Certainty::Perhaps }))
                };
                let outcome = compare(port.number, side(before), side(after));
                let words = [words::phrased(side(before), side(after)), words::phrased(side(after), side(before))];
                let found = (outcome != Outcome::default()).then_some((outcome, words));
                self.compared.insert([before, after], found.clone());
                found
            }
        };
        found.map(|(mut outcome, words)| {
            let sides =
                [(&mut outcome.lost, told_before, &pair.before), (&mut outcome.gained, told_after, &pair.after)];
            for (witness, told, caller) in sides {
                let (Some(witness), Some(told)) = (witness, self.told.get(told)) else { continue };
                witness.request.port = port.number;
                let identity = caller.as_ref().and_then(|(_, identity)| identity.as_ref());
                witness.request.peer =
                    identity.filter(|identity| told.takes(identity, &witness.request)).cloned().map(Peer::from);
            }
            Found { outcome, words }
        })
    }

    /// Returns what is asked of a caller at a port, and whether the network surely lets it there; `None` where it does not.
    fn passing(
        &mut self,
        caller: Option<&(u32, Option<Identity>)>,
        network: Option<&Option<Reaching>>,
        told: usize,
    ) -> Asked {
        let ((position, identity), network) = (caller?, network?);
        let surely = match network.as_ref().map_or(Reach::Allowed, |reaching| reaching.of(*position)) {
            Reach::Denied => return None,
            Reach::Depends => false,
            Reach::Allowed => true,
        };
        if let Some(known) = self.asked.get(&(told, identity.clone())) {
            return known.map(|known| (known, surely));
        }
        let forms = self.told.get(told)?.forms(identity.as_ref());
        if forms.is_nothing() {
            self.asked.insert((told, identity.clone()), None);
            return None;
        }
        let at = match self.forms_at.get(&forms) {
            Some(at) => *at,
            None => {
                self.forms.push(forms.clone());
                self.forms_at.insert(forms, self.forms.len() - 1);
                self.forms.len() - 1
            }
        };
        self.asked.insert((told, identity.clone()), Some(at));
        Some((at, surely))
    }
}

impl Pair {
    /// Tells whether the caller itself is another on the other side.
    fn is_moved(&self) -> bool {
        match (&self.before, &self.after) {
            (Some((_, ours)), Some((_, theirs))) => ours != theirs,
            _ => true,
        }
    }

    /// Tells whether it has the same position on both sides.
    fn is_in_place(&self) -> bool {
        matches!((&self.before, &self.after), (Some((one, _)), Some((other, _))) if one == other)
    }
}
