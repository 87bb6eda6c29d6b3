//! Pairs with the same change, put together.
//!
//! In: what became of each caller at each port. Out: [`Change`]s: as many callers and as many ports as share one change, so
//! that "all of payments now reach the ledger" is one line and its count is exact.

use std::collections::BTreeMap;

use super::compare::Witness;
use super::pairing::{Pair, Party, Presence};
use super::{Found, Port};

/// A change of access: each of the callers at each of the ports.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The callers.
    pub callers: Vec<Party>,
    /// The ports.
    pub targets: Vec<Target>,
    /// A request that is admitted after and was not before, of the first caller at the first port.
    pub gained: Option<Witness>,
    /// One that was admitted before and is not after.
    pub lost: Option<Witness>,
    /// What is admitted after and was not, in words.
    pub gains: Vec<String>,
    /// What was admitted before and is not, in words.
    pub loses: Vec<String>,
}

/// A port of a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Its cluster.
    pub cluster: String,
    /// The workload.
    pub workload: String,
    /// The port.
    pub port: u16,
    /// Whether it stands for every port that nobody names.
    pub is_other: bool,
    /// On which sides the workload is.
    pub presence: Presence,
}

/// What became of access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// There is more of it.
    Gained,
    /// There may be more, as far as files tell.
    MayGain,
    /// Other requests are admitted than before, and some no longer.
    Moved,
    /// There is less.
    Lost,
    /// There may be less.
    MayLose,
}

impl Change {
    /// Returns what became of access.
    #[must_use]
    pub fn kind(&self) -> Kind {
        kind(self.gained.as_ref().map(|witness| witness.sure), self.lost.as_ref().map(|witness| witness.sure))
    }

    /// Returns how many pairs of callers that are shown and ports that somebody names it is.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        let callers = self.callers.iter().filter(|party| party.shown).count() as u64;
        callers * self.targets.iter().filter(|target| !target.is_other).count() as u64
    }
}

fn kind(gained: Option<bool>, lost: Option<bool>) -> Kind {
    match (gained, lost) {
        (Some(_), Some(_)) => Kind::Moved,
        (Some(true), None) => Kind::Gained,
        (Some(false), None) => Kind::MayGain,
        (None, Some(false)) => Kind::MayLose,
        (None, _) => Kind::Lost,
    }
}

/// What changes must share to be one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    kind: Kind,
    sure: [Option<bool>; 2],
    presence: [Presence; 2],
    words: [Vec<String>; 2],
}

/// Changes while they are being found.
#[derive(Default)]
pub(super) struct Lines {
    of_target: BTreeMap<(Target, Shape), Vec<usize>>,
    witnesses: BTreeMap<(Target, Shape), (Option<Witness>, Option<Witness>)>,
}

impl Lines {
    /// Adds what became of a caller at a port. Callers come in their order.
    pub fn add(&mut self, caller: usize, pair: &Pair, port: &Port<'_, '_>, found: Found) {
        let Found { outcome, words: [loses, gains] } = found;
        // What somebody could do before says nothing where more was added, and so the other way.
        let words = [
            if outcome.lost.is_some() { loses } else { Vec::new() },
            if outcome.gained.is_some() { gains } else { Vec::new() },
        ];
        let sure = [&outcome.gained, &outcome.lost].map(|witness| witness.as_ref().map(|witness| witness.sure));
        let [gained, lost] = sure;
        let presence = Presence::of(port.place.before.as_ref(), port.place.after.as_ref());
        let shape = Shape { kind: kind(gained, lost), sure, presence: [pair.party.presence, presence], words };
        let target = Target {
            cluster: port.place.cluster.clone(),
            workload: port.place.name.clone(),
            port: port.number,
            is_other: port.is_other,
            presence,
        };
        let key = (target, shape);
        self.witnesses.entry(key.clone()).or_insert((outcome.gained, outcome.lost));
        self.of_target.entry(key).or_default().push(caller);
    }

    /// Puts together what shares callers and change.
    pub fn finish(mut self, callers: &[Pair]) -> Vec<Change> {
        let mut lines: BTreeMap<(Shape, Vec<usize>), Vec<Target>> = BTreeMap::new();
        for ((target, shape), callers) in &self.of_target {
            lines.entry((shape.clone(), callers.clone())).or_default().push(target.clone());
        }
        let change = |((shape, at), mut targets): ((Shape, Vec<usize>), Vec<Target>)| {
            // A port that nobody names says nothing more where those of the same workload that are named change alike.
            let of = |target: &Target| (target.cluster.clone(), target.workload.clone());
            let named: Vec<(String, String)> = targets.iter().filter(|target| !target.is_other).map(of).collect();
            targets.retain(|target| !target.is_other || !named.contains(&of(target)));
            let first = targets.first()?.clone();
            let [loses, gains] = shape.words.clone();
            let (gained, lost) = self.witnesses.remove(&(first, shape)).unwrap_or_default();
            let parties: Vec<Party> = at.iter().filter_map(|at| Some(callers.get(*at)?.party.clone())).collect();
            Some(Change { callers: parties, targets, gained, lost, gains, loses })
        };
        let mut changes: Vec<Change> = lines.into_iter().filter_map(change).collect();
        changes.sort_by(|one, other| {
            let key = |change: &Change| (change.kind(), change.targets.first().cloned());
            key(one).cmp(&key(other))
        });
        changes
    }
}
