//! Who can reach what, and why.
//!
//! In: what the compiler made of a policy tree, or plain manifests. Out: who reaches what, gate by gate ([`reach`],
//! [`matrix`]), and the proof that manifests mean what the policy means ([`translation`]). Assertions are not judged yet, and
//! each verdict on them says so.

pub mod admission;
pub mod arrival;
pub mod checks;
pub mod coverage;
pub mod engine;
pub mod evaluate;
pub mod exact;
pub mod fleet;
pub mod glob;
pub mod identities;
pub mod intervals;
pub mod istio;
pub mod kubernetes;
pub mod matrix;
pub mod meant;
pub mod model;
pub mod network;
pub mod policies;
pub mod reach;
pub mod request;
pub mod residual;
pub mod surroundings;
pub mod translation;

use ringfence_compiler::document::{Document, Policy};
use ringfence_compiler::spec::assertion::AssertionSpec;

/// What is known of an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nobody has tried to prove it.
    NotProved {
        /// Why not.
        reason: &'static str,
    },
}

impl Verdict {
    /// Returns the word that programs read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotProved { .. } => "not-proved",
        }
    }
}

/// An assertion and its verdict.
#[derive(Debug, Clone)]
pub struct Judgement<'a> {
    /// The assertion.
    pub assertion: &'a Document<AssertionSpec>,
    /// What is known of it.
    pub verdict: Verdict,
}

/// Judges every assertion, in the order of their files.
#[must_use]
pub fn judge(policy: &Policy) -> Vec<Judgement<'_>> {
    let verdict = Verdict::NotProved { reason: "they are not judged yet" };
    policy.assertions.iter().map(|assertion| Judgement { assertion, verdict }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_without_assertions_has_no_verdicts() {
        assert!(judge(&Policy::default()).is_empty());
    }
}
