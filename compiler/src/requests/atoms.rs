//! Sets of atoms, as bits.
//!
//! In: numbers of atoms. Out: [`AtomSet`]. An atom is a class of values that no pattern at hand tells apart; a field is a
//! set of them.

/// A set of atoms of one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtomSet {
    words: Vec<u64>,
}

impl AtomSet {
    /// Makes a set of none of `count` atoms.
    #[must_use]
    pub fn none(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)] }
    }

    /// Makes a set of all of `count` atoms.
    #[must_use]
    pub fn all(count: usize) -> Self {
        let mut set = Self::none(count);
        for (at, word) in set.words.iter_mut().enumerate() {
            *word = match count - at * 64 {
                64.. => u64::MAX,
                rest => (1 << rest) - 1,
            };
        }
        set
    }

    /// Adds an atom.
    pub fn insert(&mut self, atom: usize) {
        if let Some(word) = self.words.get_mut(atom / 64) {
            *word |= 1 << (atom % 64);
        }
    }

    /// Tells whether there is no atom in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Returns the first atom.
    #[must_use]
    pub fn first(&self) -> Option<usize> {
        let at = self.words.iter().position(|word| *word != 0)?;
        Some(at * 64 + self.words.get(at)?.trailing_zeros() as usize)
    }

    /// Tells whether the atom is in the set.
    #[must_use]
    pub fn has(&self, atom: usize) -> bool {
        self.words.get(atom / 64).is_some_and(|word| word & (1 << (atom % 64)) != 0)
    }

    /// Tells whether the two sets share an atom.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(ours, theirs)| ours & theirs != 0)
    }

    /// Tells whether every atom of ours is one of theirs.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(ours, theirs)| ours & !theirs == 0)
    }

    /// Returns the atoms of both sets.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self { words: self.words.iter().zip(&other.words).map(|(ours, theirs)| ours & theirs).collect() }
    }

    /// Returns the atoms of either set.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self { words: self.words.iter().zip(&other.words).map(|(ours, theirs)| ours | theirs).collect() }
    }

    /// Returns our atoms that are not theirs.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self { words: self.words.iter().zip(&other.words).map(|(ours, theirs)| ours & !theirs).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::AtomSet;

    #[test]
    fn sets_hold_exactly_what_was_put_in_at_every_size() {
        for count in [1, 63, 64, 65, 127, 128, 130] {
            let all = AtomSet::all(count);
            let mut filled = AtomSet::none(count);
            assert!(filled.is_empty() && filled.first().is_none());
            for atom in (0..count).rev() {
                filled.insert(atom);
                assert_eq!(filled.first(), Some(atom));
                assert!(filled.is_within(&all));
                assert_eq!(all.is_within(&filled), atom == 0);
            }
            assert_eq!(filled, all);
            assert!(all.without(&filled).is_empty());
            assert!(all.meets(&filled));
            assert_eq!(all.and(&filled), all);
        }
    }
}
