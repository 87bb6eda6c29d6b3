//! What so few edits can do at best: the lines without which the cheapest way that is left costs most.
//!
//! In: a [`Graph`], where an attacker begins, what it is after, and how many lines may go. Out: [`Best`]. To make the cheapest way
//! dearer one of its own lines has to go, so that trying each of these in turn overlooks nothing.

use std::collections::BTreeSet;

use super::cut::{Cut, Uncut};
use super::graph::Graph;
use super::spread::Allowed;
use super::vertex::Vertex;

/// As many sets of lines as are tried.
const MOST: usize = 3000;

/// What so many lines do at best.
#[derive(Debug, Clone)]
pub struct Best<'g> {
    /// The lines, and what breaks with them.
    pub cut: Cut<'g>,
    /// What the cheapest way costs now.
    pub before: u32,
    /// What the cheapest way costs without these; `None` where none is left.
    pub after: Option<u32>,
}

/// A set of lines, and what the cheapest way costs without them.
struct Tried {
    gone: BTreeSet<usize>,
    /// What it costs; more than anything where none is left.
    cost: u64,
}

impl Graph<'_> {
    /// Finds the lines, at most so many, without which the cheapest way costs most; of several such sets the smallest.
    ///
    /// # Errors
    /// When there is no way, when no line could make it dearer, or when too many sets had to be tried.
    pub fn best_within(
        &self,
        from: &[Vertex],
        to: &[Vertex],
        allowed: Allowed,
        budget: usize,
    ) -> Result<Best<'_>, Uncut> {
        let questions = self.questions(from, to);
        let nearest = |gone: &BTreeSet<usize>| -> (u64, BTreeSet<usize>) {
            let is_cut = |arc: usize| self.line_of(arc).is_some_and(|line| gone.contains(&line));
            match self.nearest(&questions, allowed, &is_cut) {
                None => (u64::MAX, BTreeSet::new()),
                Some((cost, way)) => (cost.into(), way.iter().filter_map(|(_, arc)| self.line_of(*arc)).collect()),
            }
        };
        let (before, _) = nearest(&BTreeSet::new());
        if before == u64::MAX {
            return Err(Uncut::NoWay);
        }
        let mut best = Tried { gone: BTreeSet::new(), cost: before };
        let mut seen: BTreeSet<BTreeSet<usize>> = BTreeSet::from([BTreeSet::new()]);
        let mut left: Vec<BTreeSet<usize>> = vec![BTreeSet::new()];
        while let Some(gone) = left.pop() {
            let (cost, lines) = nearest(&gone);
            let is_better = (cost, std::cmp::Reverse(gone.len())) > (best.cost, std::cmp::Reverse(best.gone.len()));
            if is_better || cost == best.cost && gone.len() == best.gone.len() && gone < best.gone {
                best = Tried { gone: gone.clone(), cost };
            }
            if gone.len() >= budget {
                continue;
            }
            for line in lines {
                let more: BTreeSet<usize> = gone.iter().copied().chain([line]).collect();
                if seen.insert(more.clone()) {
                    left.push(more);
                }
            }
            if seen.len() > MOST {
                return Err(Uncut::TooMany);
            }
        }
        if best.gone.is_empty() {
            return Err(Uncut::NoLine);
        }
        let cost = |cost: u64| u32::try_from(cost).ok();
        let after = Some(best.cost).filter(|after| *after != u64::MAX).and_then(cost);
        Ok(Best { cut: self.without(&best.gone), before: cost(before).unwrap_or(u32::MAX), after })
    }
}
