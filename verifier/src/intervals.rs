//! Sets of positions in a sorted table, as intervals.
//!
//! In: positions of callers or identities. Out: [`Intervals`]. Tables are sorted so that what policies speak of (an account, a
//! namespace, a trust domain) is one interval each, whatever the number of callers in it.

use std::ops::Range;

/// A set of positions: disjoint ranges that do not touch, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Intervals(Vec<Range<u32>>);

impl Intervals {
    /// Makes the set of one range.
    #[must_use]
    pub fn range(range: Range<u32>) -> Self {
        if range.is_empty() { Self::default() } else { Self(vec![range]) }
    }

    /// Makes the set of these ranges, in any order.
    #[must_use]
    pub fn of(mut ranges: Vec<Range<u32>>) -> Self {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_by_key(|range| range.start);
        let mut joined: Vec<Range<u32>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        Self(joined)
    }

    /// Returns the ranges, in order.
    #[must_use]
    pub fn ranges(&self) -> &[Range<u32>] {
        &self.0
    }

    /// Tells whether nothing is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many positions there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|range| u64::from(range.end - range.start)).sum()
    }

    /// Returns a number that equal sets share, and few others do: quicker to make of a long set than what tables make of it.
    #[must_use]
    pub fn print(&self) -> u64 {
        // The multiplier of rustc's own tables (rustc-hash, FxHasher).
        const SPREAD: u64 = 0x517c_c1b7_2722_0a95;
        let both = |range: &Range<u32>| u64::from(range.start) << 32 | u64::from(range.end);
        self.0.iter().fold(0, |print, range| (print.rotate_left(5) ^ both(range)).wrapping_mul(SPREAD))
    }

    /// Tells whether a position is in the set.
    #[must_use]
    pub fn contains(&self, position: u32) -> bool {
        let after = self.0.partition_point(|range| range.end <= position);
        self.0.get(after).is_some_and(|range| range.contains(&position))
    }

    /// Returns the positions.
    pub fn positions(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(Clone::clone)
    }

    /// Returns what is in either set.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => Self::of(self.0.iter().chain(&other.0).cloned().collect()),
        }
    }

    /// Returns what is in both sets.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(one), Some(two)) = (ours.peek(), theirs.peek()) {
            let range = one.start.max(two.start)..one.end.min(two.end);
            if !range.is_empty() {
                both.push(range);
            }
            if one.end <= two.end {
                ours.next()
            } else {
                theirs.next()
            };
        }
        Self(both)
    }

    /// Returns what is in this set and not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::with_capacity(self.0.len());
        let mut gone = other.0.iter().peekable();
        for range in &self.0 {
            let mut start = range.start;
            while let Some(hole) = gone.peek() {
                if hole.start >= range.end {
                    break;
                }
                if start < hole.start {
                    left.push(start..hole.start);
                }
                start = start.max(hole.end);
                if hole.end > range.end {
                    break;
                }
                gone.next();
            }
            if start < range.end {
                left.push(start..range.end);
            }
        }
        Self(left)
    }

    /// Returns the positions of another table in which position `at` of this one is the range from `starts[at]` to
    /// `starts[at + 1]`.
    #[must_use]
    pub fn spread(&self, starts: &[u32]) -> Self {
        let start = |at: u32| starts.get(at as usize).or(starts.last()).copied().unwrap_or(0);
        Self::of(self.0.iter().map(|range| start(range.start)..start(range.end)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn sets() -> impl Strategy<Value = BTreeSet<u32>> {
        prop::collection::btree_set(0u32..24, 0..16)
    }

    fn intervals(set: &BTreeSet<u32>) -> Intervals {
        Intervals::of(set.iter().rev().map(|at| *at..at + 1).collect())
    }

    proptest! {
        #[test]
        fn operations_are_those_of_sets(ours in sets(), theirs in sets(), at in 0u32..26) {
            let (one, two) = (intervals(&ours), intervals(&theirs));
            prop_assert_eq!(one.or(&two), intervals(&(&ours | &theirs)));
            prop_assert_eq!(one.and(&two), intervals(&(&ours & &theirs)));
            prop_assert_eq!(one.without(&two), intervals(&(&ours - &theirs)));
            prop_assert_eq!(one.contains(at), ours.contains(&at));
            prop_assert_eq!(one.print() == two.print(), ours == theirs);
            prop_assert_eq!(one.count(), ours.len() as u64);
            prop_assert_eq!(one.positions().collect::<BTreeSet<_>>(), ours.clone());
            // Each position becomes two.
            let starts: Vec<u32> = (0..=24).map(|at| at * 2).collect();
            let doubled = ours.iter().flat_map(|at| [at * 2, at * 2 + 1]).collect();
            prop_assert_eq!(one.spread(&starts), intervals(&doubled));
        }
    }
}
