//! Boxes of atoms, and whether some cover another.
//!
//! In: boxes, one set of atoms a dimension. Out: a part of one box that no other covers, or the certainty that there is
//! none. Knows nothing of what the atoms stand for.

use super::atoms::AtomSet;

/// A clause as a set of atoms a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Area(Vec<AtomSet>);

impl Area {
    /// Adds the side of one more dimension.
    pub fn push(&mut self, side: AtomSet) {
        self.0.push(side);
    }

    /// Returns the sides in the order of the dimensions.
    pub fn sides(&self) -> impl Iterator<Item = &AtomSet> {
        self.0.iter()
    }

    /// Makes the area of everything, of dimensions with so many atoms.
    #[must_use]
    pub fn everything(counts: impl IntoIterator<Item = usize>) -> Self {
        Self(counts.into_iter().map(AtomSet::all).collect())
    }

    /// Returns the side of one dimension.
    #[must_use]
    pub fn side(&self, at: usize) -> Option<&AtomSet> {
        self.0.get(at)
    }

    /// Returns the same area with another side.
    #[must_use]
    pub fn with_side(&self, at: usize, atoms: AtomSet) -> Self {
        let mut area = self.clone();
        area.set(at, atoms);
        area
    }

    /// Tells whether there is no point in the area.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().any(AtomSet::is_empty)
    }

    /// Returns the points of both areas.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours.and(theirs)).collect())
    }

    /// Tells whether the two share a point.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(ours, theirs)| ours.meets(theirs))
    }

    /// Returns in how many dimensions we reach beyond the other.
    fn beyond(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).filter(|(ours, theirs)| !ours.is_within(theirs)).count()
    }

    /// Returns disjoint parts that together are what we have and the other has not.
    #[must_use]
    pub fn without(&self, other: &Self) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut inside = self.clone();
        for (at, theirs) in other.0.iter().enumerate() {
            let Some(ours) = inside.0.get(at) else { continue };
            let (outside, within) = (ours.without(theirs), ours.and(theirs));
            if !outside.is_empty() {
                let mut part = inside.clone();
                part.set(at, outside);
                parts.push(part);
            }
            inside.set(at, within);
        }
        parts
    }

    /// Replaces one side.
    fn set(&mut self, at: usize, atoms: AtomSet) {
        if let Some(place) = self.0.get_mut(at) {
            *place = atoms;
        }
    }
}

/// Returns a part of `area` that lies outside all of `others`, if there is one.
///
/// Whether boxes cover a box is a hard question in general. It stays small here because each step takes away the box that
/// is beyond ours in the fewest dimensions: one that covers ours ends the branch, one that is open in one dimension only
/// shrinks ours without a split.
#[must_use]
pub fn escape<'a>(area: &Area, others: impl IntoIterator<Item = &'a Area>) -> Option<Area> {
    escape_within(area, others, usize::MAX).flatten()
}

/// Returns the same as [`escape`], or `None` where it takes more steps than these to know.
#[must_use]
pub fn escape_within<'a>(
    area: &Area,
    others: impl IntoIterator<Item = &'a Area>,
    steps: usize,
) -> Option<Option<Area>> {
    let mut work: Vec<(Area, Vec<&Area>)> = vec![(area.clone(), others.into_iter().collect())];
    let mut taken = 0;
    while let Some((area, mut others)) = work.pop() {
        if taken == steps {
            return None;
        }
        taken += 1;
        others.retain(|other| area.meets(other));
        let nearest = others.iter().enumerate().min_by_key(|(_, other)| area.beyond(other)).map(|(at, _)| at);
        let Some(nearest) = nearest else { return Some(Some(area)) };
        let nearest = others.swap_remove(nearest);
        // The parts are tried in the order of the dimensions.
        work.extend(area.without(nearest).into_iter().rev().map(|part| (part, others.clone())));
    }
    Some(None)
}
