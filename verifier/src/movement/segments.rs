//! A tree over the table of callers: each of its nodes is one interval of the table.
//!
//! In: how many callers there are. Out: numbers of nodes. An arc leads from each node to the one above it, so that whoever is in an
//! interval gets to what the interval leads to.

use std::ops::Range;

/// A complete binary tree whose leaves are positions; node 1 is the root, and those below `node` are `2 * node` and the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segments {
    /// The number of the node before the root.
    base: usize,
    /// How many leaves there are: a power of two.
    leaves: usize,
}

impl Segments {
    /// Makes the tree over a number of positions, with nodes that are numbered from `base` on.
    pub fn over(base: usize, positions: usize) -> Self {
        Self { base, leaves: positions.next_power_of_two() }
    }

    /// Returns how many numbers its nodes take.
    pub fn len(&self) -> usize {
        2 * self.leaves
    }

    /// Returns the node of one position.
    pub fn leaf(&self, position: usize) -> usize {
        self.base + self.leaves + position
    }

    /// Returns each node with the one above it.
    pub fn arcs(self) -> impl Iterator<Item = (usize, usize)> {
        (2..2 * self.leaves).map(move |node| (self.base + node, self.base + node / 2))
    }

    /// Returns the fewest nodes that are an interval together.
    pub fn covering(self, range: Range<u32>) -> Vec<usize> {
        let at = |position: u32| self.leaves + usize::try_from(position).unwrap_or(usize::MAX - self.leaves);
        let (mut from, mut to) = (at(range.start), at(range.end).min(2 * self.leaves));
        let mut nodes = Vec::new();
        while from < to {
            if from % 2 == 1 {
                nodes.push(self.base + from);
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                nodes.push(self.base + to);
            }
            (from, to) = (from / 2, to / 2);
        }
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::Segments;

    #[test]
    fn an_interval_is_covered_by_its_positions_and_no_others() {
        for positions in [1, 2, 3, 7, 8, 13] {
            let tree = Segments::over(100, positions);
            let above = |mut node: usize| {
                let mut all = vec![node];
                while let Some((_, up)) = tree.arcs().find(|(from, _)| *from == node) {
                    all.push(up);
                    node = up;
                }
                all
            };
            for from in 0..=positions {
                for to in from..=positions {
                    let nodes = tree.covering(u32::try_from(from).unwrap()..u32::try_from(to).unwrap());
                    for position in 0..positions {
                        let up = above(tree.leaf(position));
                        let times = nodes.iter().filter(|node| up.contains(node)).count();
                        assert_eq!(times, usize::from((from..to).contains(&position)), "{from}..{to} of {positions}");
                    }
                }
            }
        }
    }
}
