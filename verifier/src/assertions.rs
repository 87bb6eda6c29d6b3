//! Assertions: what must always or never be reachable, proved or refuted.
//!
//! In: resolved policy, and what was compiled of it. Out: a [`Judgement`] for each assertion, and a report for each claim that
//! does not hold, with a request that shows it. Judged is what the manifests admit, which is proved beside this to be what the
//! policy means. Whatever no file tells counts against a claim: it is then not proved, and never said to hold.

mod callers;
mod claims;
mod exempt;
mod hops;
mod outside;
mod ports;
mod report;
mod terrain;
mod ways;

use ringfence_compiler::compile::Compiled;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::resolve::Resolved;

use self::terrain::{Land, Terrain};
use crate::policies::Policies;
use crate::surroundings::Surroundings;
use crate::translation;

/// What is known of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Proved,
    /// It does not, and this shows it.
    Broken(Evidence),
    /// Whether it holds depends on what no file tells.
    NotProved(Evidence),
}

/// What speaks against a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What is so, in a sentence.
    pub because: String,
    /// The steps that show it: one, or a path of several.
    pub steps: Vec<Step>,
}

/// One caller at one port of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The caller.
    pub from: String,
    /// The workload.
    pub to: String,
    /// The port; `None` where it is no call.
    pub port: Option<u16>,
    /// A request that gets through; `None` where none does, or where no proxy reads them.
    pub request: Option<String>,
    /// What decided at each gate.
    pub decided: Vec<String>,
    /// The statement of the policy that admits the request, where one does.
    pub statement: Option<String>,
}

/// One claim of an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The field it is written in: `never`, `always`, `hops`, `isolated`, `outside`, `ways` or `requests`.
    pub field: &'static str,
    /// What is claimed, in a sentence.
    pub text: String,
    /// What is known of it.
    pub verdict: Verdict,
}

/// An assertion and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Its name.
    pub name: String,
    /// The node it is written in.
    pub node: String,
    /// The controls it is evidence for.
    pub controls: Vec<String>,
    /// Its claims, as they are written.
    pub claims: Vec<Claim>,
}

impl Verdict {
    /// Returns the word that programs read.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Broken(_) => "broken",
            Self::NotProved(_) => "not-proved",
        }
    }

    /// Returns what speaks against the claim.
    #[must_use]
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Proved => None,
            Self::Broken(evidence) | Self::NotProved(evidence) => Some(evidence),
        }
    }
}

impl Judgement {
    /// Returns the word for the whole: that of its worst claim.
    #[must_use]
    pub fn word(&self) -> &'static str {
        let words = || self.claims.iter().map(|claim| claim.verdict.word());
        let worst = ["broken", "not-proved"].into_iter().find(|worst| words().any(|word| word == *worst));
        worst.unwrap_or("proved")
    }
}

/// Judges every assertion, in the order of their files.
///
/// `around` says what the manifests of a cluster say of pods and rights; it is asked where some claim is about that.
pub fn judge(
    resolved: &Resolved<'_>,
    compiled: &Compiled,
    around: &(dyn Fn(&str) -> Surroundings + Sync),
    diagnostics: &mut Diagnostics,
) -> Vec<Judgement> {
    let assertions = &resolved.world.parsed.policy.assertions;
    if assertions.is_empty() {
        return Vec::new();
    }
    // What cannot be read back was reported by the proof.
    let read = |name: &str| translation::read(name, compiled, &mut Diagnostics::new());
    let read = |name: &str| translation::with_ungoverned(read(name), &resolved.world, name);
    let policies: Vec<Policies> = resolved.world.clusters.keys().map(|name| read(name)).collect();
    let clusters = resolved.world.clusters.iter().zip(&policies);
    let lands = clusters.map(|((name, cluster), policies)| Land::of(name, cluster, policies)).collect();
    let terrain = Terrain::of(resolved, lands);
    let mut judgements: Vec<Judgement> =
        assertions.iter().map(|assertion| terrain.judge(assertion, diagnostics)).collect();
    ways::judge(&terrain, around, &mut judgements, diagnostics);
    judgements
}
