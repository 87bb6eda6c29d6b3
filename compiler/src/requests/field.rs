//! What a rule says about one attribute of a request.
//!
//! In: patterns of one kind. Out: [`Field`], either no condition or a union of patterns, with union, intersection and
//! containment. It exists so that emptiness is never left to be guessed: `Only` of nothing matches nothing, and "no
//! condition" has a name of its own.

use std::collections::BTreeSet;
use std::fmt;

/// A set of values that a mesh can be told about in one string or number.
pub trait Pattern: Ord + Clone + fmt::Display {
    /// Tells whether every value of `other` is a value of `self`. Exact, not an approximation.
    fn covers(&self, other: &Self) -> bool;

    /// Returns the values that both have, as far as one pattern can say them.
    fn meet(&self, other: &Self) -> Meet<Self>;

    /// Returns the one form in which a union of patterns is kept: without those that another one covers.
    #[must_use]
    fn simplified(patterns: BTreeSet<Self>) -> Field<Self> {
        let kept = |pattern: &Self| {
            // Of two that cover each other the smaller stays, so that the result does not depend on order.
            !patterns
                .iter()
                .any(|other| other != pattern && other.covers(pattern) && (other < pattern || !pattern.covers(other)))
        };
        Field::Only(patterns.iter().filter(|pattern| kept(pattern)).cloned().collect())
    }
}

/// The values that two patterns have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meet<P> {
    /// None.
    Nothing,
    /// Exactly the values of this pattern.
    Pattern(P),
    /// Some, and no pattern is exactly those: `/a*` and `*z` share `/a…z`, which cannot be written.
    Inexpressible,
}

/// The condition on one attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field<P> {
    /// No condition: also a request that lacks the attribute.
    Any,
    /// One of these patterns. An empty set is met by no request.
    Only(BTreeSet<P>),
}

/// Two conditions whose conjunction cannot be written as a union of patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inexpressible {
    /// The attribute, as a rule names it: `paths`, `headers[x-team]`.
    pub field: String,
    /// A pattern, or a list of them, of one side.
    pub left: String,
    /// What it was to be combined with.
    pub right: String,
}

impl fmt::Display for Inexpressible {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, left, right } = self;
        write!(formatter, "no pattern of `{field}` says exactly what `{left}` and `{right}` have in common")
    }
}

impl std::error::Error for Inexpressible {}

impl<P: Ord> Field<P> {
    /// Makes a condition of one pattern.
    pub fn one(pattern: impl Into<P>) -> Self {
        Self::Only(BTreeSet::from([pattern.into()]))
    }

    /// Makes a condition of several patterns; of none, a condition that nothing meets.
    pub fn only(patterns: impl IntoIterator<Item = P>) -> Self {
        Self::Only(patterns.into_iter().collect())
    }

    /// Tells whether this is no condition at all.
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }

    /// Tells whether no request meets the condition.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Only(patterns) if patterns.is_empty())
    }

    /// Tells whether the condition is met, given what it means for one pattern to be.
    pub fn met_by(&self, mut meets: impl FnMut(&P) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Only(patterns) => patterns.iter().any(&mut meets),
        }
    }

    /// Returns the patterns; none where there is no condition.
    pub fn patterns(&self) -> impl Iterator<Item = &P> {
        match self {
            Self::Any => None,
            Self::Only(patterns) => Some(patterns),
        }
        .into_iter()
        .flatten()
    }
}

impl<P: Pattern> Field<P> {
    /// Returns the condition in its one form.
    #[must_use]
    pub fn simplified(self) -> Self {
        match self {
            Self::Any => Self::Any,
            Self::Only(patterns) => P::simplified(patterns),
        }
    }

    /// Returns the condition that either of the two meets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::Only(left), Self::Only(right)) => P::simplified(left.union(right).cloned().collect()),
        }
    }

    /// Tells whether each pattern of `other` lies within one of ours: then every request that meets `other` meets
    /// `self`. Where only several of ours together hold one of theirs this says no; the atoms decide that.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) => false,
            (Self::Only(ours), Self::Only(theirs)) => {
                theirs.iter().all(|their| ours.contains(their) || ours.iter().any(|our| our.covers(their)))
            }
        }
    }

    /// Tells whether no pattern of one has a value in common with one of the other: no request meets both, where the attribute
    /// has one value.
    pub(super) fn is_apart(&self, other: &Self) -> bool {
        let (Self::Only(left), Self::Only(right)) = (self, other) else { return false };
        left.iter().all(|ours| right.iter().all(|theirs| ours.meet(theirs) == Meet::Nothing))
    }

    /// Returns the condition met where both are, for an attribute that has one value.
    ///
    /// # Errors
    /// When patterns of the two share values that no pattern says exactly; `name` is the attribute.
    pub fn intersect(&self, other: &Self, name: &str) -> Result<Self, Inexpressible> {
        let (left, right) = match (self, other) {
            (Self::Any, field) | (field, Self::Any) => return Ok(field.clone().simplified()),
            (Self::Only(left), Self::Only(right)) => (left, right),
        };
        let mut met = BTreeSet::new();
        let mut inexpressible = Vec::new();
        for ours in left {
            for theirs in right {
                match ours.meet(theirs) {
                    Meet::Nothing => {}
                    Meet::Pattern(pattern) => _ = met.insert(pattern),
                    Meet::Inexpressible => inexpressible.push((ours, theirs)),
                }
            }
        }
        let met = P::simplified(met);
        // What cannot be said does no harm where it is part of what was said.
        let said = |pattern: &P| met.patterns().any(|found| found.covers(pattern));
        match inexpressible.into_iter().find(|(ours, theirs)| !said(ours) && !said(theirs)) {
            None => Ok(met),
            Some((ours, theirs)) => {
                Err(Inexpressible { field: name.to_owned(), left: ours.to_string(), right: theirs.to_string() })
            }
        }
    }

    /// Returns the condition met where both are, for an attribute that may have many values, of which one is enough.
    ///
    /// There `{a}` and `{b}` are met together by a request that has both values, so the only conjunctions that are one
    /// condition are those where one side contains the other.
    ///
    /// # Errors
    /// When neither side contains the other.
    pub fn intersect_many(&self, other: &Self, name: &str) -> Result<Self, Inexpressible> {
        if self.is_nothing() || other.covers(self) {
            Ok(self.clone().simplified())
        } else if other.is_nothing() || self.covers(other) {
            Ok(other.clone().simplified())
        } else {
            Err(Inexpressible { field: name.to_owned(), left: self.listed(), right: other.listed() })
        }
    }

    /// Returns the patterns as one text, for messages.
    fn listed(&self) -> String {
        self.patterns().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}
