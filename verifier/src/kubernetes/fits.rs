//! Whether a condition is met, where manifests may not tell.

/// Whether a condition is met. The order makes `min` a conjunction and `max` a disjunction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fits {
    /// It is not.
    No,
    /// Manifests do not tell.
    Perhaps,
    /// It is.
    Yes,
}

impl Fits {
    /// Says what is known.
    #[must_use]
    pub fn of(met: bool) -> Self {
        if met { Self::Yes } else { Self::No }
    }

    /// Tells whether it may be met.
    #[must_use]
    pub fn may(self) -> bool {
        self != Self::No
    }

    /// Returns whether one of several is met; of none, none is.
    #[must_use]
    pub fn any(each: impl IntoIterator<Item = Self>) -> Self {
        each.into_iter().max().unwrap_or(Self::No)
    }
}
