//! Sets of requests: the algebra of authorisation.
//!
//! In: what grants, denies and mandates say of requests. Out: [`RequestSet`], with union, intersection, exact containment
//! and a witness wherever the answer is no. It exists because every verdict of this product is a statement about such
//! sets: a grant lies within its ceilings, a floor within what is admitted, the output admits exactly what was meant.
//!
//! A set is a union of [`Clause`]s, each a conjunction of positive conditions, because that is what a rule of an Istio
//! AuthorizationPolicy with action ALLOW can say without surprises: a negative condition admits plaintext peers and
//! requests without a token. So a difference is never a set here, only a question that is answered with a request.
//!
//! [`Clause::matches`] says on one page what a clause means. All else is held against it, by property tests on random
//! requests and on every witness. What single patterns mean is stated, with its sources, at [`TextPattern`],
//! [`PathPattern`], [`HostPattern`] and [`IdentityPattern`].

pub mod area;
pub mod atoms;
pub mod automaton;
mod clause;
mod field;
mod identity;
mod path;
mod request;
mod space;
mod text;
mod value;

#[cfg(test)]
mod tests;

pub use self::clause::{Clause, TokenClause, TokenMatch};
pub use self::field::{Field, Inexpressible, Meet, Pattern};
pub use self::identity::{IdentityPattern, Part};
pub use self::path::{PathPattern, Segment, Template};
pub use self::request::{HeaderName, Identity, Request, Token};
pub use self::text::{HostPattern, PatternError, TextPattern};

/// A set of requests: those that meet one of its clauses.
///
/// Kept in one form, whatever the order and repetition in which it was put together: fields without what another pattern
/// of theirs covers, clauses sorted, without those that another clause covers. Two equal sets are the same requests. Two
/// that differ may still be: [`RequestSet::is_same_as`] asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestSet {
    clauses: Vec<Clause>,
}

impl RequestSet {
    /// Makes the set of no request.
    #[must_use]
    pub fn nothing() -> Self {
        Self { clauses: Vec::new() }
    }

    /// Makes the set of all requests.
    #[must_use]
    pub fn everything() -> Self {
        Self { clauses: vec![Clause::any()] }
    }

    /// Makes the set of the requests that meet one of these clauses.
    #[must_use]
    pub fn from_clauses(clauses: impl IntoIterator<Item = Clause>) -> Self {
        let mut clauses: Vec<Clause> = clauses.into_iter().filter_map(Clause::simplified).collect();
        clauses.sort();
        clauses.dedup();
        let covered = |at: usize, clause: &Clause| {
            // Of two that cover each other the first stays.
            clauses.iter().enumerate().any(|(other_at, other)| {
                other_at != at && other.covers(clause) && (other_at < at || !clause.covers(other))
            })
        };
        let kept = clauses.iter().enumerate().filter(|(at, clause)| !covered(*at, clause));
        Self { clauses: kept.map(|(_, clause)| clause.clone()).collect() }
    }

    /// Tells whether there is no request in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // INVARIANT: a clause that nothing meets is never kept, and every pattern has something that meets it.
        self.clauses.is_empty()
    }

    /// Returns the clauses, sorted.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// Tells whether the request is in the set.
    #[must_use]
    pub fn matches(&self, request: &Request) -> bool {
        self.clauses.iter().any(|clause| clause.matches(request))
    }

    /// Returns the requests of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_clauses(self.clauses.iter().chain(&other.clauses).cloned())
    }

    /// Returns the requests of both sets, again as positive clauses.
    ///
    /// # Errors
    /// When some of them are in no clause that could be written: names the field and the two patterns.
    pub fn intersect(&self, other: &Self) -> Result<Self, Inexpressible> {
        let mut met = Vec::new();
        let mut unsaid = Vec::new();
        for ours in &self.clauses {
            for theirs in &other.clauses {
                match ours.intersect(theirs) {
                    Ok(clause) => met.extend(clause),
                    Err(inexpressible) => unsaid.push((ours, theirs, inexpressible)),
                }
            }
        }
        let met = Self::from_clauses(met);
        // What cannot be said does no harm where it is part of what was said.
        let said = |clause: &Clause| met.clauses.iter().any(|found| found.covers(clause));
        match unsaid.into_iter().find(|(ours, theirs, _)| !said(ours) && !said(theirs)) {
            None => Ok(met),
            Some((_, _, inexpressible)) => Err(inexpressible),
        }
    }

    /// Returns a request that is in this set and not in the other; `None` means that there is none, with certainty.
    #[must_use]
    pub fn difference_witness(&self, other: &Self) -> Option<Request> {
        space::difference(&self.clauses, &other.clauses)
    }

    /// Decides whether every request of this set is in the other one. Exact.
    ///
    /// # Errors
    /// With a request that is in this set and not in the other.
    pub fn is_subset_of(&self, other: &Self) -> Result<(), Box<Request>> {
        match self.difference_witness(other) {
            None => Ok(()),
            Some(witness) => Err(Box::new(witness)),
        }
    }

    /// Tells whether the two sets are the same requests, however they are written.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self == other || (self.is_subset_of(other).is_ok() && other.is_subset_of(self).is_ok())
    }

    /// Returns a request of both sets; `None` means that they have none in common, with certainty.
    #[must_use]
    pub fn meets(&self, other: &Self) -> Option<Request> {
        space::overlap(&self.clauses, &other.clauses)
    }

    /// Returns the smallest set that holds this one and asks nothing of HTTP: who calls, from where, to which port.
    #[must_use]
    pub fn l4(&self) -> Self {
        Self::from_clauses(self.clauses.iter().map(Clause::l4))
    }

    /// Tells whether the set asks nothing of HTTP, so that ztunnel and a TCP proxy can enforce it.
    #[must_use]
    pub fn is_l4(&self) -> bool {
        self.clauses.iter().all(|clause| *clause == clause.l4())
    }
}
